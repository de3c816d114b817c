# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import open_color_engine, write_model

from rs_monitor.chunks import ChunkFit, asked_chunk, chunk_fit, expected_samples, open_paced
from rs_monitor.engines import EngineError, EngineMemoryError, chunk_sizes, open_engine
from rs_monitor.models import load_card, load_model
from rs_monitor.pacing import RESERVE, ChunkPace

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


def test_without_memory_for_the_smallest_chunk_there_is_no_engine(tmp_path):
    with pytest.raises(EngineMemoryError, match="no memory for 1"):
        open_paced(Opener(tmp_path, 0), SIZES, 1.0)


@pytest.mark.parametrize(
    ("chunk", "share", "asked"),
    [
        (64, 0.79, 64),
        (64, 0.8, 16),
        (64, 2.2, 4),
        (16, 11.0, 1),
        (16, math.inf, 16),
        (1, 11.0, 1),
        (8, 0.031, 8),
        (8, 0.03, 64),
        (4, 0.03, 32),
        (4, 0.0093, 64),
        (32, 0.0751, 32),
        (32, 0.0749, 64),
        (64, 0.003, 64),
        (100, 0.9, 16),
        (64, 0.0, 64),
    ],
)
def test_asked_chunk(chunk, share, asked):
    assert asked_chunk(ChunkFit(chunk, share), ChunkFit(64, 0.1), SIZES) == asked


def test_no_chunk_larger_than_the_first_is_asked_for():
    assert asked_chunk(ChunkFit(8, 0.01), ChunkFit(16, 0.1), SIZES) == 16
    assert asked_chunk(ChunkFit(16, 0.01), ChunkFit(16, 0.1), SIZES) == 16


def test_the_first_chunk_stays_while_it_takes_no_longer_than_it_did():
    first = ChunkFit(8, 0.7)
    assert asked_chunk(ChunkFit(8, 0.87), first, SIZES) == 8
    assert asked_chunk(ChunkFit(8, 0.88), first, SIZES) == 2
    assert asked_chunk(ChunkFit(4, 0.8), first, SIZES) == 1
    assert asked_chunk(ChunkFit(4, 0.53), first, SIZES) == 4
    assert asked_chunk(ChunkFit(4, 0.52), first, SIZES) == 8


@given(
    chunk=st.sampled_from((1, 2, 4, 8, 16, 32, 64)),
    share=st.floats(1e-6, 1e3),
    first=st.sampled_from((1, 2, 4, 8, 16, 32, 64)),
)
def test_where_time_is_in_proportion_what_is_asked_for_stays(chunk, share, first):
    fit, chosen = ChunkFit(min(chunk, first), share), ChunkFit(first, 0.1)
    asked = asked_chunk(fit, chosen, SIZES)
    assert asked <= first
    then = ChunkFit(asked, share / fit.chunk * asked)
    assert asked_chunk(then, chosen, SIZES) == asked


def test_a_fit_is_the_share_of_what_a_frame_has_for_samples(tmp_path):
    pace = ChunkPace(iter([0.0, 0.0, 0.004, 0.004]).__next__)
    with open_color_engine(tmp_path, "openvino", max_batch=16) as engine:
        with pace.measure():
            pass
        assert chunk_fit(engine, pace, 0.021) == ChunkFit(16, pytest.approx(pace.typical / 0.016))
        assert chunk_fit(engine, pace, RESERVE) == ChunkFit(16, math.inf)
