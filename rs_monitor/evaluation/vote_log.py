# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The log of an evaluation, and beside it the votes, from which an interrupted one goes on."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..files import replacing
from .fingerprints import described, differing
from .measuring import Measured, conclude
from .vote_row import Row

#: Ending of the file of votes, which lies beside the log.
VOTES = ".votes"

_FORMAT = 1
_HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"  # the field's (Cohen et al. 2019)


class VoteLogError(ValueError):
    """A log that cannot be gone on with; the message says which, why and what to do."""


class TsvStream:
    """The log alone, for a stream or device that nothing can be read back from."""

    done: tuple[Row, ...] = ()

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        stream.write(_HEADER)

    def append(self, row: Row) -> None:
        """Write a row."""
        self._stream.write(row.tsv())
        self._stream.flush()


class VoteLog:
    """The log of an evaluation in a file, which is locked while this is open.

    The votes are written first, row by row, into the file of votes; the log follows, and is
    written anew from the votes when an evaluation goes on, so that it does not matter where either
    was cut off.

    Parameters
    ----------
    path : Path
        The log: new, empty, or of an evaluation with the same settings.
    settings : dict
        All that the votes depend on.
    classes : int
        Of the model.

    Raises
    ------
    VoteLogError
        When there is anything else, or another process writes it.
    OSError
        When it cannot be read or written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any], classes: int) -> None:
        self.path = path
        self.votes = path.with_name(path.name + VOTES)
        if path.exists() and not path.is_file():
            raise VoteLogError(f"{path} is not a regular file")
        if path.exists() and path.stat().st_size and not self.votes.exists():
            raise VoteLogError(
                f"{path} is there already, but not the votes behind it ({self.votes.name}), so it "
                "cannot be gone on with: name another file, or remove it"
            )
        if self.votes.exists() and not self.votes.is_file():
            raise VoteLogError(f"{self.votes} is not a regular file")
        self._file = self.votes.open("ab+")
        self._log: TextIO | None = None
        try:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise VoteLogError(f"another evaluation is writing to {path}") from error
            # As read back from JSON, in which a tuple is a list.
            wanted = json.loads(json.dumps({"format": _FORMAT} | dict(settings)))
            self.done = self._read(wanted, classes)
            with replacing(path) as partial:
                text = _HEADER + "".join(row.tsv() for row in self.done)
                partial.write_text(text, encoding="utf-8")
            self._log = path.open("a", encoding="utf-8")
        except BaseException:
            self.close()
            raise

    def _read(self, wanted: dict[str, Any], classes: int) -> list[Row]:
        """Check the settings, return the rows, and drop a last one that was cut off."""
        self._file.seek(0)
        beginning = (json.dumps(wanted) + "\n").encode()
        first = self._file.readline()
        if not first.endswith(b"\n"):
            if not beginning.startswith(first):
                raise VoteLogError(f"{self.votes} is not a file of votes: name another log")
            self._file.truncate(0)
            self._file.write(beginning)
            self._file.flush()
            return []
        self._compare(first, wanted)
        rows, whole = [], self._file.tell()
        for number, line in enumerate(self._file, 2):
            if not line.endswith(b"\n"):
                break
            try:
                rows.append(Row.from_json(line, classes))
            except ValueError as error:
                raise VoteLogError(
                    f"{self.votes}, line {number}: {error}: remove it and {self.path.name} to "
                    "begin anew"
                ) from error
            whole += len(line)
        self._file.truncate(whole)
        self._file.seek(0, os.SEEK_END)
        return rows

    def _compare(self, first: bytes, wanted: dict[str, Any]) -> None:
        try:
            there = json.loads(first)
            names = differing(there, wanted)
        except (ValueError, AttributeError, RecursionError) as error:
            raise VoteLogError(f"{self.votes} is not a file of votes: name another log") from error
        if names:
            raise VoteLogError(
                f"{self.path} is the log of another evaluation "
                f"({described(names, there, wanted)}): name another file, or remove it and "
                f"{self.votes.name}"
            )

    def append(self, row: Row) -> None:
        """Keep a row.

        Raises
        ------
        OSError
            When it cannot be written; what was kept before still is.
        """
        self._file.write(row.json().encode())
        self._file.flush()
        self._log.write(row.tsv())
        self._log.flush()

    def close(self) -> None:
        """Release the files."""
        for file in (self._log, self._file):
            if file is not None:
                file.close()


def resumed(
    log: VoteLog | TsvStream,
    index: np.ndarray,
    labels: np.ndarray,
    *,
    ns: Sequence[int],
    sigma: float,
    alpha: float,
    procedure: str,
) -> list[Measured]:
    """Return what `measure` gave for the rows that the log holds.

    Parameters
    ----------
    log : VoteLog or TsvStream
    index, labels : numpy.ndarray
        int [N], of the images in their order.
    ns, sigma, alpha, procedure
        As for `measure`.

    Raises
    ------
    VoteLogError
        When a row is of another image or n.
    """
    measured = []
    for place, row in enumerate(log.done):
        known = place < len(index) and (row.index, row.label) == (index[place], labels[place])
        if not known or row.votes.n != ns[-1] or len(row.tops) != len(ns):
            raise VoteLogError(
                f"{log.votes}, line {place + 2}: it is not of image {place + 1} at n = {ns[-1]}: "
                f"remove it and {log.path.name} to begin anew"
            )
        tops = dict(zip(ns, row.tops))
        measured.append(
            conclude(row.votes, tops, row.label, sigma=sigma, alpha=alpha, procedure=procedure)
        )
    return measured


def recorder(
    log: VoteLog | TsvStream, index: np.ndarray, labels: np.ndarray, each: Callable[[], object]
) -> Callable[[int, Measured], None]:
    """Return what `measure` may call for each image: it keeps the row and its time.

    Parameters
    ----------
    log : VoteLog or TsvStream
    index, labels : numpy.ndarray
        int [N], of the images in their order.
    each : callable
        Called after every row.
    """
    last = time.monotonic()

    def record(place: int, measured: Measured) -> None:
        nonlocal last
        now = time.monotonic()
        log.append(Row.of(measured, int(index[place]), int(labels[place]), now - last))
        last = now
        each()

    return record
