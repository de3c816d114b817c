# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Makefile: which Python it makes the environment with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def first_line(*arguments):
    command = ["make", "-n", "-C", str(ROOT), *arguments]
    outer = ("PYTHON", "VENV", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES")  # of `make test` itself
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return [line for line in done.stdout.splitlines() if "setup_venv.py" in line][0]


def test_an_environment_keeps_its_python(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    own = Path(sys.executable).resolve()
    assert first_line("test", f"VENV={tmp_path}") == f"{own} tools/setup_venv.py {tmp_path}"


@pytest.mark.parametrize("made", [False, True])
def test_another_python_where_asked_or_none_is_left(tmp_path, made):
    if made:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "python").symlink_to(tmp_path / "removed")
    assert first_line("test", f"VENV={tmp_path}").startswith("python3 tools/")
    assert first_line("test", f"VENV={tmp_path}", "PYTHON=other").startswith("other tools/")
