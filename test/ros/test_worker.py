# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The worker's thread without a node: what it does when things fail that should not."""

import threading
import time

import pytest
from image_messages import image, now
from monitor_process import LIMIT

from rs_monitor.bank import CertifierBank
from rs_monitor.certification import Status
from rs_monitor.engine_keeper import EngineKeeper
from rs_monitor.engine_state import EngineStage
from rs_monitor.parameters import PARAMETERS
from rs_monitor.refitting import Refitter
from rs_monitor.ros.configuration import make_configuration
from rs_monitor.ros.slot import LatestSlot, Received
from rs_monitor.ros.worker import Outlets, Worker

VALUES = {parameter.name: parameter.default for parameter in PARAMETERS} | {
    "certification.n": 64,
    "timing.frame_period": 10.0,
    "input.max_age": 60.0,
    "debug.image": True,
}


class Bench:
    """A worker on a real bank, whose outlets collect."""

    def __init__(self, card):
        self.configuration = make_configuration(VALUES, 1)
        self.bank = CertifierBank(
            card,
            backend="auto",
            precision="auto",
            settings=self.configuration.settings,
            resolution="full",
            budget=0.1,
        )
        self.certificates, self.errors, self.shown = [], [], []
        self.failures = 0  # how many certificates cannot be published
        self.slot = LatestSlot()
        outlets = Outlets(
            certificate=self._publish,
            debug_image=self._show,
            debug_wanted=lambda: True,
            error=self.errors.append,
            now=time.time_ns,
        )
        self.keeper = EngineKeeper(self.bank, self._reopen, max_failures=lambda: 1)
        self.worker = Worker(
            self.slot,
            self.keeper,
            Refitter(self.keeper.remark),
            lambda: self.configuration,
            outlets,
            "/image",
        )
        self.worker.start()

    def _reopen(self, bank):
        raise AssertionError("given up after the first failure")

    def _publish(self, message):
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the middleware is\nout of order")
        self.certificates.append(message)

    def _show(self, message):
        self.shown.append(message)
        raise RuntimeError("nothing to draw with")

    def send(self, received_before=0.0):
        message = image()
        message.header.stamp = now()
        self.slot.put(Received(message, time.monotonic() - received_before, time.time_ns()))
        assert self.slot.drain(LIMIT)

    def close(self):
        self.slot.close()
        return self.worker.join(LIMIT) and self.keeper.close(LIMIT)


@pytest.fixture
def bench(model):
    bench = Bench(model)
    yield bench
    assert bench.close()


def test_an_engine_that_fails_is_told_to_its_keeper(bench):
    bench.bank.close()
    bench.send()
    (message,) = bench.certificates
    assert message.status == Status.ENGINE_ERROR
    assert message.reason == "the engine is closed"
    assert message.class_id == -1
    assert bench.errors[0] == f"frame 1: {message.reason}"
    state = bench.keeper.state
    assert (state.stage, state.failures) == (EngineStage.GIVEN_UP, 1)
    bench.send()
    assert bench.certificates[1].status == Status.ENGINE_ERROR
    assert "given up: the engine is closed (failure 1)" in bench.certificates[1].reason


def test_a_certificate_that_cannot_be_published_does_not_end_the_thread(bench):
    bench.failures = 1
    bench.send()
    assert bench.errors == ["frame 1 is lost: RuntimeError: the middleware is out of order"]
    bench.send()
    assert [message.sequence for message in bench.certificates] == [2]


def test_a_failing_debug_image_does_not_touch_the_certificate(bench):
    bench.send()
    assert bench.certificates[0].status == Status.CERTIFIED
    assert len(bench.shown) == 1
    assert bench.errors == ["debug image: RuntimeError: nothing to draw with"]


def test_a_certificate_that_is_late_is_a_missed_deadline(bench):
    # As if decoding had taken long: what is left of the budget is too short even for a chunk.
    budget = bench.configuration.budget
    bench.send(received_before=budget + 0.5)
    (message,) = bench.certificates
    assert message.status == Status.DEADLINE_MISSED
    assert message.processing_time.sec >= int(budget)
    assert message.reason


def test_no_thread_is_left(model):
    before = set(threading.enumerate())
    bench = Bench(model)
    bench.send()
    assert bench.close()
    assert set(threading.enumerate()) <= before
