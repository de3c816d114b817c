# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Notices an inference that does not return, and lets another worker answer the frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..engine_keeper import EngineKeeper
from .worker import Inference, Worker

# Of the frame period. With the interval below, a hang is noticed within two periods.
_LIMIT_PERIODS = 1.25
_INTERVAL_PERIODS = 0.25
# A loaded system may stop a thread as long as this. It is more than two frame periods above 50 Hz.
_SHORTEST_LIMIT = 0.03  # seconds
_INTERVALS = (0.004, 0.1)  # seconds between two looks, at least and at most
_TYPICAL_CHUNKS = 4.0  # a chunk that is usually this slow is given as much time


class ObservedAge:
    """For how long the same thing was seen going on.

    A gap between two looks counts for little: a process that was stopped, or a machine that
    slept, has not been waiting for the engine.
    """

    def __init__(self) -> None:
        self._what: object = None
        self._age = self._last = 0.0

    def __call__(self, what: object, now: float, interval: float) -> float:
        """Look at `what` is going on at `now`; returns the seconds observed, 0 for None."""
        if what is None or what != self._what:
            self._what, self._age = what, 0.0
        else:
            self._age += min(now - self._last, 2 * interval)
        self._last = now
        return self._age


class Watchdog:
    """Watches the worker on a thread of its own.

    When a chunk does not return, its frame gets ENGINE_ERROR, the keeper is told, and a new
    worker takes over: it answers ENGINE_ERROR until the keeper has engines again.

    Parameters
    ----------
    keeper : EngineKeeper
    make_worker : callable
        Returns a new worker, not started.
    frame_period : callable
        Seconds, as in force.
    stop : callable
        Makes workers end.
    """

    def __init__(
        self,
        keeper: EngineKeeper,
        make_worker: Callable[[], Worker],
        frame_period: Callable[[], float],
        stop: Callable[[], None],
    ) -> None:
        self._keeper = keeper
        self._make_worker = make_worker
        self._frame_period = frame_period
        self._stop = stop
        self._worker = make_worker()
        self._closing = threading.Event()
        self._observed = ObservedAge()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Start the worker and watch it."""
        self._worker.start()
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Stop watching and end the worker; False when it does not end in time."""
        self._closing.set()
        self._thread.join(timeout)
        self._stop()
        return self._worker.join(timeout)

    def _run(self) -> None:
        while not self._closing.wait(interval := self._interval()):
            self._look(interval)
            self._keeper.tick()

    def _interval(self) -> float:
        shortest, longest = _INTERVALS
        return min(max(_INTERVAL_PERIODS * self._frame_period(), shortest), longest)

    def _look(self, interval: float) -> None:
        inference = self._worker.inference
        pace = inference.certifier.pace if inference else None
        begun = pace.begun if pace else None
        what = None if begun is None else (inference.taken.sequence, begun)
        age = self._observed(what, time.monotonic(), interval)
        if what is not None and age > self._limit(inference):
            reason = f"inference has not returned for {age * 1e3:.0f} ms"
            self._replace(inference, reason)

    def _limit(self, inference: Inference) -> float:
        usual = _TYPICAL_CHUNKS * inference.certifier.pace.typical
        return max(_LIMIT_PERIODS * self._frame_period(), _SHORTEST_LIMIT, usual)

    def _replace(self, inference: Inference, reason: str) -> None:
        self._keeper.suspend(inference.bank, reason)
        if not self._worker.retire(inference, reason):
            self._keeper.returned(inference.bank)
            return
        self._worker = self._make_worker()
        self._worker.start()
