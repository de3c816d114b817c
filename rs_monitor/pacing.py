# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether one more chunk of samples fits before a deadline."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

# Time kept free after the last chunk for the certificate, its message and the jitter of the
# operating system's scheduler.
RESERVE = 0.005  # seconds
_QUANTILE = 98  # percent of recent chunks that were at most this slow
_RECENT = 256  # chunks, at most
_MEMORY = 2.0  # seconds after which a chunk is no longer recent: a stall must not count for long
_FEWEST = 8  # chunks that are recent however long ago they were
_REFRESH = 16  # chunks between two looks at the quantile


class ChunkPace:
    """Recent durations of one chunk, and from them when to stop drawing.

    A chunk is begun only if it would end before the deadline even when it is as slow as the
    slowest of recent ones but a few. This looks at the clock and at durations, never at votes.

    Parameters
    ----------
    clock : callable
        The steady clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._chunks: deque[tuple[float, float]] = deque(maxlen=_RECENT)  # (end, duration)
        self._count = 0
        self._slow = 0.0
        self._begun: float | None = None

    @property
    def begun(self) -> float | None:
        """When the chunk in progress was begun; None between chunks. For other threads."""
        return self._begun

    @property
    def typical(self) -> float:
        """Median duration of recent chunks in seconds; 0 before the first."""
        chunks = list(self._chunks)  # at once: other threads may ask while chunks are measured
        return float(np.median([duration for _, duration in chunks])) if chunks else 0.0

    def fits(self, deadline: float, *, first: bool = False) -> bool:
        """Whether a chunk begun now would end in time.

        A frame's `first` chunk is begun if there is any time for it: without it the frame is
        lost anyway, and after a stall nothing else would show that chunks are fast again.
        """
        return self._clock() + (0.0 if first else self._slow) + RESERVE <= deadline

    @contextlib.contextmanager
    def measure(self, full: bool) -> Iterator[None]:
        """Time a chunk; partial chunks are not `full` and do not count."""
        started = self._begun = self._clock()
        try:
            yield
        finally:
            self._begun = None
        if not full:
            return
        ended = self._clock()
        self._chunks.append((ended, ended - started))
        while len(self._chunks) > _FEWEST and self._chunks[0][0] < ended - _MEMORY:
            self._chunks.popleft()
        self._count += 1
        if self._count % _REFRESH == 1 or len(self._chunks) < 2 * _REFRESH:
            durations = [duration for _, duration in self._chunks]
            self._slow = float(np.percentile(durations, _QUANTILE))
