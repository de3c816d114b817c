# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.pacing import RESERVE, ChunkPace, Reserve


class Clock:
    """A clock that the test moves: durations are the subject, not the machine."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def feed(pace, clock, *durations):
    for duration in durations:
        with pace.measure():
            clock.now += duration


def test_fits_only_with_the_slowest_recent_chunk_and_the_reserve():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.004] * 20)
    assert pace.typical == pytest.approx(0.004)
    assert pace.fits(clock.now + 0.0041 + RESERVE)
    assert not pace.fits(clock.now + 0.0039 + RESERVE)


@given(st.lists(st.floats(0.001, 0.1), min_size=1, max_size=31))
def test_a_chunk_may_be_as_slow_as_98_percent_of_recent_ones(durations):
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *durations)
    recent = np.array(durations)
    ages = recent[::-1].cumsum()[::-1] - recent  # when each ended, before now
    kept = recent[(ages < 2.0) | (np.arange(len(recent)) >= len(recent) - 8)]
    slow = float(np.percentile(kept, 98))
    assert pace.fits(clock.now + slow + RESERVE + 1e-6)
    assert not pace.fits(clock.now + slow + RESERVE - 1e-6)


@pytest.mark.parametrize("count", [1, 2, 51, 60, 100])
def test_the_quantile_lies_between_two_durations(count):
    clock = Clock()
    pace = ChunkPace(clock)
    durations = [1e-6 * i * i for i in range(1, count + 1)]
    pace._chunks.extend((100.0, duration) for duration in durations[:-1])
    feed(pace, clock, durations[-1])
    slow = float(np.percentile(durations, 98))
    assert pace.fits(clock.now + slow + RESERVE + 1e-9)
    assert not pace.fits(clock.now + slow + RESERVE - 1e-9)


def test_one_stall_does_not_rule_but_frequent_ones_do():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.002] * 200, 0.05, *[0.002] * 40)
    assert pace.fits(clock.now + 0.003 + RESERVE)
    feed(pace, clock, *[0.002, 0.01] * 40)
    assert not pace.fits(clock.now + 0.003 + RESERVE)


def test_a_faster_machine_is_noticed():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.02] * 100, *[0.002] * 300)
    assert pace.fits(clock.now + 0.003 + RESERVE)


def test_a_stall_is_forgotten_though_chunks_are_few():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.004] * 50, *[0.3] * 20)
    for _ in range(75):  # three seconds of frames whose first chunk alone is tried
        assert not pace.fits(clock.now)
        assert pace.fits(clock.now + 0.001 + RESERVE, needed=True)
        feed(pace, clock, 0.004)
        clock.now += 0.036
    assert pace.fits(clock.now + 0.005 + RESERVE)


@pytest.mark.parametrize(
    "excesses",
    [
        lambda generator, n: generator.exponential(0.0004, n),
        lambda generator, n: generator.normal(0.001, 0.0005, n),
        lambda generator, n: 0.0012 + 0.004 * (generator.random(n) < 0.0005),
    ],
)
def test_one_frame_in_a_thousand_ends_later_than_the_reserve(excesses):
    generator, reserve, late = np.random.default_rng(0), Reserve(), 0
    values = excesses(generator, 40_000)
    for index, excess in enumerate(values):
        late += index >= 2000 and excess > reserve.seconds
        reserve.record(float(excess))
    assert late / (len(values) - 2000) <= 0.0015
    assert reserve.seconds < RESERVE


def test_the_reserve_keeps_to_its_range():
    reserve = Reserve()
    for _ in range(300):
        reserve.record(-1.0)
    assert reserve.seconds == 0.001
    for _ in range(300):
        reserve.record(1.0)
    assert reserve.seconds == 2 * RESERVE


@pytest.mark.parametrize("stalls", [(7,), (7, 30), (7, 900)])
def test_stalls_among_the_first_frames_are_forgotten_after_a_thousand_without(stalls):
    reserve = Reserve()
    for frame in range(2000):
        if frame in (250, 999, 1999):
            assert reserve.seconds == pytest.approx(2 * RESERVE, abs=0.001)
        reserve.record(0.1 if frame in stalls else 0.002)
    assert reserve.seconds == 0.002


def test_a_thousand_frames_do_not_raise_the_reserve():
    reserve = Reserve()
    for frame in range(3000):
        before = reserve.seconds
        reserve.record(0.1 if frame in (400, 700, 1500) else 0.0015)
        if frame >= 250:
            assert reserve.seconds <= before + 0.0005


def test_frames_correct_the_reserve_once_each():
    clock = Clock()
    pace = ChunkPace(clock)
    assert pace.reserve == RESERVE
    pace.finished()  # without a chunk there was no promise
    for _ in range(250):
        feed(pace, clock, 0.004, 0.004)
        clock.now += 0.0015
        pace.finished()
        pace.finished()
        clock.now += 0.02
    assert pace.reserve == pytest.approx(0.0015)
    assert pace.fits(clock.now + 0.0041 + pace.reserve)
    assert not pace.fits(clock.now + 0.0039 + pace.reserve)


def test_a_large_reserve_does_not_keep_a_frame_from_its_first_chunk():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, 0.004)
    for _ in range(20):
        feed(pace, clock, 0.004)
        clock.now += 1.0
        pace.finished()
    assert pace.reserve == 2 * RESERVE
    assert pace.fits(clock.now + 1.1 * RESERVE, needed=True)


def test_before_the_first_chunk():
    pace = ChunkPace(Clock())
    assert pace.typical == 0.0
    assert pace.begun is None
    assert pace.fits(100.0 + 2 * RESERVE)
    assert pace.fits(100.0 + RESERVE)
    assert not pace.fits(100.0)


def test_a_pace_goes_on_with_what_another_learned_about_late_frames():
    clock = Clock()
    old, new = ChunkPace(clock), ChunkPace(clock)
    for _ in range(250):
        feed(old, clock, 0.001)
        clock.now += 0.003
        old.finished()
    assert old.reserve != RESERVE
    new.learn_from(old)
    assert new.reserve == old.reserve
    assert new.typical == 0.0
