# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.evaluation.benchmark.node_load import borne, find_peak, load_lines, load_row


def sent(count, rate):
    return [
        {"stamp_ns": int(1e9 * (1 + i / rate)), "frame": i, "steady": i / rate}
        for i in range(count)
    ]


def certificate(frame, **changes):
    values = {"stamp_ns": frame["stamp_ns"], "sequence": frame["frame"] + 1}
    values |= {"superseded_total": 0, "status": "CERTIFIED", "class_name": "red", "n_used": 100}
    return values | {"safe": True, "radius": 0.1, "latency": 0.02} | changes


USAGE = {"cpu_seconds": 2.0, "resident_mb": 200.0}


def test_row_tells_what_became_of_the_frames():
    frames = sent(51, 25)
    answers = [certificate(frame) for frame in frames]
    answers[3] = certificate(frames[3], latency=0.1, status="DEADLINE_MISSED")
    # The last two were superseded.
    answers = answers[:49]
    answers[-1]["superseded_total"] = 2
    row = load_row(25.0, frames, answers, USAGE)
    assert row["rate_sent"] == pytest.approx(25)
    assert (row["superseded"], row["lost_in_transport"], row["deadline_missed"]) == (2, 0, 1)
    assert row["dropped_share"] == pytest.approx(3 / 51)
    assert (row["latency_median_ms"], row["latency_largest_ms"]) == (20, 100)
    assert row["cpu_seconds_per_second"] == pytest.approx(1.0)
    assert not borne(row)
    assert borne(row | {"dropped_share": 0.049})
    assert not borne(row | {"dropped_share": 0.0, "rate": 30.0})  # the camera could not
    assert len({len(line) for line in load_lines([row])}) == 1


def test_nothing_heard_is_not_borne():
    row = load_row(25.0, sent(10, 25), [], USAGE)
    assert row["dropped_share"] == 1 and row["latency_median_ms"] is None
    assert not borne(row)
    assert "-" in load_lines([row])[1]


@given(st.floats(5, 2000), st.floats(1, 60))
def test_peak_is_found_to_a_tenth(peak, start):
    def load(rate):
        assert rate <= 1000
        return {"rate": rate, "rate_sent": rate, "dropped_share": 0.2 * (rate > peak)}

    low, high = (start, None) if start <= peak else (start / 64, start)
    good = [row["rate"] for row in find_peak(load, low, high, 1000.0) if borne(row)]
    best = max([low, *good])
    assert best <= peak
    assert best * 1.11 >= min(peak, 1000) or low > peak
