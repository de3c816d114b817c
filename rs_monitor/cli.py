# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The command `rs_monitor`."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable

from . import __version__
from .commands import (
    UsageError,
    benchmark,
    build_engine,
    certify,
    check_output,
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
from .datasets import DataError
from .engines import EngineError
from .models import ModelError

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


def _drop_output() -> None:
    """Keep the interpreter from trying, at exit, to write what could not be written."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # also one with no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def run_told(program: str, run: Callable[[], int | None]) -> int:
    """Run what people have started; what goes wrong becomes one line and an exit status.

    Parameters
    ----------
    program : str
        Its name, for the line.
    run : callable
        Returns the exit status; None for 0.

    Returns
    -------
    int
        As of `main`.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name or a sign that the terminal's encoding lacks must not end a run.
            stream.reconfigure(errors="backslashreplace")
    try:
        status = run() or 0
        if sys.stdout is not None:  # closed, as by >&-
            sys.stdout.flush()
        return status
    except (UsageError, DataError, ModelError) as error:
        status, message = 2, str(error)
    except EngineError as error:
        status, message = 1, str(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does: no complaint, also not at exit.
        _drop_output()
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.filename is None:  # a stream: standard output on a full disk
            _drop_output()
        status, message = 2, f"{error.filename or 'standard output'}: {error.strerror or error}"
    print(f"{program}: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
