# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
""".ci/run: which line comes last, and which exit status, with a make that does nothing."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAKE = """#!/bin/sh
case $1 in
  audit) echo "audit: findings"; exit "$AUDIT" ;;
  test) echo "1 passed in 0.1s"
        [ "$TESTS" = 0 ] || echo "make: *** [Makefile:1: test] Error $TESTS"
        exit "$TESTS" ;;
esac
"""


@pytest.mark.parametrize(
    ("audit", "tests", "status"),
    [(0, 0, 0), (1, 0, 1), (2, 0, 2), (0, 2, 2), (1, 2, 2), (124, 0, 0), (137, 0, 0)],
)
def test_status_and_last_line(tmp_path, audit, tests, status):
    for name, content in (
        ("make", MAKE),
        ("apt-get", "#!/bin/sh\n"),
        ("chromedriver", "#!/bin/sh\n"),
    ):
        program = tmp_path / name
        program.write_text(content)
        program.chmod(0o755)
    environment = {"AUDIT": str(audit), "TESTS": str(tests)}
    environment["PATH"] = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines()[-1] == "1 passed in 0.1s"
    late = "not done: no answer within 3 minutes" in done.stdout
    assert late == (audit in (124, 137))
