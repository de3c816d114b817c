# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m rs_monitor`, and the command `rs_monitor`."""

import signal
import sys


def main() -> int:
    """Run the command line; a Ctrl-C while it is still being imported is no traceback either."""
    try:
        from .cli import main as run
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return run()


if __name__ == "__main__":
    sys.exit(main())
