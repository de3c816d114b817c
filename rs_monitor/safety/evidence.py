# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From judged certificates to a statement: k of the last m, and never an old one."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections import deque

from .consumer_rule import Judgement, Verdict

_BACKWARDS = 0.25  # of max_age that a clock may be set back without its being a jump


class SafetyState(enum.IntEnum):
    """What is stated; the values are those of SafetyState.msg."""

    UNKNOWN = 0  # there is no evidence
    UNSAFE = 1  # there is evidence, and it does not give what is required
    DEGRADED = 2  # in between: it may be either
    SAFE = 3


@dataclasses.dataclass(frozen=True)
class Statement:
    """What may be said at one moment.

    Attributes
    ----------
    state : SafetyState
    reason : str
        Why, for a reader.
    remaining : float
        Seconds for which the latest certificate stays fresh; 0 without one.
    passed, considered : int
        Certificates that passed, of those that count.
    """

    state: SafetyState
    reason: str
    remaining: float = 0.0
    passed: int = 0
    considered: int = 0


@dataclasses.dataclass(frozen=True)
class _Entry:
    judgement: Judgement
    stamp: float
    age: float  # when it was received; never negative, see `add`
    received: float  # on the steady clock


class Evidence:
    """The last certificates, and what they add up to.

    SAFE needs that the latest certificate is fresh and passed, and that k of the last m passed,
    all within `window` seconds. Worse is said at once, better when the evidence is there:

    - DEGRADED: the latest passed, but fewer than k yet; or it did not, but k of the last m did;
    - UNSAFE: fewer than k, and the latest is valid but gives less than is required;
    - UNKNOWN: fewer than k, and the latest is no evidence; and whenever the latest is not fresh,
      or foreign (another model or sigma, or contradicting itself).

    Freshness is read on two clocks: by the stamps on the ROS clock, and by reception on the
    steady clock, which goes on when /clock stops or jumps. Nothing is fresh for longer than
    `max_age` after its reception. What is not fresh, foreign, or comes
    out of order takes the history with it. A repeated certificate counts for nothing; one that is
    judged otherwise than before takes the history with it, too.

    Parameters
    ----------
    k, m : int
        1 <= k <= m.
    window : float
        Seconds.
    max_age : float
        Seconds after its stamp for which a certificate is fresh.
    """

    def __init__(self, k: int, m: int, window: float, max_age: float) -> None:
        if not 1 <= k <= m:
            raise ValueError(f"k of m needs 1 <= k <= m, got k = {k}, m = {m}")
        self._k, self._window, self._max_age = k, window, max_age
        self._entries: deque[_Entry] = deque(maxlen=m)
        self._last: tuple[float, int] | None = None  # stamp and sequence
        self._now = -math.inf
        self._why = "no certificate has come"

    def clear(self, why: str) -> None:
        """Forget all evidence, for a reason that is stated until there is some again."""
        self._entries.clear()
        self._why = why

    def add(
        self,
        judgement: Judgement,
        *,
        stamp: float,
        sequence: int,
        age: float,
        now: float,
        steady: float,
    ) -> None:
        """Take a certificate into account.

        Parameters
        ----------
        judgement : Judgement
        stamp : float
            Its header.stamp, seconds.
        sequence : int
            Its sequence.
        age : float
            Seconds that it was old at reception. One from the future counts as new: it must not
            live the longer for it.
        now, steady : float
            ROS clock and steady clock at reception, seconds.
        """
        self._notice_time(now)
        if self._last is not None:
            if (stamp, sequence) == self._last:
                if self._entries and judgement.verdict is not self._entries[-1].judgement.verdict:
                    self.clear("two certificates of one frame contradict each other")
                return
            if stamp <= self._last[0] or sequence <= self._last[1]:
                self.clear("the certificates went back in time or sequence")
        self._last = stamp, sequence
        if judgement.verdict is Verdict.FOREIGN:
            self.clear(judgement.reason)
        self._entries.append(_Entry(judgement, stamp, max(0.0, age), steady))

    def statement(self, now: float, steady: float) -> Statement:
        """Return what may be said at `now` on the ROS clock and `steady` on the steady clock."""
        self._notice_time(now)
        if not self._entries:
            return Statement(SafetyState.UNKNOWN, self._why)
        latest = self._entries[-1]
        age = max(now - latest.stamp, latest.age + steady - latest.received)
        if not age <= self._max_age:
            self.clear(f"no fresh certificate: the latest is {age:.2f} s old")
            return Statement(SafetyState.UNKNOWN, self._why)
        recent = [e for e in self._entries if steady - e.received <= self._window]
        passed = sum(e.judgement.verdict is Verdict.PASSED for e in recent)
        verdict, reason = latest.judgement.verdict, latest.judgement.reason
        count = f"{passed} of the last {len(recent)} passed, {self._k} are required"
        if verdict is Verdict.FOREIGN:
            state = SafetyState.UNKNOWN
        elif verdict is Verdict.PASSED:
            state = SafetyState.SAFE if passed >= self._k else SafetyState.DEGRADED
            reason = count
        elif passed >= self._k:
            state = SafetyState.DEGRADED
        elif verdict is Verdict.INSUFFICIENT:
            state = SafetyState.UNSAFE
        else:
            state = SafetyState.UNKNOWN
        if verdict is not Verdict.PASSED and verdict is not Verdict.FOREIGN:
            reason = f"{reason}; {count}"
        return Statement(state, reason, self._max_age - age, passed, len(recent))

    def _notice_time(self, now: float) -> None:
        """Drop what was learnt before the ROS clock was set back, as by a bag that loops."""
        if now < self._now - _BACKWARDS * self._max_age:
            self.clear(f"the clock was set back by {self._now - now:.2f} s")
        self._now = now
