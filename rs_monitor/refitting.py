# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Exchanges an engine whose chunks no longer fit a frame's time, between two frames.

The chunk is chosen when the engine is opened. A machine that slows down, as it heats up or as
others use it, or a shorter frame period can make it so slow that no frame would be answered in
time any more, until the node is configured again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .bank import CertifierBank
from .certifier import Certifier
from .chunks import asked_chunk, chunk_fit, expected_samples
from .settings import Settings

_INTERVAL = 0.5  # seconds between two looks
_SLOW_LOOKS, _FAST_LOOKS = 4, 20  # in a row, before an engine is opened: a stall must not do it
# Seconds between two attempts, doubling: each takes time from the frames meanwhile.
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 600.0


class _Attempt:
    """A certifier that is being opened on a thread of its own, for chunks of another size."""

    def __init__(
        self, bank: CertifierBank, old: Certifier, chunk: int, settings: Settings, budget: float
    ) -> None:
        self.bank, self.old, self.chunk = bank, old, chunk
        self.new: Certifier | None = None
        self.error = ""
        self._given_up = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._open, args=(settings, budget), name="chunk refitter", daemon=True
        )
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether there is a certifier, or an error."""
        return not self._thread.is_alive()

    def give_up(self) -> None:
        """Close the new engine, now or as soon as it is open."""
        with self._lock:
            self._given_up = True
            if self.new is not None:
                self.new.engine.close()

    def join(self, timeout: float) -> bool:
        """Wait for the end; False when the time ran out."""
        self._thread.join(timeout)
        return self.ended

    def _open(self, settings: Settings, budget: float) -> None:
        try:
            new = self.bank.resized(self.old, self.chunk, settings, budget)
        except Exception as error:  # whatever a runtime raises, for want of memory too
            self.error = " ".join(f"{type(error).__name__}: {error}".split())
            return
        with self._lock:
            self.new = new
            if self._given_up:
                new.engine.close()


class Refitter:
    """Looks at the pace of the certifier in use and replaces it where other chunks do better.

    The other one is opened beside it, on a thread of its own, and measured there; it is taken
    if it promises more samples a frame. Only durations count, never votes. One worker calls
    `certifier_for`; `close` may be called after it has ended.

    Parameters
    ----------
    told : callable
        Called with a text, by the worker, after an exchange or when an engine cannot be opened.
    clock : callable
        The steady clock, in seconds.
    """

    def __init__(
        self, told: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._told = told
        self._clock = clock
        self._attempt: _Attempt | None = None
        self._watched: tuple[Certifier, bool] | None = None  # and whether it is too slow
        self._looks = 0  # in a row that saw the same
        self._next_look = 0.0
        self._last_attempt, self._pause = -_FIRST_PAUSE, _FIRST_PAUSE

    def certifier_for(
        self, bank: CertifierBank, certifier: Certifier, settings: Settings, budget: float
    ) -> Certifier:
        """Return the certifier to use for the next frame: the one given, or what replaced it.

        Parameters
        ----------
        bank : CertifierBank
            Lent to the worker.
        certifier : Certifier
            What `bank` selects for this frame.
        settings : Settings
            In force.
        budget : float
            Seconds a frame may take.
        """
        now = self._clock()
        if self._attempt is not None:
            if not self._attempt.ended:
                return certifier
            attempt, self._attempt = self._attempt, None
            return self._conclude(attempt, bank, certifier, budget)
        if now < self._next_look:
            return certifier
        self._next_look = now + _INTERVAL
        fit = chunk_fit(certifier.engine, certifier.pace, budget)
        sizes = certifier.engine.chunk_sizes(settings.n)
        asked = asked_chunk(fit, bank.first_fit(certifier), sizes)
        if asked == fit.chunk:
            self._looks = 0
            return certifier
        watched = certifier, asked < fit.chunk
        self._looks = self._looks + 1 if self._watched == watched else 1
        self._watched = watched
        if self._looks < (_SLOW_LOOKS if asked < fit.chunk else _FAST_LOOKS):
            return certifier
        # Where not one chunk fits, every frame is lost as it is.
        pause = _FIRST_PAUSE if fit.share > 1.0 else self._pause
        if now - self._last_attempt >= pause:
            self._last_attempt = now
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            self._looks = 0
            self._attempt = _Attempt(bank, certifier, asked, settings, budget)
        return certifier

    def close(self, timeout: float) -> bool:
        """Close an engine that waits to be used; False when one is still being opened then."""
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return True
        attempt.give_up()
        return attempt.join(timeout)

    def _conclude(
        self, attempt: _Attempt, bank: CertifierBank, certifier: Certifier, budget: float
    ) -> Certifier:
        """Exchange the certifier if the new one is better, and still wanted."""
        old, new = attempt.old, attempt.new
        if new is None:
            self._told(
                f"chunks of {old.engine.max_batch} take {_milliseconds(old)} ms, but none of "
                f"{attempt.chunk} can be had: {attempt.error}"
            )
            return certifier
        in_use = bank is attempt.bank and certifier is old
        if not in_use or _promise(new, budget) <= _promise(old, budget):
            attempt.give_up()
            return certifier
        bank.exchange(old, new)
        self._told(
            f"chunks of {new.engine.max_batch} from now on, of {_milliseconds(new)} ms: those of "
            f"{old.engine.max_batch} took {_milliseconds(old)} ms, a frame has {budget * 1e3:.1f}"
        )
        return new


def _promise(certifier: Certifier, budget: float) -> float:
    return expected_samples(certifier.engine.max_batch, certifier.pace.typical, budget)


def _milliseconds(certifier: Certifier) -> str:
    return f"{certifier.pace.typical * 1e3:.1f}"
