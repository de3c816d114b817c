# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.safety import Evidence, Judgement, SafetyState, Statement, Verdict

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

    def again(self, judgement, age=0.03, **changes):
        values = {"stamp": self.now - age, "sequence": self.sequence, "age": age}
        values |= {"now": self.now, "steady": self.steady}
        self.evidence.add(judgement, **(values | changes))


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


def test_a_certificate_repeated_after_the_clock_was_set_back_counts_for_nothing():
    bench = Bench(k=1)
    bench.feed(PASS)
    stamp = bench.now - 0.03
    bench.now -= 0.1
    assert bench.state() is UNKNOWN
    bench.again(PASS, stamp=stamp)
    assert bench.state() is UNKNOWN


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
        bench.again(PASS, **entry)
    assert bench.state() is UNKNOWN


@pytest.mark.parametrize("other", [WEAK, NONE, ALIEN])
def test_one_frame_with_two_verdicts_takes_the_history_with_it(other):
    bench = Bench()
    bench.feed(*[PASS] * 5)
    bench.again(other)
    assert bench.state() is UNKNOWN
    said = bench.evidence.statement(bench.now, bench.steady).reason
    assert said == "two certificates of one frame contradict each other"
    bench.again(PASS)
    assert bench.state() is UNKNOWN
    assert bench.feed(PASS, PASS, PASS) == [DEGRADED, DEGRADED, SAFE]


@pytest.mark.parametrize(("stamp", "sequence"), [(-0.05, 9), (0.0, 1)])
def test_what_comes_out_of_order_starts_anew(stamp, sequence):
    bench = Bench()
    bench.feed(*[PASS] * 5)
    bench.again(PASS, stamp=bench.now - 0.03 + stamp, sequence=sequence)
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


@pytest.mark.parametrize("age", [-0.19, -0.1, 0.0, 0.1])
def test_no_stamp_keeps_a_certificate_fresh_for_longer_than_its_reception_allows(age):
    bench = Bench(k=1)
    bench.sequence = 1
    bench.again(PASS, age=age)
    left = 0.2 - max(0.0, age)
    assert bench.wait(left - 0.001) is SAFE
    assert bench.evidence.statement(bench.now, bench.steady).remaining <= 0.001 + 1e-9
    assert bench.wait(0.002) is UNKNOWN


def test_one_that_waited_before_it_was_received_is_as_old_as_that():
    bench = Bench(k=1)
    bench.sequence = 1
    bench.again(PASS, age=0.15, stamp=bench.now)  # simulated time does not know of it
    assert bench.wait(0.049) is SAFE
    assert bench.wait(0.002) is UNKNOWN


@settings(max_examples=300)
@given(st.data())
def test_safe_is_never_said_without_fresh_evidence(data):
    k = data.draw(st.integers(1, 4))
    m = data.draw(st.integers(k, 6))
    evidence = Evidence(k, m, 1.0, 0.2)
    now, steady, history = 100.0, 0.0, []  # of what is no repetition
    times = st.sampled_from([0.0, 0.01, 0.04, 0.1, 0.19, 0.3, 2.0, -0.04, -5.0])
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(times)
        now += step
        steady += data.draw(st.sampled_from([abs(step), 0.0, 0.04, 0.3]))
        if data.draw(st.booleans()):
            judgement = data.draw(st.sampled_from([PASS, PASS, PASS, WEAK, NONE, ALIEN]))
            age = data.draw(st.sampled_from([-0.19, -0.05, 0.0, 0.03, 0.1, 0.19]))
            if history and data.draw(st.integers(0, 5)) == 0:
                stamp, sequence = history[-1][1:3]
                judgement, age = history[-1][0], now - stamp
            else:
                stamp, sequence = now - age, data.draw(st.integers(1, 30))
            evidence.add(
                judgement, stamp=stamp, sequence=sequence, age=age, now=now, steady=steady
            )
            if not history or (stamp, sequence) != history[-1][1:3]:
                history.append((judgement, stamp, sequence, steady))
        statement = evidence.statement(now, steady)
        assert statement.reason
        if statement.state is not SAFE:
            continue
        newest, stamp, _, received = history[-1]
        assert newest is PASS
        assert now - stamp <= 0.2 and steady - received <= 0.2
        assert 0 <= statement.remaining <= 0.2 - (steady - received) + 1e-9
        # k passes among the last m, all within the window.
        passes = [e for e in history[-m:] if e[0] is PASS and steady - e[3] <= 1.0]
        assert k <= statement.passed <= len(passes)
        # And since the last one that was foreign or out of order, that one included.
        since = history[-statement.considered :]
        assert not any(e[0] is ALIEN for e in since[1:])
        assert all(a[1] < b[1] and a[2] < b[2] for a, b in zip(since, since[1:]))


