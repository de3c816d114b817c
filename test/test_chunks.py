# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slowed_engine import Slowness
from small_models import open_color_engine, write_model

from rs_monitor.chunks import (
    ChunkFit,
    asked_chunk,
    chunk_fit,
    expected_samples,
    open_paced,
    promised,
)
from rs_monitor.engines import EngineError, EngineMemoryError, chunk_sizes, open_engine
from rs_monitor.models import load_card, load_model
from rs_monitor.pacing import RESERVE, ChunkPace
from rs_monitor.settings import Settings

SIZES = chunk_sizes("openvino")


@pytest.mark.parametrize(
    ("chunk", "milliseconds", "samples"),
    [(64, 3.2, 476), (32, 11.5, 43.1304), (8, 3.3, 57.4545), (64, 108, -48)],
)
def test_expected_samples(chunk, milliseconds, samples):
    assert expected_samples(chunk, milliseconds / 1e3, 0.032) == pytest.approx(samples, rel=1e-4)


class Opener:
    """Opens real engines, and keeps them; those of more than `most` samples have no memory."""

    def __init__(self, folder, most=64):
        self.model = load_model(load_card(write_model(folder)))
        self.most = most
        self.opened = []

    def __call__(self, chunk):
        if chunk > self.most:
            raise EngineMemoryError(f"no memory for {chunk}")
        options = {"backend": "openvino", "precision": "fp32", "max_batch": chunk}
        self.opened.append(open_engine(self.model, **options))
        return self.opened[-1]


@pytest.mark.parametrize(
    ("budget", "most", "tried"),
    [(60.0, 64, [64]), (1e-9, 64, [64, 1]), (60.0, 40, [32]), (1e-9, 1, [1])],
)
def test_smaller_chunks_are_tried_while_they_take_much_of_the_time(tmp_path, budget, most, tried):
    opener = Opener(tmp_path, most)
    best = open_paced(opener, SIZES, budget)
    assert [engine.max_batch for engine in opener.opened] == tried
    assert best is opener.opened[-1]
    for engine in opener.opened[:-1]:
        with pytest.raises(EngineError, match="closed"):
            engine.run_network()
    best.run_network()
    best.close()


@pytest.mark.parametrize(
    ("sample", "fixed", "budget", "tried", "taken"),
    [
        (0.001, 0.0, 0.105, [64, 32, 16, 8], {8, 16}),
        (0.001, 0.0, 0.015, [64, 16, 8, 4, 2, 1], {1, 2, 4}),  # half of 32 would take too long
        (0.0, 0.02, 0.105, [64, 32, 16, 8, 4, 2, 1], {64}),
    ],
)
def test_the_chunk_that_draws_most_is_taken(tmp_path, sample, fixed, budget, tried, taken):
    opener = Slowness(lambda: sample)
    opener.fixed = fixed
    model = load_model(load_card(write_model(tmp_path)))
    options = {"backend": "openvino", "precision": "fp32"}
    best = open_paced(lambda chunk: opener(model, max_batch=chunk, **options), SIZES, budget)
    assert [engine.max_batch for engine in opener.opened] == tried
    assert best.max_batch in taken
    best.close()
    for engine in opener.opened:
        with pytest.raises(EngineError, match="closed"):
            engine.run_network()


def test_an_engine_that_is_open_stays_where_a_smaller_one_has_no_memory(tmp_path):
    opener = Opener(tmp_path)
    best = open_paced(lambda chunk: opener(chunk if chunk == 64 else 65), SIZES, 1e-9)
    assert best is opener.opened[0]
    best.run_network()
    best.close()


@pytest.mark.parametrize("fails", [1, 2])
def test_engines_are_closed_where_one_fails(tmp_path, fails):
    opener = Opener(tmp_path)

    def failing(chunk):
        engine = opener(chunk)
        if len(opener.opened) == fails:
            engine.warm_up = lambda: 1 / 0
        return engine

    with pytest.raises(ZeroDivisionError):
        open_paced(failing, SIZES, 1e-9)
    assert len(opener.opened) == fails
    for engine in opener.opened:
        with pytest.raises(EngineError, match="closed"):
            engine.run_network()


