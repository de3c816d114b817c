# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The command `rs_monitor`."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from . import __version__
from .commands import UsageError, certify, demo, evaluate, models, replay
from .engines import EngineError
from .models import ModelError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="rs_monitor",
        description="Certified radii for camera classifiers by randomized smoothing.",
    )
    parser.add_argument("--version", action="version", version=f"rs_monitor {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in (certify, demo, evaluate, models, replay):
        command.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand.

    Returns
    -------
    int
        0; 1 for a failure; 2 for wrong usage or input, with one line on standard error.
    """
    arguments = build_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except (UsageError, ModelError) as error:
        status, message = 2, str(error)
    except EngineError as error:
        status, message = 1, str(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: no complaint, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    print(f"rs_monitor {arguments.command}: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
