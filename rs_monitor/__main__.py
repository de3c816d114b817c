# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m rs_monitor`, and the command `rs_monitor`."""

import signal
import sys


def main() -> int:
    """Run the command line; a Ctrl-C while modules are still being imported is no traceback.

    SIGTERM and SIGHUP end it as an exception does, so that nothing is left in /tmp.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup's
            signal.signal(number, _end)
    try:
        from .cli import main as run

        return run()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