def test_without_memory_for_the_smallest_chunk_there_is_no_engine(tmp_path):
    with pytest.raises(EngineMemoryError, match="no memory for 1$"):
        open_paced(Opener(tmp_path, 0), SIZES, 1.0)


@pytest.mark.parametrize(("asked", "most", "fits"), [(100, 30, 25), (64, 63, 32), (3, 1, 1)])
def test_the_largest_half_that_fits_is_named(tmp_path, asked, most, fits):
    opener = Opener(tmp_path, most)
    with pytest.raises(
        EngineMemoryError, match=f"for {asked}; .* {fits} is the largest that fits"
    ) as caught:
        open_paced(opener, (asked,), 1.0)
    assert caught.value.largest == fits
    assert [engine.max_batch for engine in opener.opened] == [fits]
    with pytest.raises(EngineError, match="closed"):
        opener.opened[0].run_network()


def test_smaller_chunks_are_tried_without_what_larger_ones_did_get():
    held = []

    class Failing:
        def __init__(self, chunk):
            held.append(weakref.ref(self))
            try:
                raise RuntimeError("out of memory")
            except RuntimeError as error:
                raise EngineMemoryError("no memory") from error

    def opener(chunk):
        assert all(failed() is None for failed in held)
        return Failing(chunk)

    with pytest.raises(EngineMemoryError):
        open_paced(opener, (64, 32, 8), 1.0)
    assert len(held) == 6


def test_what_fits_is_looked_for_neither_where_it_is_known_nor_where_it_has_to_be_built():
    tried = []

    def opener(chunk):
        tried.append(chunk)
        if chunk < 64:
            raise EngineError("not built")
        raise EngineMemoryError("no memory", 12 if chunk == 100 else None)

    for asked in (64, 100):
        with pytest.raises(EngineMemoryError, match="^no memory$"):
            open_paced(opener, (asked,), 1.0)
    assert tried == [64, 32, 100]


FIRST = ChunkFit(64, 0.1)
SINGLE, TWO_STAGE = Settings(alpha=0.001), Settings(alpha=0.001, procedure="two_stage")


@pytest.mark.parametrize(
    ("chunk", "share", "asked"),
    [
        (64, 0.79, 64),
        (64, 0.8, 32),
        (64, 1.1, 16),
        (64, 2.5, 4),  # 12 rows for the 11 that are needed
        (64, 50.0, 4),
        (32, 1.0, 16),
        (16, 11.0, 4),
        (8, 0.6, 4),  # of which two are needed
        (4, 0.4, 4),
        (2, 0.4, 2),
        (1, 11.0, 1),
        (64, math.inf, 64),
        (16, 0.21, 16),
        (16, 0.19, 64),
        (32, 0.29, 32),
        (32, 0.28, 64),
        (64, 0.003, 64),
    ],
)
def test_asked_chunk(chunk, share, asked):
    assert SINGLE.least_n == 11
    relative = math.sqrt(chunk / 64)  # a pass of 16 takes half the time of one of 64
    assert asked_chunk(ChunkFit(chunk, share), FIRST, relative, SIZES, SINGLE) == asked


def test_with_two_stages_more_passes_are_needed():
    assert asked_chunk(ChunkFit(64, 0.39), FIRST, 1.0, SIZES, TWO_STAGE) == 64
    assert asked_chunk(ChunkFit(64, 0.4), FIRST, 1.0, SIZES, TWO_STAGE) == 32  # 2 x 32 of 2 x 64
    assert asked_chunk(ChunkFit(64, 0.5), FIRST, 1.0, SIZES, TWO_STAGE) == 32
    assert asked_chunk(ChunkFit(64, 0.7), FIRST, 1.0, SIZES, TWO_STAGE) == 16


