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
from .chunks import SHORTER, chunk_fit, promised
from .engines import EngineNotBuilt
from .settings import Settings

_INTERVAL = 0.5  # seconds between two looks
_SLOW_LOOKS, _FAST_LOOKS = 4, 20  # in a row, before an engine is opened: a stall must not do it
# Seconds between two attempts, doubling while they gain nothing: each takes time from the frames.
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 600.0
_LOST_PAUSE = 60.0  # at most, where every frame is lost as it is
_LONG = 30.0  # seconds after which it is told that an engine is still being opened


class _Attempt:
    """A certifier that is opened, and later closed, on a thread of its own.

    Attributes
    ----------
    new : Certifier or None
        Once `opened` is set; None where it failed.
    error : str
        Why it failed.
    """

    def __init__(
        self, bank: CertifierBank, old: Certifier, chunk: int, settings: Settings, budget: float
    ) -> None:
        self.bank, self.old, self.chunk = bank, old, chunk
        self.new: Certifier | None = None
        self.error = ""
        self.opened = threading.Event()
        self._decided = threading.Event()
        self._taken = False
        self._thread = threading.Thread(
            target=self._run, args=(settings, budget), name="chunk refitter", daemon=True
        )
        self._thread.start()

    def decide(self, taken: bool) -> None:
        """Have the engine closed that is not wanted: the old one, if the new one was taken."""
        self._taken = taken
        self._decided.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end; False when the time ran out."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self, settings: Settings, budget: float) -> None:
        try:
            self.new = self.bank.resized(self.old, self.chunk, settings, budget)
        except Exception as error:  # whatever a runtime raises, for want of memory too
            self.error = " ".join(f"{type(error).__name__}: {error}".split())
            if isinstance(error, EngineNotBuilt):
                self.error += f"; `rs_monitor build-engine --batch {self.chunk}` builds it"
        self.opened.set()
        self._decided.wait()
        unwanted = self.old if self._taken else self.new
        if unwanted is not None:
            unwanted.engine.close()


class Refitter:
    """Looks at the pace of the certifier in use and replaces it where other chunks do better.

    The other one is opened beside it, on a thread of its own, and measured there. Only durations
    count, never votes. One worker calls `certifier_for`; `close` may be called after it has ended.

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
        self._closing: _Attempt | None = None  # the latest that was decided
        self._watched: tuple[Certifier, bool] | None = None  # and whether it is too slow
        self._looks = 0  # in a row that saw the same
        self._next_look = 0.0
        self._begun, self._pause = -_FIRST_PAUSE, _FIRST_PAUSE
        self._long_told = self._closed = False

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
            return self._wait(bank, certifier, settings, budget, now)
        if now < self._next_look:
            return certifier
        self._next_look = now + _INTERVAL
        chunk, asked = certifier.engine.max_batch, bank.asked_chunk(certifier, settings, budget)
        if asked == chunk:
            self._looks, self._watched = 0, None
            return certifier
        watched = certifier, asked < chunk
        self._looks = self._looks + 1 if self._watched == watched else 1
        self._watched = watched
        if self._looks < (_SLOW_LOOKS if asked < chunk else _FAST_LOOKS):
            return certifier
        lost = asked < chunk and _needed(certifier, settings, budget) >= 1.0
        pause = min(self._pause, _LOST_PAUSE) if lost else self._pause
        if now - self._begun >= pause and not self._closed and self._ended():
            self._begun, self._looks, self._long_told = now, 0, False
            self._attempt = _Attempt(bank, certifier, asked, settings, budget)
        return certifier

    def close(self, timeout: float) -> bool:
        """Close engines that wait to be used; False when one is still being opened then."""
        self._closed = True
        if self._attempt is not None:
            self._decide(False)
        return self._ended(timeout)

    def _ended(self, timeout: float = 0.0) -> bool:
        """Whether the latest attempt that was decided is over."""
        return self._closing is None or self._closing.join(timeout)

    def _wait(
        self,
        bank: CertifierBank,
        certifier: Certifier,
        settings: Settings,
        budget: float,
        now: float,
    ) -> Certifier:
        """Exchange the certifier once the new one is there, if it is better and still wanted."""
        attempt = self._attempt
        if attempt.bank is not bank or self._closed:  # its engines were opened anew
            self._decide(False)
            return certifier
        if not attempt.opened.is_set():
            if now - self._begun >= _LONG and not self._long_told:
                self._long_told = True
                self._told(f"an engine for chunks of {attempt.chunk} is still being opened")
            return certifier
        old, new = attempt.old, attempt.new
        if new is None:
            self._told(
                f"chunks of {old.engine.max_batch} take {_milliseconds(old)} ms, but none of "
                f"{attempt.chunk} can be had: {attempt.error}"
            )
        taken = new is not None and certifier is old and _better(new, old, settings, budget)
        if taken:
            bank.exchange(old, new)
        self._decide(taken)  # before all that may fail: what is in use must not be closed
        if not taken:
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return certifier
        self._pause = _FIRST_PAUSE
        new.prefetch(settings, budget)  # they may have changed meanwhile
        self._told(
            f"chunks of {new.engine.max_batch} from now on, of {_milliseconds(new)} ms: those of "
            f"{old.engine.max_batch} took {_milliseconds(old)} ms, a frame has {budget * 1e3:.1f}"
        )
        return new

    def _decide(self, taken: bool) -> None:
        self._attempt.decide(taken)
        self._closing, self._attempt, self._watched = self._attempt, None, None


def _needed(certifier: Certifier, settings: Settings, budget: float) -> float:
    """Return what the passes without which a frame is lost take of its time."""
    fit = chunk_fit(certifier.engine, certifier.pace, budget)
    return fit.share * settings.passes_needed(fit.chunk)


def _better(new: Certifier, old: Certifier, settings: Settings, budget: float) -> bool:
    """Whether it saves frames, of smaller chunks; of larger ones, whether it draws more."""
    if new.engine.max_batch < old.engine.max_batch:
        shorter = SHORTER * _needed(old, settings, budget)
        return _needed(new, settings, budget) <= shorter
    fits = [chunk_fit(one.engine, one.pace, budget) for one in (new, old)]
    return promised(fits[0]) > promised(fits[1])


def _milliseconds(certifier: Certifier) -> str:
    return f"{certifier.pace.typical * 1e3:.1f}"
