# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.safety import Evidence, Judgement, SafetyState, Verdict

PASS = Judgement(Verdict.PASSED)
WEAK = Judgement(Verdict.INSUFFICIENT, "weak")
NONE = Judgement(Verdict.NO_EVIDENCE, "late")
ALIEN = Judgement(Verdict.FOREIGN, "alien")
UNKNOWN, UNSAFE, DEGRADED, SAFE = SafetyState


class Bench:
    """Evidence fed at 25 Hz, each certificate 30 ms after its stamp."""

    def __init__(self, k=3, m=5, window=1.0, max_age=0.2):
        self.evidence = Evidence(k, m, window, max_age)
        self.now, self.steady, self.sequence = 1000.0, 5.0, 0

    def wait(self, seconds, steady=None):
        self.now += seconds
        self.steady += seconds if steady is None else steady
        return self.state()

    def state(self):
        return self.evidence.statement(self.now, self.steady).state

    def feed(self, *judgements):
        """Return the states after each."""
        states = []
        for judgement in judgements:
            self.wait(0.04)
            self.sequence += 1
            self.again(judgement)
            states.append(self.state())
        return states

    def again(self, judgement):
        self.evidence.add(
            judgement,
            stamp=self.now - 0.03,
            sequence=self.sequence,
            now=self.now,
            steady=self.steady,
        )


def test_it_starts_unknown_and_needs_k():
    bench = Bench()
    assert bench.state() is UNKNOWN
    assert bench.feed(PASS, PASS, PASS, PASS) == [DEGRADED, DEGRADED, SAFE, SAFE]


def test_worse_is_said_at_once_and_better_when_the_evidence_is_there():
    bench = Bench()
    bench.feed(*[PASS] * 5)
    assert bench.feed(WEAK, NONE, PASS) == [DEGRADED, DEGRADED, SAFE]
    assert bench.feed(WEAK, WEAK, WEAK) == [UNSAFE, UNSAFE, UNSAFE]
    assert bench.feed(NONE, NONE, PASS, PASS, PASS) == [UNKNOWN, UNKNOWN, DEGRADED, DEGRADED, SAFE]


def test_silence_is_unknown_and_forgets():
    bench = Bench()
    bench.feed(*[PASS] * 5)
    assert bench.wait(0.169) is SAFE
    assert bench.wait(0.002) is UNKNOWN
    assert bench.feed(PASS) == [DEGRADED]


def test_silence_is_noticed_when_the_clock_stands_still():
    bench = Bench()
    bench.feed(*[PASS] * 5)
    assert bench.wait(0.0, steady=0.169) is SAFE
    assert bench.wait(0.0, steady=0.002) is UNKNOWN


@pytest.mark.parametrize("jump", [3600.0, -3600.0, -0.1])
def test_a_clock_that_jumps(jump):
    bench = Bench()
    bench.feed(*[PASS] * 5)
    bench.now += jump
    assert bench.state() is UNKNOWN
    assert bench.feed(PASS, PASS, PASS) == [DEGRADED, DEGRADED, SAFE]


def test_a_small_step_back_is_no_jump():
    bench = Bench()
    bench.feed(*[PASS] * 5)
    bench.now -= 0.01
    assert bench.state() is SAFE


def test_what_is_foreign_takes_the_history_with_it():
    bench = Bench()
    bench.feed(*[PASS] * 5)
    assert bench.feed(ALIEN, PASS, PASS, PASS) == [UNKNOWN, DEGRADED, DEGRADED, SAFE]
    bench.evidence.clear("two publishers")
    statement = bench.evidence.statement(bench.now, bench.steady)
    assert (statement.state, statement.reason) == (UNKNOWN, "two publishers")


def test_a_repeated_certificate_counts_for_nothing():
    bench = Bench()
    bench.feed(PASS)
    entry = {"stamp": bench.now - 0.03, "sequence": 1}
    for _ in range(9):
        bench.wait(0.03)
        bench.evidence.add(PASS, **entry, now=bench.now, steady=bench.steady)
    assert bench.state() is UNKNOWN


@pytest.mark.parametrize(("stamp", "sequence"), [(-0.05, 9), (0.0, 1)])
def test_what_comes_out_of_order_starts_anew(stamp, sequence):
    bench = Bench()
    bench.feed(*[PASS] * 5)
    bench.evidence.add(
        PASS, stamp=bench.now - 0.03 + stamp, sequence=sequence, now=bench.now, steady=bench.steady
    )
    assert bench.state() is DEGRADED


def test_only_what_is_within_the_window_counts():
    bench = Bench(window=0.15, max_age=0.2)
    assert bench.feed(*[PASS] * 4)[-1] is SAFE
    bench.wait(0.1)
    assert bench.feed(PASS) == [DEGRADED]


@pytest.mark.parametrize(("k", "m"), [(0, 5), (6, 5), (-1, 3)])
def test_a_k_that_cannot_be(k, m):
    with pytest.raises(ValueError, match="1 <= k <= m"):
        Evidence(k, m, 1.0, 0.2)


@settings(max_examples=300)
@given(st.data())
def test_safe_is_never_said_without_fresh_evidence(data):
    k = data.draw(st.integers(1, 4))
    m = data.draw(st.integers(k, 6))
    evidence = Evidence(k, m, 1.0, 0.2)
    now, steady, history = 100.0, 0.0, []
    times = st.sampled_from([0.0, 0.01, 0.04, 0.1, 0.19, 0.3, 2.0, -0.04, -5.0])
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(times)
        now += step
        steady += data.draw(st.sampled_from([abs(step), 0.0, 0.04, 0.3]))
        if data.draw(st.booleans()):
            judgement = data.draw(st.sampled_from([PASS, PASS, PASS, WEAK, NONE, ALIEN]))
            stamp = now - data.draw(st.sampled_from([0.0, 0.03, 0.1, 0.19]))
            sequence = len(history) + 1 - data.draw(st.sampled_from([0, 0, 0, 2]))
            evidence.add(judgement, stamp=stamp, sequence=sequence, now=now, steady=steady)
            history.append((judgement, stamp, sequence, steady))
        statement = evidence.statement(now, steady)
        assert statement.reason
        if statement.state is not SAFE:
            continue
        # The newest that was not a repetition passed, is fresh by both clocks, and k of the last
        # m that came are passes.
        fresh = [entry for entry in history if now - entry[1] <= 0.2 and steady - entry[3] <= 0.2]
        assert fresh and history[-1][0] is PASS or history[-1][1:3] == history[-2][1:3]
        assert 0 < statement.remaining <= 0.2
        distinct = {entry[1:3] for entry in history[-3 * m :] if entry[0] is PASS}
        assert k <= statement.passed <= len(distinct)
        assert all(steady - entry[3] <= 1.0 for entry in fresh)
