# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.ros.diagnostics.window import SlidingWindow

STEPS = st.lists(st.tuples(st.floats(-1.0, 3.0), st.integers(-5, 5)), max_size=40)


@given(STEPS, st.integers(1, 9), st.floats(-1.0, 60.0), st.integers(0, 40))
def test_it_holds_what_a_list_would(steps, capacity, start, cleared_at):
    window, expected = SlidingWindow(2, capacity), []
    now = latest = 0.0
    for index, (step, value) in enumerate(steps):
        if index == cleared_at:
            window.clear()
            expected.clear()
        now += step
        latest = max(now, latest) if index else now
        window.append(now, value, index)
        expected.append((latest, value, index))
    kept = [row for row in expected[-capacity:] if row[0] > start]
    found = window.since(start)
    assert found.shape == (len(kept), 3)
    assert np.array_equal(found, np.array(kept).reshape(-1, 3))


def test_what_it_returned_does_not_change():
    window = SlidingWindow(1, 2)
    window.append(1.0, 10.0)
    found = window.since(0.0)
    for _ in range(4):
        window.append(2.0, 20.0)
    assert found.tolist() == [[1.0, 10.0]]
