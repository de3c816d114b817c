# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import threading
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.certification import Status
from rs_monitor.ros.diagnostics.statistics import PERCENTILES, FrameStatistics, Outcome

OUTCOME = Outcome(Status.CERTIFIED, 0.02, 0.03, 0.3, 0.4, 100, 0)
TENTHS = st.integers(0, 30).map(lambda tenths: tenths / 8)  # eighths: sums are exact
EVENTS = st.lists(
    st.tuples(
        TENTHS,
        st.one_of(
            st.just("image"),
            st.integers(1, 5),
            st.builds(
                Outcome,
                status=st.sampled_from(Status).map(int),
                latency=st.integers(0, 64).map(lambda part: part / 64),
                budget=st.just(0.5),
                radius=st.integers(0, 8).map(lambda part: part / 8),
                radius_cap=st.integers(0, 8).map(lambda part: part / 8),
                n_used=st.integers(0, 300),
                superseded_total=st.integers(0, 5),
            ),
        ),
    ),
    max_size=40,
)


def counted(statistics, events):
    """Feed the events; returns (time, event) of each."""
    now, fed = 0.0, []
    statistics.listen(0.0)
    for step, event in events:
        now += step
        if event == "image":
            statistics.image(now, "rgb8", "4x3")
        elif isinstance(event, int):
            statistics.lost(now, event)
        else:
            statistics.outcome(now, event)
        fed.append((now, event))
    return fed


def check_counts(counts, events):
    outcomes = [event for event in events if isinstance(event, Outcome)]
    assert counts.images == events.count("image")
    assert counts.lost == sum(event for event in events if isinstance(event, int))
    assert counts.statuses == Counter(outcome.status for outcome in outcomes)
    assert counts.certificates == len(outcomes)
    late = [o for o in outcomes if o.latency > o.budget and o.status != Status.DEADLINE_MISSED]
    assert counts.late == len(late)
    return outcomes


@given(EVENTS, st.floats(0.0, 20.0), st.floats(0.5, 30.0))
def test_it_counts_as_brute_force_does(events, wait, span):
    statistics = FrameStatistics()
    fed = counted(statistics, events)
    now = (fed[-1][0] if fed else 0.0) + wait
    summary = statistics.summary(now, span)
    check_counts(summary.total, [event for _, event in fed])
    outcomes = check_counts(summary.window, [e for time, e in fed if time > now - span])
    if outcomes:
        latencies = [outcome.latency for outcome in outcomes]
        assert summary.latencies[:-1] == pytest.approx(np.percentile(latencies, PERCENTILES))
        assert summary.latencies[-1] == max(latencies)
    else:
        assert summary.latencies == ()
    certified = [o.radius for o in outcomes if o.status == Status.CERTIFIED]
    assert summary.radius == (pytest.approx(np.mean(certified)) if certified else None)
    decided = [o for o in outcomes if o.status in (Status.CERTIFIED, Status.ABSTAINED)]
    assert summary.n_used == (np.median([o.n_used for o in decided]) if decided else None)
    assert summary.radius_cap == (np.median([o.radius_cap for o in decided]) if decided else None)
    times = [time for time, event in fed if event == "image"]
    assert summary.image_age == (now - times[-1] if times else None)
    assert summary.settled == bool(times and now - times[0] >= span)
    last = max((i for i, (_, e) in enumerate(fed) if isinstance(e, Outcome)), default=-1)
    after = [time for time, event in fed[last + 1 :] if event == "image"]
    assert summary.unanswered == (now - after[0] if after else None)
    for field in dataclasses.fields(summary):
        value = getattr(summary, field.name)
        assert not isinstance(value, float) or np.isfinite(value)


@given(st.lists(st.integers(0, 50), max_size=20))
def test_superseded_frames_are_counted_across_configurations(totals):
    statistics, expected, before = FrameStatistics(), 0, 0
    for total in totals:
        statistics.outcome(1.0, dataclasses.replace(OUTCOME, superseded_total=total))
        expected += total - before if total >= before else total
        before = total
    summary = statistics.summary(1.0, 5.0)
    assert summary.window.superseded == summary.total.superseded == expected


@pytest.mark.parametrize("capacity", [1 << 14, 50])
@pytest.mark.parametrize("hertz", [5, 25, 200])
def test_the_rate_of_a_steady_camera(hertz, capacity):
    statistics = FrameStatistics(capacity)
    statistics.listen(0.0)
    assert statistics.summary(1.0, 5.0).rate == 0.0
    for number in range(10 * hertz):
        now = 100 + number / hertz
        statistics.image(now, "rgb8", "4x3")
        if number >= hertz:
            assert statistics.summary(now, 5.0).rate == pytest.approx(hertz, rel=0.05)
    # The camera falls silent: its rate goes down to nothing.
    assert statistics.summary(now + 2.5, 5.0).rate <= 0.6 * hertz
    assert statistics.summary(now + 5.0, 5.0).rate == 0.0


def test_a_new_subscription_begins_a_new_window_and_keeps_the_totals():
    statistics = FrameStatistics()
    counted(statistics, [(1.0, "image"), (0.0, 3), (0.0, OUTCOME), (0.0, "image")])
    statistics.leave()
    summary = statistics.summary(1.0, 5.0)
    assert (summary.listening, summary.unanswered, summary.window.images) == (None, None, 2)
    statistics.listen(2.0)
    summary = statistics.summary(3.0, 5.0)
    assert (summary.listening, summary.image_age) == (1.0, None)
    assert summary.window.images == summary.window.lost == summary.window.certificates == 0
    assert (summary.total.images, summary.total.lost, summary.total.certificates) == (2, 3, 1)


def test_memory_and_work_are_bounded():
    statistics = FrameStatistics(100)
    for number in range(1000):
        statistics.image(number * 1e-3, "rgb8", "4x3")
        statistics.outcome(number * 1e-3, OUTCOME)
    summary = statistics.summary(1.0, 60.0)
    assert summary.window.images == summary.window.certificates == 100
    assert summary.total.images == summary.total.certificates == 1000


def test_threads_may_feed_and_ask_at_once():
    statistics, wrong = FrameStatistics(), []
    statistics.listen(0.0)

    def feed():
        for number in range(2000):
            statistics.image(number * 1e-3, "rgb8", "4x3")
            statistics.outcome(number * 1e-3, OUTCOME)

    def ask():
        for _ in range(200):
            total = statistics.summary(2.0, 60.0).total
            if not total.certificates <= total.images <= total.certificates + 2:
                wrong.append(total)

    threads = [threading.Thread(target=target) for target in (feed, feed, ask, ask)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert statistics.summary(2.0, 60.0).total.certificates == 4000
