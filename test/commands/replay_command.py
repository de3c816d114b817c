# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor replay`, in this process and in others."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet
from unmeasured import unmeasured

from rs_monitor.cli import main

LIMIT = 120.0  # seconds after which a test gives up
COUNT = 60  # frames of the recording


def options(*words, card, out, processes=1):
    common = ["--model", card, "--precision", "fp32", "--seed", "1", "--out", out]
    if processes:
        common += ["--processes", processes]
    return ["replay", *map(str, [*words, *common])]


def replay(*words, **places):
    assert main(options(*words, **places)) == 0
    return results(places["out"])


def results(out):
    return rows(out), json.loads((Path(out) / "summary.json").read_text())


def rows(out):
    return pyarrow.parquet.read_table(Path(out) / "frames.parquet").to_pylist()


def start(*words, **places):
    return subprocess.Popen(
        [sys.executable, "-m", "rs_monitor", *options(*words, **places)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process):
    end = time.monotonic() + LIMIT
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


def done_parts(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("parts/*.parquet")}


def error_of(capsys, *words, status=2, **places):
    assert main(options(*words, **places)) == status
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert said.out == ""
    return line


def with_room_for(size, words):
    """Run a command that can write no file beyond a size in bytes; return what it says."""
    command = [sys.executable, "-m", "rs_monitor", *words]
    code = f"import resource, os; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, -1)); "
    code += f"os.execv({sys.executable!r}, {command!r})"
    start = [sys.executable, "-c", code]
    done = subprocess.run(start, env=unmeasured(), capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    return line
