# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier whose first engine fails at its first frame, and whose next one never opens."""

from __future__ import annotations

import functools
import sys
import threading
from pathlib import Path
from typing import Any

from rclpy.utilities import remove_ros_args

from rs_monitor.engines import Engine, open_engine
from rs_monitor.ros import CERTIFIER
from rs_monitor.ros.certifier_node import CertifierNode
from rs_monitor.ros.faults.engine import FaultFile, FaultyEngine
from rs_monitor.ros.process import run


def main() -> int:
    """Run the node; the file names the fault, and one beside it is there once it opens anew."""
    file = Path(remove_ros_args(sys.argv)[1])
    engines: list[Engine] = []

    def opener(*arguments: Any, **named: Any) -> Engine:
        if engines:
            file.with_suffix(".opening").touch()
            threading.Event().wait()
        engines.append(FaultyEngine(open_engine(*arguments, **named), FaultFile(file)))
        return engines[-1]

    return run(CERTIFIER, lambda: functools.partial(CertifierNode, opener), sys.argv)


if __name__ == "__main__":
    sys.exit(main())
