# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

pytest.importorskip("pyarrow", reason="replay writes Parquet with pyarrow")

COLUMNS = {"frame": "int64", "name": "string", "votes": "list<int32>"}
ROWS = [{"frame": i, "name": f"frame {i}", "votes": [i, 100 - i]} for i in range(100)]


def test_what_is_packed_is_unpacked():
    from rs_monitor.evaluation.replay.arrow import pack, unpack

    found, notes = unpack(pack([*ROWS, {"frame": 100}], COLUMNS, {"reading": 0.5}))
    assert found.to_pylist() == [*ROWS, {"frame": 100, "name": None, "votes": None}]
    assert notes == {"reading": 0.5}


def test_unpacking_leaves_no_thread_that_could_outlive_the_interpreter():
    code = f"""
import os
from rs_monitor.evaluation.replay.arrow import pack, unpack
content = pack({ROWS!r}, {COLUMNS!r}, {{}})
before = set(os.listdir("/proc/self/task"))
unpack(content)
assert set(os.listdir("/proc/self/task")) == before
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
