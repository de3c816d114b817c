# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates of a live run find their frames, or none."""

from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.evaluation.replay.columns import unanswered
from rs_monitor.evaluation.replay.live import UNTOLD, Timing, live_rows, places
from rs_monitor.evaluation.replay.plan import Point, Stream

STREAM, POINT = Stream("/data/drive", "/camera", 9), Point(0.25, "full", 50)
LOST, SUPERSEDED, TAKEN, UNHEARD = range(4)  # UNHEARD: the certificate is lost


def run(stamps, fates):
    """Return what camera and listener record, and the true place of each certificate."""
    sent = [
        {"stamp_ns": stamp, "index": i, "log_time_ns": i, "frame_id": "lens", "steady": float(i)}
        for i, stamp in enumerate(stamps)
    ]
    certificates, truth = [], []
    sequence = superseded = 0
    for place, (stamp, fate) in enumerate(zip(stamps, fates)):
        superseded += fate == SUPERSEDED
        sequence += fate in (TAKEN, UNHEARD)
        if fate == TAKEN:
            counts = {"sequence": sequence, "superseded_total": superseded}
            one = unanswered(stamp, "lens") | counts | {"status": "ABSTAINED"}
            certificates.append(one | {"steady": place + 0.5})
            truth.append(place)
    return sent, certificates, truth


FRAMES = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=12)


@given(FRAMES)
def test_no_certificate_goes_to_another_frame(frames):
    sent, certificates, truth = run(*zip(*frames)) if frames else ([], [], [])
    for found, place in zip(places(sent, certificates), truth, strict=True):
        assert found in (place, None)


@given(st.lists(st.integers(0, 3), max_size=12))
def test_stamps_that_do_not_repeat_tell_every_frame(fates):
    sent, certificates, truth = run(range(len(fates)), fates)
    assert places(sent, certificates) == truth


@given(st.lists(st.integers(1, 2), max_size=12), st.data())
def test_without_a_loss_in_transport_repeated_stamps_are_told(stamps, data):
    # The last one is heard: it tells that all were received.
    fates = data.draw(st.lists(st.integers(1, 3), min_size=len(stamps), max_size=len(stamps)))
    sent, certificates, truth = run([*stamps, 1], [*fates, TAKEN])
    assert places(sent, certificates) == truth


def test_a_lost_frame_among_repeated_stamps():
    sent, certificates, _ = run([7, 7, 7, 8, 9, 9], [TAKEN, LOST, TAKEN, TAKEN, TAKEN, TAKEN])
    rows = live_rows(STREAM, POINT, sent, certificates)
    assert [row["missing"] for row in rows] == [True] * 3 + [False] * 3
    assert [row["reason"] for row in rows] == [UNTOLD] * 3 + [""] * 3
    timing = Timing()
    timing.add(rows)
    found = timing.result()
    assert (found["certificates_received"], found["not_attributed"]) == (3, 3)
    assert (found["superseded"], found["lost_in_transport"]) == (0, 0)
    assert timing.warning().startswith("3 of 6 frames have no certificate (3 not attributed: its")


def test_frames_without_a_certificate_are_counted_and_said():
    fates = [TAKEN, SUPERSEDED, SUPERSEDED, TAKEN, LOST, TAKEN]
    sent, certificates, _ = run(range(6), fates)
    rows = live_rows(STREAM, POINT, sent, certificates)
    assert [row["superseded"] for row in rows] == [fate == SUPERSEDED for fate in fates]
    assert {row["latency_ms"] for row in rows if not row["missing"]} == {500.0}
    timing = Timing()
    assert timing.warning() == ""
    timing.add(rows)
    assert "3 of 6 frames have no certificate (2 superseded: " in timing.warning()
    assert "; 1 lost in transport, " in timing.warning() and "--rate" in timing.warning()
