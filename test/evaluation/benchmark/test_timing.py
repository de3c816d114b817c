# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.evaluation.benchmark.timing import Times, interleaved, linear_fit


def test_subjects_take_turns():
    calls = []
    subjects = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = interleaved(subjects, 3)
    assert calls[-6:] == list("ababab")
    assert {name: len(t.milliseconds) for name, t in times.items()} == {"a": 3, "b": 3}
    assert all((t.milliseconds >= 0).all() for t in times.values())


def test_quantiles_are_milliseconds():
    times = Times(np.arange(101.0))
    assert (times.median, times.percentile(95), times.percentile(99)) == (50, 95, 99)


@given(
    st.floats(0, 5), st.floats(1e-3, 10), st.lists(st.integers(1, 500), min_size=3, unique=True)
)
def test_fit_finds_the_line(fixed, each, ns):
    found = linear_fit(ns, [fixed + each * n for n in ns])
    assert found == pytest.approx((fixed, each), abs=1e-6)


@pytest.mark.parametrize("ns", [[8, 8], [8, 16], [8, 16, 8]])
def test_two_points_are_no_line_that_could_be_wrong(ns):
    assert linear_fit(ns, [1.0, 2.0, 1.0][: len(ns)]) is None
