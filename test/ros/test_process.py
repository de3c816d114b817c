# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How the nodes' processes start."""

import signal
import subprocess
import sys

import pytest
from monitor_process import LIMIT, end

PROGRAMS = ("rs_monitor.ros.node", "rs_monitor.ros.safety_node")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_signal_during_the_imports_ends_the_process(program, number):
    words = [sys.executable, "-X", "importtime", "-m", program]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:  # one for every module, as soon as it is imported
            if line.endswith(" rclpy.parameter\n"):
                break
        process.send_signal(number)
        _, rest = process.communicate(timeout=LIMIT)
    finally:
        end(process)
    assert process.returncode == 0
    assert "Traceback" not in rest
