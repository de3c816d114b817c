# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether one more chunk of samples fits before a deadline."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

# Time kept free after the last chunk for the certificate, its message and the jitter of the
# operating system's scheduler: at first, and the least that a frame's budget must exceed.
RESERVE = 0.005  # seconds
_RESERVE_RANGE = 0.001, 2 * RESERVE
_LATE = 0.001  # share of frames that may end later than promised
_STEP = 0.0005  # seconds by which one that does corrects the reserve
_LEARNING = 250  # frames after which the worst of them takes the place of the first guess
_WINDOW = 1000  # frames of which about one is as late as the reserve should be
_QUANTILE = 98  # percent of recent chunks that were at most this slow
_RECENT = 256  # chunks, at most
_MEMORY = 2.0  # seconds after which a chunk is no longer recent: a stall must not count for long
_FEWEST = 8  # chunks that are recent however long ago they were
_REFRESH = 16  # chunks between two looks at the quantile


class Reserve:
    """How much later frames end than their last chunk promised: 99.9 % of them, as tracked.

    A frame that ends later moves the reserve up by a step, any other moves it down by a
    thousandth of one, so that one frame in a thousand is late in the long run, whatever the
    distribution (Robbins and Monro 1951). The worst of the first frames is where it starts from.
    A stall among them would take such steps many minutes to forget, so that every thousand
    frames it comes down to the worst of these.
    """

    def __init__(self) -> None:
        self.seconds = RESERVE
        self._frames, self._worst = 0, 0.0

    def record(self, excess: float) -> None:
        """Correct the reserve by a frame that ended `excess` seconds after its promise."""
        self._frames += 1
        self._worst = max(self._worst, excess)
        seconds = self.seconds + _STEP * ((excess > self.seconds) - _LATE)
        if self._frames == _LEARNING:
            seconds = self._worst
        if self._frames % _WINDOW == 0:
            seconds, self._worst = min(seconds, self._worst), 0.0
        low, high = _RESERVE_RANGE
        self.seconds = min(max(seconds, low), high)


class ChunkPace:
    """Recent durations of one chunk, and from them when to stop drawing.

    A chunk is begun only if it would end before the deadline even when it is as slow as the
    slowest of recent ones but a few, with a reserve for what comes after it. This looks at the
    clock and at durations, never at votes.

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
        self._promised: float | None = None
        self._reserve = Reserve()

    @property
    def reserve(self) -> float:
        """Seconds kept free after the last chunk of a frame."""
        return self._reserve.seconds

    def learn_from(self, other: ChunkPace) -> None:
        """Take over how late frames end: another pace's, of the same machine."""
        self._reserve = other._reserve

    @property
    def begun(self) -> float | None:
        """When the chunk in progress was begun; None between chunks. For other threads."""
        return self._begun

    @property
    def typical(self) -> float:
        """Median duration of recent chunks in seconds; 0 before the first."""
        chunks = list(self._chunks)  # at once: other threads may ask while chunks are measured
        return float(np.median([duration for _, duration in chunks])) if chunks else 0.0

    def fits(self, deadline: float, *, needed: bool = False) -> bool:
        """Whether a chunk begun now would end in time.

        One that is `needed` is begun if there is any time for it: without it the frame is lost
        anyway, and after a stall nothing else would show that chunks are fast again.
        """
        rest = min(self.reserve, RESERVE) if needed else self._slow + self.reserve
        return self._clock() + rest <= deadline

    def begin(self) -> None:
        """Forget what earlier chunks promised, of a warm-up, say: another frame begins."""
        self._promised = None

    def finished(self) -> None:
        """Correct the reserve: the frame whose chunks were measured last has been answered."""
        if self._promised is not None:
            self._reserve.record(self._clock() - self._promised)
            self._promised = None

    @contextlib.contextmanager
    def measure(self) -> Iterator[None]:
        """Time a chunk; one of fewer samples than the engine's takes about as long as it."""
        started = self._begun = self._clock()
        self._promised = started + self._slow
        try:
            yield
        finally:
            self._begun = None
        ended = self._clock()
        self._chunks.append((ended, ended - started))
        while len(self._chunks) > _FEWEST and self._chunks[0][0] < ended - _MEMORY:
            self._chunks.popleft()
        self._count += 1
        if self._count % _REFRESH == 1 or len(self._chunks) < 2 * _REFRESH:
            self._slow = _quantile([duration for _, duration in self._chunks])


def _quantile(durations: list[float]) -> float:
    """Return what np.percentile does, which takes as long as several samples for so few values."""
    ordered = sorted(durations)
    below, rest = divmod((len(ordered) - 1) * _QUANTILE, 100)
    above = ordered[min(below + 1, len(ordered) - 1)]
    return ordered[below] + (above - ordered[below]) * rest / 100
