# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.evaluation.report.events import envelope, runs

FLAGS = st.lists(st.booleans(), min_size=1, max_size=60)


def test_runs_are_the_stretches():
    seconds = np.arange(8) / 10
    found = runs(seconds, np.array([1, 1, 0, 0, 1, 0, 0, 1], dtype=bool))
    assert found.first.tolist() == [0, 4, 7]
    assert found.last.tolist() == [1, 4, 7]
    assert found.start.tolist() == [0.0, 0.4, 0.7]
    assert found.end.tolist() == [0.2, 0.5, 0.7]  # the last has no frame after it
    assert found.frames.tolist() == [2, 1, 1]


def test_close_runs_are_joined_and_still_count_their_own_frames():
    seconds = np.arange(8) / 10
    found = runs(seconds, np.array([1, 0, 1, 0, 0, 0, 0, 1], dtype=bool), join=0.25)
    assert found.first.tolist() == [0, 7]
    assert found.last.tolist() == [2, 7]
    assert found.frames.tolist() == [2, 1]


@given(FLAGS, st.floats(0, 5))
def test_no_flagged_frame_is_left_out(flags, join):
    flags = np.array(flags)
    found = runs(np.arange(len(flags)) / 10, flags, join=join)
    covered = np.zeros(len(flags), dtype=bool)
    for first, last in zip(found.first, found.last):
        assert not covered[first : last + 1].any()
        assert flags[first] and flags[last]
        covered[first : last + 1] = True
    assert covered[flags].all()
    assert found.frames.sum() == flags.sum()
    assert (found.end >= found.start).all()


def test_few_values_are_left_as_they_are():
    seconds, values = np.array([0.0, 1.0, 5.0]), np.array([3.0, 1.0, 2.0])
    shape = envelope(seconds, values, 3)
    assert shape.seconds is seconds
    for each in (shape.low, shape.mean, shape.high):
        assert each.tolist() == [3.0, 1.0, 2.0]
    assert shape.frames.tolist() == [1, 1, 1]


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200), st.integers(1, 20))
def test_the_envelope_keeps_extremes_and_mean(values, most):
    values = np.array(values)
    shape = envelope(np.arange(len(values)) ** 1.5, values, most)
    assert 1 <= len(shape.frames) <= most or len(values) <= most
    assert shape.frames.sum() == len(values)
    assert shape.low.min() == values.min()
    assert shape.high.max() == values.max()
    assert (shape.mean * shape.frames).sum() == pytest.approx(values.sum(), abs=1e-9)
    assert (np.diff(shape.seconds) > 0).all()


def test_values_at_one_time_are_one_point():
    shape = envelope(np.zeros(10), np.arange(10.0), 4)
    assert shape.frames.tolist() == [10]
    assert (shape.low[0], shape.high[0]) == (0, 9)
