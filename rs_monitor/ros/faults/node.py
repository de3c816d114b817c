# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier, all of it real but for engines that fail on command.

`python -m rs_monitor.ros.faults.node --fault-file PATH --ros-args ...`: the file names the fault
in force, see `Fault`. For trying what the node and its consumers do; never for operation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rclpy.utilities import remove_ros_args

from ...engines import Engine, open_engine
from .. import CERTIFIER
from ..certifier_node import CertifierNode
from ..process import run
from .engine import FaultFile, FaultyEngine


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal; returns the exit status."""
    arguments = sys.argv if args is None else args
    parser = argparse.ArgumentParser(description="The certifier with engines that fail.")
    parser.add_argument("--fault-file", type=Path, required=True, metavar="PATH")
    faults = FaultFile(parser.parse_args(remove_ros_args(arguments)[1:]).fault_file)

    def opener(*positional: Any, **named: Any) -> Engine:
        return FaultyEngine(open_engine(*positional, **named), faults)

    def make() -> CertifierNode:
        node = CertifierNode(opener)
        node.get_logger().warning("the engines fail on command: not for operation")
        return node

    return run(CERTIFIER, lambda: make, arguments)


if __name__ == "__main__":
    sys.exit(main())
