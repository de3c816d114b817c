# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m rs_monitor.ros.node`, and the executable `certify_node`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import CERTIFIER
from .process import run

if TYPE_CHECKING:
    from .certifier_node import CertifierNode


def _load() -> type[CertifierNode]:
    from .certifier_node import CertifierNode

    return CertifierNode


def main(args: list[str] | None = None) -> int:
    """Run the certifier until a signal; returns the exit status, see `run`."""
    return run(CERTIFIER, _load, args)


if __name__ == "__main__":
    sys.exit(main())
