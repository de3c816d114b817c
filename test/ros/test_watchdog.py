# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The node, its engines failing on command."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_messages import image

from rs_monitor.certification import Status
from rs_monitor.ros.faults.engine import Fault, FaultFile
from rs_monitor.ros.watchdog import ObservedAge

ANSWERS = {
    Fault.EXCEPTION: "the device was lost",
    Fault.MEMORY: "MemoryError",
    Fault.NAN: "have non-finite logits",
    Fault.HANG: "inference has not returned",
}


@pytest.fixture
def faulty(start, tmp_path):
    """Start an active node whose engines obey `monitor.faults`."""

    def make(**parameters):
        path = tmp_path / "fault"
        values = {"timing.frame_period": 0.5, "watchdog.max_failures": 0}
        values |= {name.replace("__", "."): value for name, value in parameters.items()}
        monitor = start(
            values,
            module="rs_monitor.ros.faults.node",
            options=("--fault-file", str(path)),
        )
        monitor.faults = FaultFile(path)
        return monitor.activate()

    return make


def answer(monitor):
    certificate = monitor.certificate_of(image())
    return Status(certificate.status), certificate.reason


@pytest.mark.parametrize("fault", ANSWERS)
def test_frames_are_answered_until_the_engines_are_back(faulty, fault):
    monitor = faulty()
    monitor.certified(image())
    monitor.faults.command(fault)
    status, reason = answer(monitor)
    assert status == Status.ENGINE_ERROR
    assert ANSWERS[fault] in reason
    for _ in range(3):  # opening them anew fails as well
        status, reason = answer(monitor)
        assert status == Status.ENGINE_ERROR, reason
    monitor.faults.command(Fault.NONE)
    monitor.wait(lambda: answer(monitor)[0] == Status.CERTIFIED, "certificate")
    sequence = [certificate.sequence for certificate in monitor.certificates]
    assert sequence == list(range(1, len(sequence) + 1))
    assert monitor.stop() == 0, monitor.output
    assert "Traceback" not in monitor.output


def test_an_inference_that_comes_back_soon_is_no_failure(faulty):
    monitor = faulty(timing__frame_period=0.04)
    monitor.faults.command(Fault.HANG)
    monitor.wait(lambda: ANSWERS[Fault.HANG] in answer(monitor)[1], "hang")
    monitor.faults.command(Fault.NONE)
    monitor.wait(lambda: answer(monitor)[0] == Status.CERTIFIED, "certificate")
    assert monitor.info().state == "ready"


def test_after_too_many_failures_the_node_deactivates_itself(faulty):
    monitor = faulty(watchdog__max_failures=2)
    monitor.faults.command(Fault.EXCEPTION)
    monitor.send(image())
    monitor.wait(lambda: monitor.state() == "inactive", "deactivation")
    assert "given up" in monitor.output and "deactivating" in monitor.output
    assert monitor.info().state == "given up"
    assert not monitor.change("activate")
    assert "clean up and configure" in monitor.output
    monitor.faults.command(Fault.NONE)
    assert not monitor.change("activate")
    assert monitor.change("cleanup")
    monitor.activate()
    monitor.certified(image())
    assert monitor.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_hang_does_not_keep_the_process_from_ending(faulty, number):
    monitor = faulty()
    monitor.faults.command(Fault.HANG)
    assert answer(monitor)[0] == Status.ENGINE_ERROR
    assert monitor.stop(number) == 1  # said in the README


def test_a_hang_does_not_block_the_lifecycle(faulty):
    monitor = faulty()
    monitor.faults.command(Fault.HANG)
    assert answer(monitor)[0] == Status.ENGINE_ERROR
    assert monitor.change("deactivate")
    assert monitor.change("cleanup")
    assert monitor.state() == "unconfigured"
    monitor.faults.command(Fault.NONE)
    monitor.activate()
    monitor.certified(image())


def test_a_stopped_process_has_not_seen_a_hang():
    age = ObservedAge()
    assert age(1, now=10.0, interval=0.01) == 0.0
    assert age(1, now=10.01, interval=0.01) == pytest.approx(0.01)
    assert age(1, now=15.0, interval=0.01) == pytest.approx(0.03)
    assert age(2, now=15.1, interval=0.01) == 0.0
    assert age(None, now=15.2, interval=0.01) == 0.0


@given(st.lists(st.tuples(st.sampled_from([None, 1, 2]), st.floats(0, 9)), max_size=50))
def test_no_age_is_longer_than_the_time_that_passed(looks):
    age, now, since, last = ObservedAge(), 0.0, 0.0, None
    for what, gap in looks:
        now += gap
        if what != last or what is None:
            since, last = now, what
        assert 0.0 <= age(what, now, 0.5) <= now - since + 1e-9