def test_with_two_stages_the_first_comes_back_where_its_passes_take_no_longer_than_they_did():
    first = ChunkFit(32, 0.45)
    assert TWO_STAGE.passes_needed(32) == 2
    assert asked_chunk(ChunkFit(16, 0.25), first, 0.4, SIZES, TWO_STAGE) == 16
    assert asked_chunk(ChunkFit(16, 0.25), first, 0.8, SIZES, TWO_STAGE) == 32


@pytest.mark.parametrize("relative", [0.4, 0.5, 0.9, 1.0])
def test_the_first_comes_back_at_its_own_speed_however_slow_smaller_ones_are(relative):
    assert asked_chunk(ChunkFit(16, 0.41 * relative), FIRST, relative, SIZES, SINGLE) == 16
    assert asked_chunk(ChunkFit(16, 0.39 * relative), FIRST, relative, SIZES, SINGLE) == 64


def test_the_first_does_not_come_back_where_it_draws_no_more():
    assert asked_chunk(ChunkFit(16, 0.25 * 0.3), FIRST, 0.25, SIZES, SINGLE) == 16


def test_the_first_chunk_stays_while_it_takes_no_longer_than_it_did():
    first = ChunkFit(32, 0.7)
    assert asked_chunk(ChunkFit(32, 0.87), first, 1.0, SIZES, SINGLE) == 32
    assert asked_chunk(ChunkFit(32, 0.88), first, 1.0, SIZES, SINGLE) == 16
    assert asked_chunk(ChunkFit(16, 0.79), first, 0.9, SIZES, SINGLE) == 16
    assert asked_chunk(ChunkFit(16, 0.78), first, 0.9, SIZES, SINGLE) == 32
    busy = ChunkFit(64, 0.95)  # as measured beside other load
    assert asked_chunk(ChunkFit(64, 0.99), busy, 1.0, SIZES, SINGLE) == 64
    assert asked_chunk(ChunkFit(64, 1.0), busy, 1.0, SIZES, SINGLE) == 32


@given(
    start=st.sampled_from((64, 32, 16)),
    first_share=st.floats(0.01, 2.0),
    slower=st.floats(0.5, 100.0),
    pass_share=st.floats(0.0, 1.0),
    settings=st.sampled_from((SINGLE, TWO_STAGE)),
)
def test_exchanges_come_to_an_end(start, first_share, slower, pass_share, settings):
    """At one speed, whatever part of a pass' time does not depend on its samples."""

    def share(chunk):
        return first_share * slower * (pass_share + (1.0 - pass_share) * chunk / start)

    first, chunk = ChunkFit(start, first_share), start
    for _ in range(3):
        relative = share(chunk) / share(start)
        asked = asked_chunk(ChunkFit(chunk, share(chunk)), first, relative, SIZES, settings)
        assert asked <= chunk  # never back at the speed that made it smaller
        chunk = asked
    assert asked_chunk(ChunkFit(chunk, share(chunk)), first, relative, SIZES, settings) == chunk


def test_a_fit_is_the_share_of_what_a_frame_has_for_samples(tmp_path):
    pace = ChunkPace(iter([0.0, 0.004]).__next__)
    with open_color_engine(tmp_path, "openvino", max_batch=16) as engine:
        with pace.measure():
            pass
        assert chunk_fit(engine, pace, 0.021) == ChunkFit(16, pytest.approx(0.25))
        assert chunk_fit(engine, pace, RESERVE) == ChunkFit(16, math.inf)


def test_what_is_promised_is_what_is_expected():
    for chunk, share in ((64, 0.1), (8, 0.9), (16, 3.0)):
        expected = expected_samples(chunk, share * 0.03, 0.03 + RESERVE)
        assert promised(ChunkFit(chunk, share)) == pytest.approx(expected)
