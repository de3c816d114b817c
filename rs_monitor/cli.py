# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The command `rs_monitor`."""

from __future__ import annotations

import argparse
import sys

from . import __version__
from .commands import (
    benchmark,
    build_engine,
    certify,
    demo,
    evaluate,
    figures,
    import_checkpoint,
    models,
    plan,
    predict,
    quantize,
    replay,
    train,
    verify_engine,
)
from .program import check_output, run_told

_COMMANDS = (
    benchmark,
    build_engine,
    certify,
    demo,
    evaluate,
    figures,
    import_checkpoint,
    models,
    plan,
    predict,
    quantize,
    replay,
    train,
    verify_engine,
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="rs_monitor",
        description="Certified radii for camera classifiers by randomized smoothing.",
    )
    parser.add_argument("--version", action="version", version=f"rs_monitor {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
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

    def run() -> int:
        check_output(getattr(arguments, "json", None))
        return arguments.run(arguments)

    return run_told(f"rs_monitor {arguments.command}", run)


if __name__ == "__main__":
    sys.exit(main())
