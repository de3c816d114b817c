# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier on a machine whose speed is in a file: seconds that every sample takes more."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from rclpy.utilities import remove_ros_args
from slowed_engine import Slowness

from rs_monitor.ros import CERTIFIER
from rs_monitor.ros.certifier_node import CertifierNode
from rs_monitor.ros.process import run


def main() -> int:
    """Run the node."""
    seconds = Path(remove_ros_args(sys.argv)[1])
    slowness = Slowness(lambda: float(seconds.read_text()))
    return run(CERTIFIER, lambda: functools.partial(CertifierNode, slowness), sys.argv)


if __name__ == "__main__":
    sys.exit(main())
