# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One image of an evaluation's log: a line of TSV for the field, one of JSON with the votes."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np

from ..engines import EngineError, Votes
from .measuring import Measured

#: Decimals of the radii in the TSV, rounded down: never more than is certified.
DECIMALS = 6


@dataclasses.dataclass(frozen=True)
class Row:
    """One image of a log.

    Attributes
    ----------
    index, label : int
        The image's number in its data set, and its class.
    votes : Votes
        Of all samples.
    tops : tuple of int
        The class with most votes after each n; -1 for none.
    predict : int
        The class that is certified; -1 for an abstention.
    radius : float
    seconds : float
        That the image took.
    """

    index: int
    label: int
    votes: Votes
    tops: tuple[int, ...]
    predict: int
    radius: float
    seconds: float

    @classmethod
    def of(cls, measured: Measured, index: int, label: int, seconds: float) -> Row:
        """Return the row of an image."""
        certificate = measured.certificate
        tops = tuple(measured.top_class.values())
        return cls(
            index, label, measured.votes, tops, certificate.class_id, certificate.radius, seconds
        )

    def tsv(self) -> str:
        """Return the row as the field's logs have it."""
        correct = int(self.predict == self.label)
        radius = math.floor(self.radius * 10**DECIMALS) / 10**DECIMALS
        return (
            f"{self.index}\t{self.label}\t{self.predict}\t{radius:.{DECIMALS}f}\t{correct}\t"
            f"{self.seconds:.6f}\n"
        )

    def json(self) -> str:
        """Return the row as a line of the file of votes."""
        counts = self.votes.counts
        fields = {
            "idx": self.index,
            "label": self.label,
            "votes": {str(i): int(counts[i]) for i in np.flatnonzero(counts)},
            "invalid": self.votes.invalid,
            "tops": self.tops,
            "predict": self.predict,
            "radius": self.radius,
            "time": self.seconds,
        }
        return json.dumps(fields) + "\n"

    @classmethod
    def from_json(cls, line: bytes, classes: int) -> Row:
        """Read what `json` wrote; ValueError for anything else."""
        try:
            fields = json.loads(line)
            counts = np.zeros(classes, np.int64)
            for name, value in fields["votes"].items():
                counts[_below(int(name), classes)] = _integer(value)
            invalid, tops = (
                _integer(fields["invalid"]),
                tuple(_top(top, classes) for top in fields["tops"]),
            )
            votes = Votes(counts, invalid, int(counts.sum()) + invalid)
            numbers = (float(fields[name]) for name in ("radius", "time"))
            predict = _integer(fields["predict"])
            if min(counts.min(), invalid) < 0:
                raise ValueError("a number is negative")
            return cls(
                _integer(fields["idx"]), _integer(fields["label"]), votes, tops, predict, *numbers
            )
        except (
            ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError,
            RecursionError, EngineError,
        ) as error:  # fmt: skip
            raise ValueError(
                f"it is not a row of votes ({type(error).__name__}: {error})"
            ) from None


def _integer(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is not an integer")
    return value


def _top(value: object, classes: int) -> int:
    return value if _integer(value) == -1 else _below(value, classes)


def _below(value: object, classes: int) -> int:
    if not 0 <= _integer(value) < classes:
        raise ValueError(f"class {value} is out of range")
    return value
