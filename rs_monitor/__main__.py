# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m rs_monitor`, and the command `rs_monitor`."""

import signal
import sys


def main() -> int:
    """Run the command line; a Ctrl-C while modules are still being imported is no traceback."""
    try:
        from .cli import main as run

        return run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
