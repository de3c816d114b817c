# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import threading

import pytest

from rs_monitor.engine_keeper import GRACE, EngineKeeper
from rs_monitor.engine_state import EngineStage

LIMIT = 30.0


class Table:
    closed = False

    def close(self):
        self.closed = True


class Bank:
    """Stands for a bank: the keeper only closes and replaces it."""

    def __init__(self):
        self.closed = False
        self.table = Table()

    def close_engines(self):
        self.closed = True


class Bench:
    """A keeper whose clock and openings the test commands."""

    def __init__(self, max_failures=0):
        self.time = 0.0
        self.first = Bank()
        self.allowed = threading.Semaphore(0)
        self.attempts, self.problems = [], []
        self.stages = []
        self.keeper = EngineKeeper(
            self.first,
            self.reopen,
            lambda: max_failures,
            changed=lambda: self.stages.append(self.keeper.state.stage),
            clock=lambda: self.time,
        )

    def reopen(self, bank):
        assert self.allowed.acquire(timeout=LIMIT)
        self.attempts.append(bank)
        if self.problems:
            raise RuntimeError(self.problems.pop(0))
        return Bank()

    def wait(self, stage):
        self.keeper._opening.join(LIMIT)
        assert self.keeper.state.stage is stage


def test_a_failure_closes_the_engines_and_opens_them_anew():
    bench = Bench()
    bench.keeper.failed(bench.first, "it broke")
    assert bench.keeper.lend() == (None, "engines re-opening: it broke (failure 1)")
    bench.allowed.release()
    bench.wait(EngineStage.READY)
    assert bench.first.closed and bench.attempts == [bench.first]
    bank, reason = bench.keeper.lend()
    assert bank not in (None, bench.first) and not reason
    assert (bench.keeper.state.failures, bench.keeper.state.failures_total) == (1, 1)
    assert bench.stages == [EngineStage.REOPENING, EngineStage.READY]
    # Another worker's late failure with the old engines is no failure of the new ones.
    bench.keeper.failed(bench.first, "again")
    assert bench.keeper.state.failures_total == 1


def test_engines_that_cannot_be_closed_are_opened_anew_all_the_same(monkeypatch):
    bench = Bench()

    def fails():
        raise RuntimeError("the device is lost")

    monkeypatch.setattr(bench.first, "close_engines", fails)
    bench.allowed.release()
    bench.keeper.failed(bench.first, "it broke")
    bench.wait(EngineStage.READY)
    bench.keeper.returned(bench.first)  # the watchdog's thread must survive it
    assert bench.keeper.state.detail == "engines could not be closed: the device is lost"


def test_failures_are_forgotten_after_a_hundred_good_frames():
    bench = Bench()
    bench.allowed.release()
    bench.keeper.failed(bench.first, "it broke")
    bench.wait(EngineStage.READY)
    for _ in range(99):
        bench.keeper.succeeded()
    assert bench.keeper.state.failures == 1
    bench.keeper.succeeded()
    assert (bench.keeper.state.failures, bench.keeper.state.failures_total) == (0, 1)


def test_opening_is_tried_again_until_it_succeeds():
    bench = Bench()
    bench.problems = ["no device", "no memory"]
    bench.allowed.release(3)
    bench.keeper.failed(bench.first, "it broke")
    bench.wait(EngineStage.READY)
    assert bench.attempts == [bench.first] * 3
    assert bench.keeper.state.failures_total == 3


@pytest.mark.parametrize("problems", [[], ["no device"] * 9])
def test_after_the_most_failures_the_engines_are_given_up(problems):
    bench = Bench(max_failures=3)
    bench.problems = problems
    bench.allowed.release(9)
    while bench.keeper.state.stage is not EngineStage.GIVEN_UP:
        bench.keeper.failed(bench.keeper.bank, "it broke")
        bench.keeper._opening.join(LIMIT)
    assert bench.keeper.state.failures == 3
    bank, reason = bench.keeper.lend()
    assert bank is None and reason.startswith("engines given up: ")
    assert bench.keeper.close(LIMIT)
    assert bench.keeper.bank.closed and bench.keeper.bank.table.closed


def test_an_inference_that_returns_within_the_grace_is_no_failure():
    bench = Bench()
    bench.keeper.suspend(bench.first, "slow")
    assert bench.keeper.lend() == (None, "engines not returning: slow")
    bench.time += GRACE - 0.01
    bench.keeper.tick()
    bench.keeper.returned(bench.first)
    assert bench.keeper.lend() == (bench.first, "")
    assert bench.keeper.state.failures_total == 0
    assert bench.keeper.close(LIMIT)


def test_one_that_does_not_is_replaced_and_its_engines_are_left_alone():
    bench = Bench()
    bench.keeper.suspend(bench.first, "hangs")
    bench.time += GRACE
    bench.allowed.release()
    bench.keeper.tick()
    bench.wait(EngineStage.READY)
    assert not bench.first.closed
    assert bench.keeper.lend()[0] not in (None, bench.first)
    bench.keeper.returned(bench.first)  # long after: nobody needs it any more
    assert bench.first.closed
    assert bench.keeper.lend()[0] is not bench.first


def test_banks_that_never_return_are_not_left_behind_without_end():
    bench = Bench()
    bench.allowed.release(99)
    banks = []
    while bench.keeper.state.stage is not EngineStage.GIVEN_UP:
        banks.append(bench.keeper.bank)
        bench.keeper.suspend(banks[-1], "hangs")
        bench.time += GRACE
        bench.keeper.tick()
        bench.keeper._opening.join(LIMIT)
    assert len(banks) == 4
    assert not bench.keeper.close(LIMIT)
    assert bench.keeper.hanging
    assert not any(bank.closed for bank in banks)


def test_closing_while_the_engines_are_being_opened_closes_the_new_ones():
    bench = Bench()
    bench.keeper.failed(bench.first, "it broke")
    closing = threading.Timer(0.1, bench.allowed.release)
    assert not bench.keeper.close(0.0)
    assert not bench.keeper.hanging
    closing.start()
    assert bench.keeper.close(LIMIT)
    closing.join()
    assert bench.keeper.state.stage is EngineStage.CLOSED
    assert bench.keeper.lend()[0] is None
