# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import open_color_engine, write_model

from rs_monitor.chunks import ChunkFit, asked_chunk, chunk_fit, expected_samples, open_paced
from rs_monitor.engines import EngineError, open_engine
from rs_monitor.models import load_card, load_model
from rs_monitor.pacing import RESERVE, ChunkPace


@pytest.mark.parametrize(
    ("chunk", "milliseconds", "samples"),
    [(64, 3.2, 476), (32, 11.5, 43.1304), (8, 3.3, 57.4545), (64, 108, -48)],
)
def test_expected_samples(chunk, milliseconds, samples):
    assert expected_samples(chunk, milliseconds / 1e3, 0.032) == pytest.approx(samples, rel=1e-4)


@pytest.mark.parametrize(("budget", "chunks"), [(60.0, [64]), (1e-9, [64, 1])])
def test_smaller_chunks_are_tried_while_they_take_much_of_the_time(tmp_path, budget, chunks):
    model, opened = load_model(load_card(write_model(tmp_path))), []

    def opener(chunk):
        opened.append(open_engine(model, backend="openvino", precision="fp32", max_batch=chunk))
        return opened[-1]

    best = open_paced(opener, budget)
    assert [engine.max_batch for engine in opened] == chunks
    assert best is opened[-1]
    for engine in opened[:-1]:
        with pytest.raises(EngineError, match="closed"):
            engine.run_network()
    best.run_network()
    best.close()


@pytest.mark.parametrize(
    ("chunk", "share", "asked"),
    [
        (64, 0.44, 64),
        (64, 0.45, 32),
        (64, 1.0, 16),
        (64, 2.2, 4),
        (16, 11.0, 1),
        (16, math.inf, 1),
        (1, 11.0, 1),
        (8, 0.031, 8),
        (8, 0.03, 64),
        (4, 0.03, 32),
        (64, 0.003, 64),
        (100, 0.7, 32),
        (64, 0.0, 64),
    ],
)
def test_asked_chunk(chunk, share, asked):
    assert asked_chunk(ChunkFit(chunk, share), ChunkFit(64, 0.1)) == asked


def test_no_chunk_larger_than_the_first_is_asked_for():
    assert asked_chunk(ChunkFit(8, 0.01), ChunkFit(16, 0.1)) == 16
    assert asked_chunk(ChunkFit(16, 0.01), ChunkFit(16, 0.1)) == 16


def test_the_first_chunk_stays_while_it_takes_no_longer_than_it_did():
    first = ChunkFit(8, 0.6)
    assert asked_chunk(ChunkFit(8, 0.7), first) == 8
    assert asked_chunk(ChunkFit(8, 0.8), first) == 2
    assert asked_chunk(ChunkFit(4, 0.6), first) == 1


@given(
    chunk=st.sampled_from((1, 2, 4, 8, 16, 32, 64)),
    share=st.floats(1e-6, 1e3),
    first=st.sampled_from((1, 2, 4, 8, 16, 32, 64)),
)
def test_where_time_is_in_proportion_what_is_asked_for_stays(chunk, share, first):
    fit, chosen = ChunkFit(min(chunk, first), share), ChunkFit(first, 0.1)
    asked = asked_chunk(fit, chosen)
    assert asked <= first
    then = ChunkFit(asked, share / fit.chunk * asked)
    assert asked_chunk(then, chosen) == asked


def test_a_fit_is_the_share_of_what_a_frame_has_for_samples(tmp_path):
    pace = ChunkPace(iter([0.0, 0.0, 0.004, 0.004]).__next__)
    with open_color_engine(tmp_path, "openvino", max_batch=16) as engine:
        with pace.measure():
            pass
        assert chunk_fit(engine, pace, 0.021) == ChunkFit(16, pytest.approx(pace.typical / 0.016))
        assert chunk_fit(engine, pace, RESERVE) == ChunkFit(16, math.inf)
