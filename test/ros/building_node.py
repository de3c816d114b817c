# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier whose engine is built when a file allows it, as TensorRT's would be."""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path
from typing import Any

from rclpy.utilities import remove_ros_args

from rs_monitor.engines import Builds, Engine, EngineError, EngineNotBuilt, When, open_engine
from rs_monitor.ros import CERTIFIER
from rs_monitor.ros.certifier_node import CertifierNode
from rs_monitor.ros.process import run


def main() -> int:
    """Run the node; the file's content, once it has one, says how the build ends."""
    verdict = Path(remove_ros_args(sys.argv)[1])
    built = verdict.with_suffix(".built")

    def build(progress: Any) -> None:
        steps = 0
        while not (verdict.exists() and (how := verdict.read_text())):
            steps += 1
            progress("Optimising", steps, 1000000)
            time.sleep(0.01)
        if how != "good":
            raise EngineError(how)
        built.touch()

    def opener(*arguments: Any, builds: Builds, **named: Any) -> Engine:
        if not built.exists():
            if builds.when is When.NEVER:
                raise EngineError("not built, and engine.build is false")
            raise EngineNotBuilt(f"{builds.folder} has no engine", build)
        return open_engine(*arguments, **named)

    return run(CERTIFIER, lambda: functools.partial(CertifierNode, opener), sys.argv)


if __name__ == "__main__":
    sys.exit(main())