def statement(bench):
    return bench.evidence.statement(bench.now, bench.steady)


def test_statements_say_why_and_for_how_long():
    bench = Bench()
    assert statement(bench) == Statement(UNKNOWN, "no certificate has come", 0.0, 0, 0)
    bench.feed(PASS)
    said = statement(bench)
    assert (said.state, said.passed, said.considered) == (DEGRADED, 1, 1)
    assert said.reason == "1 of the last 1 passed, 3 are required"
    assert said.remaining == pytest.approx(0.17)
    bench.feed(PASS, PASS, WEAK)
    assert statement(bench).reason == "weak; 3 of the last 4 passed, 3 are required"
    bench.feed(NONE)
    assert statement(bench).reason == "late; 3 of the last 5 passed, 3 are required"
    bench.feed(ALIEN)
    said = statement(bench)
    assert (said.state, said.reason) == (UNKNOWN, "alien")
    assert (said.passed, said.considered) == (0, 1)
    bench.wait(1.0)
    said = statement(bench)
    assert said.reason == "no fresh certificate: the latest is 1.03 s old"
    assert (said.remaining, said.considered) == (0.0, 0)


def test_a_clock_set_back_is_named():
    bench = Bench()
    bench.feed(*[PASS] * 3)
    bench.now -= 0.1
    assert statement(bench).reason == "the clock was set back by 0.10 s"
    assert statement(bench).reason == "the clock was set back by 0.10 s"


@pytest.mark.parametrize(("back", "state"), [(0.049, SAFE), (0.051, UNKNOWN)])
def test_how_far_a_clock_may_be_set_back(back, state):
    bench = Bench()
    bench.feed(*[PASS] * 3)
    bench.now -= back
    assert bench.state() is state


def test_what_comes_out_of_order_is_named():
    bench = Bench(k=1)
    bench.feed(PASS, ALIEN)
    bench.again(NONE, stamp=bench.now - 0.05)
    assert statement(bench).reason == "late; 0 of the last 1 passed, 1 are required"


def test_k_of_m_may_be_all_of_one():
    bench = Bench(k=1, m=1)
    assert bench.feed(PASS, WEAK, NONE) == [SAFE, UNSAFE, UNKNOWN]
    with pytest.raises(ValueError) as error:
        Evidence(6, 5, 1.0, 0.2)
    assert str(error.value) == "k of m needs 1 <= k <= m, got k = 6, m = 5"


def test_exactly_at_the_limits_it_still_counts():
    # Powers of two: no rounding.
    evidence = Evidence(2, 3, 0.5, 0.25)
    for sequence, now in ((1, 1.0), (2, 1.5)):
        evidence.add(PASS, stamp=now, sequence=sequence, age=0.0, now=now, steady=now)
    assert evidence.statement(1.5, 1.5).state is SAFE  # the first is as old as the window
    assert evidence.statement(1.75, 1.5).remaining == 0.0  # the latest as old as it may be
    assert evidence.statement(1.75, 1.5).considered == 2
    # And the clock set back as far as it may be.
    assert evidence.statement(1.75 - 0.0625, 1.5).considered == 2


def test_what_is_foreign_is_named_as_long_as_nothing_else_has_come():
    bench = Bench(k=1)
    bench.feed(PASS, ALIEN)
    assert bench.evidence._why == ALIEN.reason
    bench.again(PASS, stamp=bench.now - 1.0)
    assert bench.evidence._why == "the certificates went back in time or sequence"
