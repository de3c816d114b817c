# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The command `rs_monitor`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from . import __version__
from .program import check_output, run_told

# Each is the module of its name in .commands.
_COMMANDS = (
    "benchmark",
    "build-engine",
    "certify",
    "demo",
    "evaluate",
    "figures",
    "import-checkpoint",
    "models",
    "plan",
    "predict",
    "quantize",
    "replay",
    "train",
    "verify-engine",
)


def build_parser(commands: Sequence[str] = _COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of these subcommands, by default of all; it imports their modules."""
    parser = argparse.ArgumentParser(
        prog="rs_monitor",
        description="Certified radii for camera classifiers by randomized smoothing.",
    )
    parser.add_argument("--version", action="version", version=f"rs_monitor {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in commands:
        module = importlib.import_module(f".commands.{command.replace('-', '_')}", __package__)
        module.add_parser(subparsers)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand.

    Returns
    -------
    int
        0; 1 for a failure; 2 for wrong usage or input, with one line on standard error.
    """
    argv = sys.argv[1:] if argv is None else argv
    # The other subcommands' modules would double the time until the one asked for begins.
    commands = argv[:1] if argv and argv[0] in _COMMANDS else _COMMANDS
    arguments = build_parser(commands).parse_args(argv)

    def run() -> int:
        check_output(getattr(arguments, "json", None))
        return arguments.run(arguments)

    return run_told(f"rs_monitor {arguments.command}", run)


if __name__ == "__main__":
    sys.exit(main())
