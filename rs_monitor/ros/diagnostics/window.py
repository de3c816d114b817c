# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of the last seconds, in memory that does not grow."""

from __future__ import annotations

import numpy as np

CAPACITY = 1 << 14  # rows: 60 s at 273 Hz


class SlidingWindow:
    """Keeps the latest rows of numbers with their times. Not thread-safe.

    Parameters
    ----------
    columns : int
        Numbers in a row, >= 0.
    capacity : int
        Rows kept, >= 1: a new one replaces the oldest.
    """

    def __init__(self, columns: int, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self._rows = np.zeros((capacity, 1 + columns))
        self._count = 0
        self._latest = -np.inf

    def append(self, now: float, *values: float) -> None:
        """Add a row.

        Parameters
        ----------
        now : float
            Steady clock in seconds; taken as the latest one so far if it is before that.
        values : float
            One for each column.
        """
        self._latest = max(now, self._latest)
        self._rows[self._count % self.capacity] = (self._latest, *values)
        self._count += 1

    def clear(self) -> None:
        """Forget all rows."""
        self._count = 0

    def since(self, start: float) -> np.ndarray:
        """Return the rows added after `start`, those that are still kept.

        Returns
        -------
        numpy.ndarray
            float64 [rows, 1 + columns], oldest first: the time, then the row. A copy.
        """
        newest = self._count % self.capacity
        parts = [self._rows[:newest]]
        if self._count >= self.capacity:
            parts.insert(0, self._rows[newest:])
        kept = [part[np.searchsorted(part[:, 0], start, side="right") :] for part in parts]
        return np.concatenate(kept)
