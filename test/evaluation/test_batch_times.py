# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from rs_monitor.evaluation.batch_times import BatchTime, read_batch_times

ROW = {"batch": 16, "resolution": "full", "median_ms": 4, "p95_ms": 4.5, "p99_ms": 5.0}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_rows_are_read(tmp_path):
    content = {"device": "a CPU", "rows": [ROW, {"batch": 1, "median_ms": 0.5, "p99_ms": None}]}
    document, rows = read_batch_times(write(tmp_path / "b.json", content))
    assert document == content
    assert rows == [BatchTime(16, "full", 4.0, 5.0), BatchTime(1, None, 0.5, None)]
    assert read_batch_times(write(tmp_path / "b.json", {"rows": []}))[1] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "no list of rows"),
        ({"rows": [3]}, "no list of rows"),
        ({"rows": [ROW | {"batch": 1.5}]}, "row 0: batch must be an integer from 1 on, got 1.5"),
        (
            {"rows": [ROW, ROW | {"batch": "64"}]},
            "row 1: batch must be an integer from 1 on, got '64'",
        ),
        (
            {"rows": [{"batch": 1, "median_ms": "x"}]},
            "row 0: median_ms must be a finite number above 0",
        ),
        ({"rows": [ROW | {"batch": 10**400}]}, "row 0: batch must be at most"),
        ({"rows": [ROW | {"p99_ms": 10**400}]}, "row 0: p99_ms must be a finite number above 0"),
        ({"rows": [{"batch": 1}]}, "row 0: median_ms must be a finite number above 0, got None"),
        ('{"rows": [{"batch": 1, "median_ms": NaN}]}', "row 0: median_ms must be"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, content, reason):
    path = write(tmp_path / "b.json", content)
    with pytest.raises(ValueError, match=f"^benchmark {path}: ") as caught:
        read_batch_times(path)
    assert reason in str(caught.value)
