# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Noisy samples of one frame, drawn chunk by chunk while its time lasts."""

from __future__ import annotations

import numpy as np

from .engines import Engine, Votes
from .pacing import ChunkPace
from .settings import MAX_N

#: Samples a forward pass where the same seed must give the same counts, run by run.
FIXED_CHUNK = 64


class Draw:
    """The samples of one frame, taken in order while its time lasts."""

    def __init__(
        self,
        engine: Engine,
        pace: ChunkPace,
        image: np.ndarray,
        sigma: float,
        key: bytes,
        deadline: float | None,
    ) -> None:
        self._engine, self._pace, self._image = engine, pace, image
        self._sigma, self._key, self._deadline = sigma, key, deadline
        self._start = 0

    def take(self, n: int, least: int = 1) -> Votes | None:
        """Draw n samples, or with n = 0 at most `MAX_N`; fewer where the time is over before.

        Stopping looks at the clock only, never at the votes: Clopper-Pearson at the n that was
        reached is then as sound as at a fixed one.

        Parameters
        ----------
        n : int
            Samples.
        least : int
            Without as many the frame is lost, so that they are tried while there is any time.
        """
        total: Votes | None = None
        chunk, most = self._engine.max_batch, n or MAX_N
        while total is None or total.n < most:
            needed = total is None or total.n < least
            if self._deadline is not None and not self._pace.fits(self._deadline, needed=needed):
                break
            size = min(chunk, most - (total.n if total else 0))
            with self._pace.measure():
                votes = self._engine.votes(
                    self._image, self._sigma, size, self._key, start=self._start
                )
            self._start += size
            total = votes if total is None else total + votes
        return total


def too_many_invalid(votes: Votes) -> str:
    """Return why votes, selection included, carry no certificate; "" when they may."""
    if votes.invalid <= most_invalid(votes.n):
        return ""
    return f"{votes.invalid} of {votes.n} samples have non-finite logits"


def most_invalid(n: int) -> int:
    """Return the most invalid votes of n, selection included, of a frame that is certified."""
    return max(1, n // 100)
