# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether every frame was answered once, and every SAFE stood on fresh evidence."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence

from ...certification import Status
from ...safety import SafetyState
from ..conversions import NANOSECONDS
from .observer import HeardCertificate, HeardState

_SLACK = 0.05  # seconds that may pass between reading a clock and publishing, on a busy machine
_ROUNDING = 1000  # nanoseconds: the monitor reckons in seconds


@dataclasses.dataclass(frozen=True)
class SentFrame:
    """A frame that the camera sent: its stamp, and when on the system's clock; nanoseconds."""

    stamp: int
    sent: int


@dataclasses.dataclass(frozen=True)
class Promise:
    """What the safety monitor was told to require.

    Attributes
    ----------
    max_age : float
        Seconds.
    k, m : int
    window : float
        Seconds.
    """

    max_age: float
    k: int
    m: int
    window: float


def account(
    certificates: Sequence[HeardCertificate],
    frames: Sequence[SentFrame],
    *,
    from_start: bool = True,
) -> list[str]:
    """Return what is wrong with the certificates of one node: each frame has one.

    Parameters
    ----------
    certificates : sequence of HeardCertificate
        In the order in which they came.
    frames : sequence of SentFrame
        All that the camera has sent.
    from_start : bool
        Whether they were listened to from the first one on.
    """
    problems = []
    sequence = [c.sequence for c in certificates]
    first = 1 if from_start or not sequence else sequence[0]
    wrong = [(i, number) for i, number in enumerate(sequence, first) if i != number]
    if wrong:
        problems.append(f"certificate {wrong[0][0]} has sequence {wrong[0][1]}")
    superseded = [c.superseded_total for c in certificates]
    if superseded != sorted(superseded):
        problems.append("superseded_total went back")
    sent = Counter(frame.stamp for frame in frames)
    answered = Counter(c.stamp for c in certificates)
    for stamp, count in answered.items():
        if count > sent[stamp]:
            problems.append(f"{count} certificates for the {sent[stamp]} frames stamped {stamp}")
    if certificates and sequence[-1] + superseded[-1] > len(frames):
        problems.append("more frames are answered or superseded than were sent")
    return problems


def unfounded(
    states: Sequence[HeardState],
    certificates: Sequence[HeardCertificate],
    frames: Sequence[SentFrame],
    promise: Promise,
    *,
    simulated: bool,
) -> list[str]:
    """Return what is wrong with each SAFE that was stated.

    A SAFE is founded when the certificate it names was published before it, is CERTIFIED, and is
    of a frame that was sent no longer than `max_age` before the statement; when it is void before
    that frame becomes older; and when k of the last m certificates were CERTIFIED, within the
    window. Ages are read on the system's clock, whatever /clock showed.

    Parameters
    ----------
    states, certificates : sequence
        All that were heard, of all processes.
    frames : sequence of SentFrame
    promise : Promise
    simulated : bool
        Whether the monitor's clock was /clock.
    """
    named: dict[tuple[int, int], list[HeardCertificate]] = defaultdict(list)
    for certificate in certificates:
        named[certificate.stamp, certificate.sequence].append(certificate)
    sendings: dict[int, list[int]] = defaultdict(list)
    for frame in frames:
        sendings[frame.stamp].append(frame.sent)
    order = sorted(certificates, key=lambda c: c.published)
    place = {id(certificate): number for number, certificate in enumerate(order)}
    most = round((promise.max_age + _SLACK) * NANOSECONDS)
    problems = []
    for state in states:
        if state.state != SafetyState.SAFE:
            continue
        before = [
            c for c in named[state.certificate_stamp, state.sequence]
            if c.published <= state.published
        ]  # fmt: skip
        if not before:
            problems.append(f"SAFE for a certificate {state.sequence} that nobody published")
            continue
        latest = max(before, key=lambda c: c.published)
        sent = [moment for moment in sendings[latest.stamp] if moment <= latest.published]
        if latest.status != Status.CERTIFIED:
            problems.append(
                f"SAFE for certificate {latest.sequence}, {Status(latest.status).name}"
            )
        elif not sent:
            problems.append(f"SAFE for certificate {latest.sequence} of a frame nobody sent")
        else:
            age, remaining = state.published - max(sent), state.valid_until - state.stamp
            if age > most:
                problems.append(f"SAFE for a frame that is {age / NANOSECONDS:.3f} s old")
            if age + remaining > most:
                late = (age + remaining) / NANOSECONDS
                problems.append(f"SAFE until a frame is {late:.3f} s old")
            limit = latest.stamp + round(promise.max_age * NANOSECONDS) + _ROUNDING
            if not simulated and state.valid_until > limit:
                problems.append("SAFE beyond the stamp's max_age")
        at = place[id(latest)]
        recent = [
            c for c in order[max(0, at + 1 - promise.m) : at + 1]
            if state.published - c.published <= (promise.window + _SLACK) * NANOSECONDS
        ]  # fmt: skip
        if sum(c.status == Status.CERTIFIED for c in recent) < promise.k:
            problems.append(f"SAFE without {promise.k} certified of the last {promise.m}")
    return problems
