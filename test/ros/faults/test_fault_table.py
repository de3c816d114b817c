# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A short `make faults`, at a pace that busy machines keep up with; no time is judged."""

import json
import subprocess
import sys

import pytest

TRIED = ("resolution", "disk full", "node killed", "-1 h, stamps do not", "fuzzed")
LIMIT = 600.0  # seconds after which a test gives up: a very busy machine needs some of them

pytestmark = pytest.mark.timeout(LIMIT + 60)  # later than the processes' own


def faults(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "rs_monitor.ros.faults", *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def test_faults_are_told_and_got_over(tmp_path):
    path = tmp_path / "faults.json"
    done = faults("--slow", "--messages", "100", "--only", *TRIED, "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 faults passed" in done.stdout
    found = json.loads(path.read_text())
    assert found["failed"] == []
    for row in found["rows"]:
        assert row["certificates"] > 0 == row["unfounded"]
        assert row["to_certified"] is not None is not row["to_safe"]
    for row in found["rows"][-2:]:
        assert row["certificates"] > 100
        assert "INVALID_INPUT" in row["seen"] and "UNSUPPORTED_ENCODING" in row["seen"]


def test_a_recovery_that_takes_too_long_is_a_failure():
    only = ("--only", "fuzzed Image", "--messages", "20")
    done = faults(*only, "--recovery", "0", "--json", "-")
    assert done.returncode == 1, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert "to recover" in row["problems"][0]
    assert "0 of 1 faults passed" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--only", "no such fault"), "no fault has this in its name"),
        (("--json", "/no/such/folder/table.json"), "No such file or directory"),
        (("--messages", "-1"), "must be at least 0"),
    ],
)
def test_wrong_usage(arguments, reason):
    done = faults(*arguments)
    assert done.returncode == 2
    assert reason in done.stderr and "Traceback" not in done.stderr
