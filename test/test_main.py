# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import signal
import sys

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


def test_the_command_line_is_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rs_monitor", "plan", "--n", "100"])
    assert __main__.main() == 0
    assert "alpha" in capsys.readouterr().out
