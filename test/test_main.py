# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import sys
import time

import pytest

from rs_monitor import __main__


class Interrupted:
    """An importer that is interrupted, as by a Ctrl-C, when a module is imported."""

    def __init__(self, module):
        self._module = module

    def find_spec(self, name, path=None, target=None):
        if name == self._module:
            raise KeyboardInterrupt


@pytest.mark.parametrize("module", ["rs_monitor.cli", "rs_monitor.commands.plan"])
def test_a_ctrl_c_during_the_imports_is_no_traceback(monkeypatch, module):
    monkeypatch.setattr(sys, "argv", ["rs_monitor", "plan", "--n", "100"])
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(module), *sys.meta_path])
    assert __main__.main() == 128 + signal.SIGINT


@pytest.fixture(autouse=True)
def signals_as_before():
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_command_leaves_nothing_in_tmp(tmp_path, number):
    command = ["benchmark", "--architecture", "resnet20", "--seconds", "600"]
    with subprocess.Popen(
        [sys.executable, "-m", "rs_monitor", *command],
        env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        until = time.monotonic() + 100
        while not list(tmp_path.glob("rs_monitor*/*")) and process.poll() is None:
            assert time.monotonic() < until
        process.send_signal(number)
        _, error = process.communicate(timeout=100)
    if "needs PyTorch" in error:
        pytest.skip(error)
    assert process.returncode == 128 + number, error
    assert not list(tmp_path.iterdir())


def test_the_command_line_is_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rs_monitor", "plan", "--n", "100"])
    assert __main__.main() == 0
    assert "alpha" in capsys.readouterr().out
