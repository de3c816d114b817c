# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps a bank of engines usable: counts failures, re-opens it in the background, gives it up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .bank import CertifierBank
from .engine_state import EngineStage, EngineState

GRACE = 0.5  # seconds an inference may not return before the engines are opened anew
_GOOD_FRAMES = 100  # in a row, after which failures are forgotten: 4 s at 25 Hz
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds between attempts to open, doubling
_MOST_AWAY = 4  # banks whose inference never returned: each holds its memory and its threads


class EngineKeeper:
    """Lends a bank to a worker and replaces it after a failure.

    A failure is an inference that does not return, an exception, or a frame with too many
    non-finite outputs. After `max_failures` of them, without 100 good frames in a row between,
    the engines are given up. Thread-safe.

    Parameters
    ----------
    bank : CertifierBank
        Open; the keeper closes it.
    reopen : callable
        Given a bank whose engines are closed or abandoned, opens them anew and returns a bank.
        Called on a thread of its own.
    max_failures : callable
        Failures after which the engines are given up; 0 for never.
    changed : callable
        Called, on any thread, after the stage or its detail changed.
    clock : callable
        The steady clock, in seconds.
    """

    def __init__(
        self,
        bank: CertifierBank,
        reopen: Callable[[CertifierBank], CertifierBank],
        max_failures: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bank = bank
        self._reopen = reopen
        self._max_failures = max_failures
        self._changed = changed
        self._clock = clock
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._stage = EngineStage.READY
        self._detail = ""
        self._failures = self._total = self._good = 0
        self._hung_since = 0.0
        self._away: list[CertifierBank] = []  # suspended, and not returned yet
        self._opening: threading.Thread | None = None

    @property
    def bank(self) -> CertifierBank:
        """The latest bank: to ask what it holds, whether or not its engines are usable."""
        return self._bank

    @property
    def state(self) -> EngineState:
        """The engines' state at this moment."""
        with self._lock:
            return EngineState(self._stage, self._failures, self._total, self._detail)

    def lend(self) -> tuple[CertifierBank | None, str]:
        """Return the bank, or None and why there is none now."""
        with self._lock:
            if self._stage is EngineStage.READY:
                return self._bank, ""
            return None, f"engines {self._stage.value}: {self._detail}"

    def succeeded(self) -> None:
        """Count a frame that the engines answered."""
        if not self._failures:
            return
        with self._lock:
            self._good += 1
            if self._good >= _GOOD_FRAMES:
                self._failures = 0

    def failed(self, bank: CertifierBank, reason: str) -> None:
        """Count a failure of a frame lent `bank`, and open the engines anew."""
        with self._lock:
            if bank in self._away:
                self._away.remove(bank)
            usable = bank is self._bank and self._stage in (EngineStage.READY, EngineStage.HUNG)
            if usable:
                self._replace(reason)
        self._tell(usable)
        if not usable:
            self._close(bank)

    def remark(self, text: str) -> None:
        """Have it told what was changed about engines that are usable."""
        with self._lock:
            usable = self._stage is EngineStage.READY
            if usable:
                self._detail = text
        self._tell(usable)

    def suspend(self, bank: CertifierBank, reason: str) -> None:
        """Lend the bank no more: an inference with it does not return."""
        with self._lock:
            usable = bank is self._bank and self._stage is EngineStage.READY
            if usable:
                self._stage, self._detail = EngineStage.HUNG, reason
                self._hung_since = self._clock()
                self._away.append(bank)
        self._tell(usable)

    def returned(self, bank: CertifierBank) -> None:
        """Take a suspended bank back: the inference returned after all.

        One that has failed or been replaced meanwhile is closed.
        """
        with self._lock:
            if bank in self._away:
                self._away.remove(bank)
            usable = bank is self._bank and self._stage is EngineStage.HUNG
            if usable:
                self._stage, self._detail = EngineStage.READY, ""
        self._tell(usable)
        if not usable:
            self._close(bank)

    def tick(self) -> None:
        """Open the engines anew when an inference has not returned for longer than the grace."""
        with self._lock:
            overdue = self._stage is EngineStage.HUNG and self._clock() - self._hung_since >= GRACE
            if overdue:
                self._replace(self._detail)
        self._tell(overdue)

    @property
    def hanging(self) -> bool:
        """Whether there are engines whose inference has not returned."""
        return bool(self._away)

    def close(self, timeout: float) -> bool:
        """Close the engines, but for those that hang or are still being opened after a while.

        Parameters
        ----------
        timeout : float
            Seconds to wait for engines that are being opened.

        Returns
        -------
        bool
            Whether nothing is left open.
        """
        self._closing.set()
        with self._lock:
            self._stage, opening = EngineStage.CLOSED, self._opening
        if opening is not None:
            opening.join(timeout)
            if opening.is_alive():
                return False
        self._bank.table.close()
        if self._bank not in self._away:
            self._close(self._bank)
        return not self._away

    def _replace(self, reason: str) -> None:
        """Count a failure and start opening anew, or give up. The lock is held."""
        self._fail(reason)
        if self._stage is not EngineStage.GIVEN_UP:
            self._stage = EngineStage.REOPENING
            # The engines of an inference in progress must not be touched.
            closable = self._bank not in self._away
            self._opening = threading.Thread(
                target=self._open_anew, args=(closable,), name="engine keeper", daemon=True
            )
            self._opening.start()

    def _fail(self, reason: str) -> None:
        self._failures, self._total, self._good = self._failures + 1, self._total + 1, 0
        self._detail = f"{reason} (failure {self._failures})"
        if 0 < self._max_failures() <= self._failures or len(self._away) >= _MOST_AWAY:
            self._stage = EngineStage.GIVEN_UP

    def _open_anew(self, closable: bool) -> None:
        """Replace the bank; again and again until it succeeds or is given up."""
        old, pause = self._bank, _FIRST_PAUSE
        if closable:
            self._close(old)
        while not self._closing.is_set():
            try:
                bank = self._reopen(old)
            except Exception as error:  # whatever a runtime raises
                with self._lock:
                    self._fail(f"opening again failed: {error}")
                    given_up = self._stage is EngineStage.GIVEN_UP
                self._tell(True)
                if given_up:
                    return
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            with self._lock:
                wanted = self._stage is EngineStage.REOPENING
                if wanted:
                    self._bank, self._stage, self._detail = bank, EngineStage.READY, ""
            self._tell(wanted)
            if not wanted:
                self._close(bank)
            return

    def _tell(self, changed: bool) -> None:
        if changed:
            self._changed()

    def _close(self, bank: CertifierBank) -> None:
        """Close engines that have failed, perhaps: what they raise is told, and ends nothing."""
        try:
            bank.close_engines()
        except Exception as error:  # whatever a runtime raises
            with self._lock:
                told = f"engines could not be closed: {error}"
                self._detail = f"{self._detail}; {told}" if self._detail else told
