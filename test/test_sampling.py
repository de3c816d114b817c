# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from small_models import solid, write_model

from rs_monitor.engines import Votes, open_engine
from rs_monitor.models import load_card, load_model
from rs_monitor.pacing import ChunkPace
from rs_monitor.sampling import Draw, most_invalid, too_many_invalid
from rs_monitor.settings import MAX_N

CHUNK = 16
KEY = bytes(range(16))
SIGMA = 0.25


@pytest.fixture
def engine(tmp_path):
    model = load_model(load_card(write_model(tmp_path)))
    with open_engine(model, backend="openvino", precision="fp32", max_batch=CHUNK) as engine:
        yield engine


def image(engine):
    # All but two classes apart, so that the noise decides and counts differ between draws.
    pixels = solid("green", engine.model.height, engine.model.width, strong=130, weak=128)
    return np.float32(pixels) / 255


def draw(engine, deadline=None, clock=lambda: 0.0):
    return Draw(engine, ChunkPace(clock), image(engine), SIGMA, KEY, deadline)


def test_takes_exactly_n_in_chunks_whose_noise_goes_on(engine):
    first, second = draw(engine).take(40), draw(engine)
    parts = second.take(25), second.take(15)
    assert (first.n, parts[0].n, parts[1].n) == (40, 25, 15)
    assert (first.counts == (parts[0] + parts[1]).counts).all()
    again = draw(engine)
    again.take(25)
    assert (again.take(15).counts == parts[1].counts).all()


def test_the_noise_begins_with_that_of_sample_0(engine):
    for key in (bytes([i]) * 16 for i in range(20)):  # one sample each: sums might agree by chance
        votes = engine.votes(image(engine), SIGMA, 1, key, start=0)
        taken = Draw(engine, ChunkPace(lambda: 0.0), image(engine), SIGMA, key, None).take(1)
        assert taken.counts.tolist() == votes.counts.tolist()


def test_a_second_take_does_not_repeat_the_noise_of_the_first(engine):
    taken = draw(engine)
    counts = {tuple(taken.take(CHUNK).counts) for _ in range(20)}
    assert len(counts) > 1


def test_no_time_at_all_draws_nothing(engine):
    assert draw(engine, deadline=-math.inf).take(40) is None
    assert draw(engine, deadline=-math.inf).take(0) is None


def test_an_n_that_follows_the_clock_ends_at_the_most_that_can_be_bounded(engine):
    assert draw(engine, deadline=math.inf).take(0).n == MAX_N


class Clock:
    now = 0.0

    def __call__(self):
        self.now += 0.001
        return self.now


def test_the_first_chunk_is_taken_though_chunks_have_been_slow(engine):
    clock = Clock()
    pace = ChunkPace(clock)
    with pace.measure():
        clock.now += 1.0
    taken = Draw(engine, pace, image(engine), SIGMA, KEY, clock.now + 0.5)
    assert taken.take(0).n == CHUNK
    assert taken.take(40).n == CHUNK  # of the second stage, too


def test_one_sample_is_needed_where_nothing_is_said(tmp_path):
    model = load_model(load_card(write_model(tmp_path)))
    with open_engine(model, backend="openvino", precision="fp32", max_batch=1) as single:
        clock = Clock()
        pace = ChunkPace(clock)
        with pace.measure():
            clock.now += 1.0
        assert Draw(single, pace, image(single), SIGMA, KEY, clock.now + 0.5).take(0).n == 1


def test_chunks_without_which_the_frame_is_lost_are_taken_while_there_is_time(engine):
    clock = Clock()
    pace = ChunkPace(clock)
    with pace.measure():
        clock.now += 1.0
    deadline = clock.now + 0.5
    for least, drawn in ((CHUNK, CHUNK), (CHUNK + 1, 2 * CHUNK), (5 * CHUNK, 5 * CHUNK)):
        for n in (0, 1000):
            taken = Draw(engine, pace, image(engine), SIGMA, KEY, deadline)
            assert taken.take(n, least).n == drawn
    taken = Draw(engine, pace, image(engine), SIGMA, KEY, clock.now + 0.005)  # the reserve
    assert taken.take(0, 5 * CHUNK) is None
    clock.now = deadline - 0.02
    some = Draw(engine, pace, image(engine), SIGMA, KEY, deadline).take(0, 100 * CHUNK).n
    assert CHUNK < some < 10 * CHUNK


def test_every_forward_pass_is_measured(engine):
    clock = Clock()
    pace = ChunkPace(clock)
    taken = Draw(engine, pace, image(engine), SIGMA, KEY, None)
    assert taken.take(CHUNK - 1).n == CHUNK - 1  # which takes the time of a whole chunk
    assert pace.typical == pytest.approx(0.001)
    clock.now += 1.0
    assert taken.take(CHUNK).n == CHUNK
    assert len(pace._chunks) == 2


def test_too_many_invalid_votes_are_told():
    assert too_many_invalid(Votes(np.array([198, 0]), 2, 200)) == ""
    said = too_many_invalid(Votes(np.array([197, 0]), 3, 200))
    assert said == "3 of 200 samples have non-finite logits"


def test_how_many_votes_may_be_invalid():
    assert [most_invalid(n) for n in (1, 100, 199, 200, 299, 10_000)] == [1, 1, 1, 2, 2, 100]
