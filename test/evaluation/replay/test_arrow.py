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
from pathlib import Path
from rs_monitor.evaluation.replay.arrow import pack, unpack
def threads():  # but those of the allocator, which hold nothing of Python's
    tasks = Path("/proc/self/task").iterdir()
    return {{t.name for t in tasks if not (t / "comm").read_text().startswith("jemalloc")}}
content = pack({ROWS!r}, {COLUMNS!r}, {{}})
before = threads()
unpack(content)
assert threads() == before
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
