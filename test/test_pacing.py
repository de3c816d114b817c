# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from rs_monitor.pacing import RESERVE, ChunkPace


class Clock:
    """A clock that the test moves: durations are the subject, not the machine."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def feed(pace, clock, *durations, full=True):
    for duration in durations:
        with pace.measure(full):
            clock.now += duration


def test_fits_only_with_the_slowest_recent_chunk_and_the_reserve():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.004] * 20)
    assert pace.typical == pytest.approx(0.004)
    assert pace.fits(clock.now + 0.0041 + RESERVE)
    assert not pace.fits(clock.now + 0.0039 + RESERVE)


def test_one_stall_does_not_rule_but_frequent_ones_do():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.002] * 200, 0.05, *[0.002] * 40)
    assert pace.fits(clock.now + 0.003 + RESERVE)
    feed(pace, clock, *[0.002, 0.01] * 40)
    assert not pace.fits(clock.now + 0.003 + RESERVE)


def test_partial_chunks_do_not_count():
    clock = Clock()
    pace = ChunkPace(clock)
    feed(pace, clock, *[0.004] * 5)
    feed(pace, clock, *[0.0001] * 50, full=False)
    assert pace.typical == pytest.approx(0.004)


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
        assert pace.fits(clock.now + 0.001 + RESERVE, first=True)
        feed(pace, clock, 0.004)
        clock.now += 0.036
    assert pace.fits(clock.now + 0.005 + RESERVE)


def test_before_the_first_chunk():
    pace = ChunkPace(Clock())
    assert pace.typical == 0.0
    assert pace.fits(100.0 + 2 * RESERVE)
    assert not pace.fits(100.0)
