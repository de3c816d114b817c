# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The audit finds each kind of SAFE that is not founded, and each frame that is not answered."""

import dataclasses

import pytest

from rs_monitor.certification import Status
from rs_monitor.ros.faults.audit import Promise, SentFrame, account, unfounded
from rs_monitor.ros.faults.observer import HeardCertificate, HeardState
from rs_monitor.safety import SafetyState

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
PROMISE = Promise(max_age=0.2, k=3, m=5, window=1.0)


def stamp(number):
    return START + number * SECOND // 25


FRAMES = [SentFrame(stamp(number), stamp(number)) for number in range(10)]


def certificate(number, **fields):
    heard = HeardCertificate(
        status=Status.CERTIFIED,
        reason="",
        stamp=stamp(number),
        frame_id="",
        sequence=number + 1,
        superseded_total=0,
        radius=0.3,
        published=stamp(number) + SECOND // 100,
    )
    return dataclasses.replace(heard, **fields)


CERTIFICATES = [certificate(number) for number in range(10)]


def safe(number, **fields):
    """Return a SAFE for a certificate, stated 20 ms after its frame's stamp."""
    heard = HeardState(
        state=SafetyState.SAFE,
        reason="",
        stamp=stamp(number) + SECOND // 50,
        valid_until=stamp(number) + SECOND // 5,
        certificate_stamp=stamp(number),
        sequence=number + 1,
        published=stamp(number) + SECOND // 50,
    )
    return dataclasses.replace(heard, **fields)


def problems(states, certificates=CERTIFICATES, frames=FRAMES, simulated=False):
    return unfounded(states, certificates, frames, PROMISE, simulated=simulated)


def test_good_runs():
    assert problems([safe(number) for number in range(2, 10)]) == []
    assert account(CERTIFICATES, FRAMES) == []
    assert account([], FRAMES) == []


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (safe(5, sequence=99), "nobody published"),
        (safe(5, published=stamp(5)), "nobody published"),  # before its certificate
        (safe(5, published=stamp(5) + SECOND // 2), "0.500 s old"),
        (safe(5, valid_until=stamp(5) + SECOND), "until a frame is"),
        (safe(5, valid_until=stamp(5) + SECOND // 5 + 2000), "beyond the stamp's max_age"),
        (safe(1), "without 3 certified of the last 5"),
    ],
)
def test_a_safe_that_is_not_founded(state, what):
    assert any(what in problem for problem in problems([state]))
    unknown = dataclasses.replace(state, state=SafetyState.UNKNOWN)
    assert problems([unknown]) == []


def test_a_safe_for_a_certificate_that_is_none():
    bad = [*CERTIFICATES[:5], certificate(5, status=Status.STALE_INPUT), *CERTIFICATES[6:]]
    assert "STALE_INPUT" in problems([safe(5)], bad)[0]
    assert problems([safe(6)], bad) == []
    assert "nobody sent" in problems([safe(5)], frames=FRAMES[:5])[0]


def test_stamps_that_come_again_belong_to_the_frame_sent_last():
    again = [SentFrame(frame.stamp, frame.sent + SECOND) for frame in FRAMES]
    late = [dataclasses.replace(c, published=c.published + SECOND) for c in CERTIFICATES]
    state = safe(5, published=stamp(5) + SECOND + SECOND // 50)
    assert problems([state], frames=FRAMES + again, certificates=late, simulated=True) == []
    assert problems([state], frames=FRAMES, certificates=late, simulated=True) != []


def test_a_node_that_was_not_heard_from_its_start():
    assert account(CERTIFICATES[3:], FRAMES, from_start=False) == []
    gap = [*CERTIFICATES[3:5], *CERTIFICATES[6:]]
    assert account(gap, FRAMES, from_start=False) == ["certificate 6 has sequence 7"]


@pytest.mark.parametrize(
    ("certificates", "what"),
    [
        ([*CERTIFICATES[:3], *CERTIFICATES[4:]], "certificate 4 has sequence 5"),
        ([*CERTIFICATES, CERTIFICATES[-1]], "certificate 11 has sequence 10"),
        (CERTIFICATES[1:], "certificate 1 has sequence 2"),
        ([certificate(0), certificate(0, sequence=2)], "2 certificates for the 1 frames"),
        ([certificate(0, superseded_total=10)], "more frames"),
        ([certificate(0, superseded_total=1), certificate(1)], "went back"),
        ([certificate(0, stamp=7)], "1 certificates for the 0 frames"),
    ],
)
def test_frames_that_are_not_answered_once(certificates, what):
    assert any(what in problem for problem in account(certificates, FRAMES))
