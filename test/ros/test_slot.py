# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor

import pytest

from rs_monitor.ros.slot import LatestSlot, Received

LIMIT = 30.0


def frame(number):
    return Received(number, float(number), number)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_the_latest_frame_is_taken_and_the_others_are_counted():
    slot = LatestSlot()
    for number in range(5):
        slot.put(frame(number))
    taken = slot.take()
    assert (taken.received.message, taken.sequence, taken.superseded_total) == (4, 1, 4)
    slot.put(frame(5))
    taken = slot.take()
    assert (taken.received.message, taken.sequence, taken.superseded_total) == (5, 2, 4)


def test_taking_waits_for_a_frame(pool):
    slot = LatestSlot()
    waiting = pool.submit(slot.take)
    slot.put(frame(7))
    assert waiting.result(LIMIT).received.message == 7


def test_closing_wakes_the_taker_and_drops_what_is_held(pool):
    slot = LatestSlot()
    waiting = pool.submit(slot.take)
    slot.close()
    assert waiting.result(LIMIT) is None
    slot.put(frame(1))
    assert slot.take() is None


def test_draining_waits_for_the_frame_held_and_for_the_one_in_progress(pool):
    slot = LatestSlot()
    assert slot.drain(0.0)
    slot.put(frame(1))
    assert not slot.drain(0.0)
    taken = slot.take()
    assert not slot.drain(0.0)
    assert slot.claim(taken)
    assert not slot.drain(0.0)  # claimed, but not answered yet
    drained = pool.submit(slot.drain, LIMIT)
    slot.done(taken)
    assert drained.result(LIMIT)


def test_one_of_several_may_answer_a_frame():
    slot = LatestSlot()
    slot.put(frame(1))
    taken = slot.take()
    assert [slot.claim(taken) for _ in range(3)] == [True, False, False]
    slot.put(frame(2))
    other = slot.take()
    slot.done(taken)
    assert not slot.claim(taken)  # it was answered
    assert slot.claim(other)


def test_no_frame_is_lost_between_threads(pool):
    slot = LatestSlot()
    count = 5000

    def take_all():
        seen = []
        while (taken := slot.take()) is not None:
            seen.append(taken)
            assert slot.claim(taken)
            slot.done(taken)
            assert taken.sequence + taken.superseded_total == taken.received.message
        return seen

    taking = pool.submit(take_all)
    for number in range(1, count + 1):
        slot.put(frame(number))
    assert slot.drain(LIMIT)
    slot.close()
    seen = taking.result(LIMIT)
    assert [taken.sequence for taken in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].received.message == count
