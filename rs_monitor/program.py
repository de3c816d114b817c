# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What programs that people start have in common: what goes wrong is one line and a status."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .datasets import DataError
from .engines import EngineError
from .models import ModelError


class UsageError(Exception):
    """Wrong usage or input: one line on standard error, exit status 2."""


def _why_no_file_in(folder: str) -> str:
    """Return why no file can be made in a folder; "" when one can."""
    try:
        # Tried, not asked: of a read-only disk or of /proc, permissions do not tell.
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror


def file_kind(path: str | Path) -> int:
    """Return the mode of what is at a path, links followed; a file's where nothing is yet."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return stat.S_IFREG


def check_output(path: str | Path | None) -> None:
    """Refuse a file that could not be written, before the work whose result is to go there.

    Raises
    ------
    UsageError
    """
    if path is None:
        return
    if path == "-":
        if sys.stdout is None:
            raise UsageError("cannot write to standard output: it is closed")
        return
    try:
        kind, reason = file_kind(path), ""
        if stat.S_ISDIR(kind) or not os.fspath(path):
            reason = os.strerror(errno.EISDIR if path else errno.ENOENT)
        elif os.path.exists(path) and not os.access(path, os.W_OK):
            reason = os.strerror(errno.EACCES)
        elif stat.S_ISREG(kind):  # a new one takes its place when it is whole
            reason = _why_no_file_in(os.path.dirname(os.path.realpath(path)))
    except OSError as error:
        reason = error.strerror
    except ValueError as error:  # a zero byte in the name
        reason = str(error)
    if reason:
        raise UsageError(f"cannot write {path}: {reason}")


def check_folder(path: Path) -> None:
    """Refuse a folder that could not be made or written to, before the work that is to fill it.

    Raises
    ------
    UsageError
    """
    reason = ""
    for folder in (path, *path.absolute().parents):
        try:
            os.lstat(folder)
        except FileNotFoundError:
            continue
        except OSError as error:  # a file among its parents, a name that is too long
            reason = error.strerror
        except ValueError as error:  # a zero byte in the name
            reason = str(error)
        else:
            reason = _why_no_file_in(os.fspath(folder))
        break
    if reason:
        raise UsageError(f"cannot write {path}: {reason}")


def _drop_output() -> None:
    """Keep the interpreter from trying, at exit, to write what could not be written."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # also one with no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
        0, or what `run` returned; 1 for a failure; 2 for wrong usage or input, with one line on
        standard error.
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
