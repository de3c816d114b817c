# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Votes of noisy copies, and their counting."""

from __future__ import annotations

import dataclasses

import numpy as np

from .errors import EngineError


@dataclasses.dataclass(frozen=True)
class Votes:
    """Votes of noisy copies of one frame.

    Attributes
    ----------
    counts : numpy.ndarray
        int64 [K], votes for each class.
    invalid : int
        Samples whose logits were not finite: drawn, but for no class.
    n : int
        Samples drawn; counts.sum() + invalid.
    """

    counts: np.ndarray
    invalid: int
    n: int

    def __post_init__(self) -> None:
        if int(self.counts.sum()) + self.invalid != self.n:
            raise EngineError(
                f"votes do not add up: {int(self.counts.sum())} counted and {self.invalid} "
                f"invalid of {self.n} drawn"
            )

    def __add__(self, other: Votes) -> Votes:
        return Votes(self.counts + other.counts, self.invalid + other.invalid, self.n + other.n)


def count_votes(logits: np.ndarray) -> tuple[np.ndarray, int]:
    """Count the argmax of each row.

    Parameters
    ----------
    logits : numpy.ndarray
        float [n, K].

    Returns
    -------
    (numpy.ndarray, int)
        int64 [K] votes, and the number of rows that hold a non-finite value.
    """
    finite = np.isfinite(logits)
    winners = logits.argmax(axis=1)
    if not finite.all():
        winners = winners[finite.all(axis=1)]
    counts = np.bincount(winners, minlength=logits.shape[1]).astype(np.int64)
    return counts, int(len(logits) - len(winners))
