# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import signal
import sys

from rs_monitor import __main__


class Interrupted:
    """An importer that is interrupted, as by a Ctrl-C, when the command line is imported."""

    def find_spec(self, name, path=None, target=None):
        if name == "rs_monitor.cli":
            raise KeyboardInterrupt


def test_a_ctrl_c_during_the_imports_is_no_traceback(monkeypatch):
    monkeypatch.delitem(sys.modules, "rs_monitor.cli", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert __main__.main() == 128 + signal.SIGINT


def test_the_command_line_is_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rs_monitor", "plan", "--n", "100"])
    assert __main__.main() == 0
    assert "alpha" in capsys.readouterr().out
