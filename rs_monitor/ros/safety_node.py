# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m rs_monitor.ros.safety_node`, and the executable `safety_monitor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import SAFETY_MONITOR
from .process import run

if TYPE_CHECKING:
    from .safety_monitor import SafetyMonitor


def _load() -> type[SafetyMonitor]:
    from .safety_monitor import SafetyMonitor

    return SafetyMonitor


def main(args: list[str] | None = None) -> int:
    """Run the safety monitor until a signal; returns the exit status, see `run`."""
    return run(SAFETY_MONITOR, _load, args)


if __name__ == "__main__":
    sys.exit(main())
