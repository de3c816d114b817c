# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The safety monitor as a process, fed by the test or by a real certifier."""

import dataclasses
import json
import signal
import subprocess
import sys
import time

import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from image_messages import image, now
from monitor_process import LIMIT, end
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from rs_monitor.certification import Status, single_pass
from rs_monitor.ros import topics
from rs_monitor.ros.conversions import stamp_nanoseconds
from rs_monitor_msgs.msg import Certificate, MonitorInfo, SafetyState

MODEL = "ab" * 32
RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
CERTIFICATE = topics.CERTIFICATE.offered()
CERTIFICATE.depth = 1000
PARAMETERS = {"expected.model_id": MODEL, "max_age": 10.0, "debounce.window": 100.0}


def command(namespace, parameters):
    words = [sys.executable, "-m", "rs_monitor.ros.safety_node", "--ros-args"]
    words += ["-r", f"__ns:={namespace}"]
    for name, value in parameters.items():
        words += ["-p", f"{name}:={json.dumps(value)}"]
    return words


class Safety:
    """A safety monitor's process, and a certifier's stand-in in this one."""

    count = 0

    def __init__(self, folder, parameters, namespace=None, publish=True):
        type(self).count += 1
        self.namespace = namespace or f"/safety{self.count}"
        self.states, self.diagnostics, self.sequence = [], [], 0
        self.node = rclpy.create_node("bench", namespace=self.namespace)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.node.create_subscription(SafetyState, "safety_state", self.states.append, RELIABLE)
        self.node.create_subscription(
            DiagnosticArray, "/diagnostics", self.diagnostics.append, RELIABLE
        )
        if publish:
            self.certificates = self.node.create_publisher(Certificate, "certificate", CERTIFICATE)
            self.info = self.node.create_publisher(MonitorInfo, "certifier/info", LATCHED)
        self.log = folder / f"safety{self.count}.txt"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command(self.namespace, PARAMETERS | parameters), stdout=output, stderr=output
            )
        self.wait(lambda: self.states, "state")
        assert self.states[0].state == SafetyState.UNKNOWN
        if publish:
            self.wait(lambda: self.certificates.get_subscription_count() == 1, "subscription")

    def wait(self, condition, what):
        end = time.monotonic() + LIMIT
        while not (value := condition()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"no {what}: {self.log.read_text()}"
            self.executor.spin_once(timeout_sec=0.05)
        return value

    def wait_for(self, state, reason=""):
        """Wait for a state that is newer than this call."""
        known = len(self.states)

        def found():
            return [s for s in self.states[known:] if s.state == state and reason in s.reason]

        return self.wait(found, f"state {state} {reason}")[-1]

    def send(self, votes=(190, 10), count=1, ahead=0, **fields):
        for _ in range(count):
            self.sequence += 1
            result = single_pass(list(votes), sigma=0.25, alpha=0.001)
            values = dataclasses.asdict(result)
            values |= {"status": int(result.status), "abstain": result.abstain}
            message = Certificate(model_id=MODEL[:12], sequence=self.sequence, class_name="stop")
            for name, value in (values | fields).items():
                setattr(message, name, value)
            message.header.stamp = now()
            message.header.stamp.sec += ahead
            self.certificates.publish(message)

    def make_safe(self):
        """Send good certificates until it says SAFE: a busy machine may be late for some."""

        def safe():
            self.send()
            self.executor.spin_once(timeout_sec=0.05)
            return self.states[-1].state == SafetyState.SAFE

        self.wait(safe, "SAFE")

    def wait_for_diagnosis(self, level, text):
        """Wait for the diagnosis of a state that lasts."""

        def found():
            statuses = [s for array in self.diagnostics for s in array.status]
            mine = [s for s in statuses if s.name == f"{self.namespace}/safety_monitor: Safety"]
            return mine and mine[-1].level == level and text in mine[-1].message

        self.wait(found, f"diagnosis {level} {text}")

    def close(self):
        end(self.process)
        self.executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def start_safety(tmp_path):
    benches = []

    def make(parameters=None, **options):
        benches.append(Safety(tmp_path, parameters or {}, **options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


def test_the_states(start_safety):
    bench = start_safety({"required_radius": 0.2})
    bench.wait_for(SafetyState.UNKNOWN, "no certificate has come")
    bench.wait_for_diagnosis(b"\x02", "UNKNOWN: no certificate has come")
    bench.send()
    state = bench.wait_for(SafetyState.DEGRADED, "1 of the last 1 passed")
    bench.wait_for_diagnosis(b"\x01", "DEGRADED: 1 of the last 1 passed")
    bench.send(count=2)
    state = bench.wait_for(SafetyState.SAFE)
    bench.wait_for_diagnosis(b"\x00", "SAFE")
    assert (state.passed, state.considered, state.required_passes) == (3, 3, 3)
    assert (state.class_name, state.sequence, state.model_id) == ("stop", 3, MODEL[:12])
    assert state.radius > state.required_radius == 0.2
    assert state.certificate_stamp.sec <= state.header.stamp.sec <= state.valid_until.sec
    bench.send((110, 90))
    bench.wait_for(SafetyState.DEGRADED, "ABSTAINED")
    bench.send((135, 65), count=4)
    bench.wait_for(SafetyState.UNSAFE, "below 0.2")
    bench.send(status=Certificate.DEADLINE_MISSED, abstain=True, reason="too late")
    bench.wait_for(SafetyState.UNKNOWN, "DEADLINE_MISSED: too late")
    bench.send(count=5)
    bench.wait_for(SafetyState.SAFE)
    bench.send(model_id="0" * 12)
    bench.wait_for(SafetyState.UNKNOWN, "model is not abab")
    bench.wait_for_diagnosis(b"\x02", "UNKNOWN: model is not abab")
    bench.process.send_signal(signal.SIGINT)
    assert bench.process.wait(LIMIT) == 0
    assert "Traceback" not in bench.log.read_text()


def test_silence_is_unknown(start_safety):
    bench = start_safety({"max_age": 2.0})
    bench.make_safe()
    bench.wait_for(SafetyState.UNKNOWN, "no fresh certificate")
    for state in (s for s in bench.states if s.state == SafetyState.SAFE):
        stamp, until = map(stamp_nanoseconds, (state.certificate_stamp, state.valid_until))
        assert until <= stamp + 2_000_001_000  # microseconds are lost in seconds since 1970
    last_safe = [s for s in bench.states if s.state == SafetyState.SAFE][-1]
    stated, until = (
        s.sec + s.nanosec * 1e-9 for s in (last_safe.header.stamp, last_safe.valid_until)
    )
    assert stated <= until <= stated + 2.0


def test_stamps_in_the_future_are_no_evidence(start_safety):
    bench = start_safety({"max_age": 10.0})
    bench.send(count=5, ahead=3600)
    bench.wait_for(SafetyState.UNKNOWN, "stamped -3")
    assert {state.state for state in bench.states} == {SafetyState.UNKNOWN}
    bench.make_safe()


def test_without_a_clock_nothing_is_safe(start_safety):
    bench = start_safety({"use_sim_time": True})
    bench.send(count=5)
    bench.wait_for(SafetyState.UNKNOWN, "stamped -")
    assert {state.state for state in bench.states} == {SafetyState.UNKNOWN}


def test_the_first_model_and_the_labels(start_safety):
    bench = start_safety({"expected.model_id": "first", "required_radius_by_class": "stop=0.1"})
    bench.send()
    bench.wait_for(SafetyState.UNKNOWN, "has not told the classes yet")
    info = {"model_id": MODEL[:12], "model_sha256": MODEL, "model_name": "signs"}
    bench.info.publish(MonitorInfo(**info, labels=["stop"]))
    bench.wait(lambda: "expecting signs" in bench.log.read_text(), "word of the model")
    bench.send(count=3)
    bench.wait_for(SafetyState.SAFE)
    bench.info.publish(MonitorInfo(**info, labels=["yield"]))
    bench.wait_for(SafetyState.UNKNOWN, "names 'stop', no class of signs")
    bench.info.publish(MonitorInfo(**info, labels=["stop", "yield"]))
    bench.make_safe()


def test_radii_of_classes_wait_for_their_names(start_safety):
    bench = start_safety({"required_radius_by_class": "stpo=9.0"})
    bench.send(count=5)
    bench.wait_for(SafetyState.UNKNOWN, "certifier/info has not told the classes yet")
    bench.send(count=5)
    bench.wait_for(SafetyState.UNKNOWN, "certifier/info has not told the classes yet")
    assert all(state.state == SafetyState.UNKNOWN for state in bench.states)


def test_two_publishers_are_not_believed(start_safety):
    bench = start_safety()
    bench.send(count=3)
    bench.wait_for(SafetyState.SAFE)
    other = bench.node.create_publisher(Certificate, "certificate", CERTIFICATE)
    bench.wait_for(SafetyState.UNKNOWN, "2 publishers on")
    bench.node.destroy_publisher(other)
    bench.wait_for(SafetyState.UNKNOWN, "2 publishers on")  # what was said then stays forgotten
    bench.wait(lambda: bench.node.count_publishers(bench.certificates.topic_name) == 1, "one")
    bench.make_safe()


def test_its_rules_cannot_be_changed_from_outside(start_safety):
    bench = start_safety()
    client = bench.node.create_client(
        SetParameters, f"{bench.namespace}/safety_monitor/set_parameters"
    )
    bench.wait(client.service_is_ready, "service")
    for name in ("required_radius", "max_age", "expected.model_id"):
        value = ParameterMsg(name=name).value
        future = client.call_async(
            SetParameters.Request(parameters=[ParameterMsg(name=name, value=value)])
        )
        bench.wait(future.done, "answer")
        assert not future.result().results[0].successful
    sim_time = ParameterMsg(name="use_sim_time")
    sim_time.value.type, sim_time.value.bool_value = ParameterType.PARAMETER_BOOL, True
    future = client.call_async(SetParameters.Request(parameters=[sim_time]))
    bench.wait(future.done, "answer")
    (result,) = future.result().results
    assert not result.successful and "use_sim_time: fixed at the start" in result.reason
    bench.make_safe()  # by the clock that it had


def test_a_malformed_request_is_survived(start_safety):
    bench = start_safety()
    kinds = {
        "set_parameters": SetParameters,
        "set_parameters_atomically": SetParametersAtomically,
    }
    for name, kind in kinds.items():
        client = bench.node.create_client(kind, f"{bench.namespace}/safety_monitor/{name}")
        bench.wait(client.service_is_ready, "service")
        malformed = ParameterMsg(name="max_age", value=ParameterValue(type=77))
        bench.wait(client.call_async(kind.Request(parameters=[malformed])).done, "answer")
    bench.make_safe()


def test_a_clock_before_zero_is_survived(start_safety):
    bench = start_safety({"use_sim_time": True})
    clock = bench.node.create_publisher(Clock, "/clock", 10)
    bench.wait(clock.get_subscription_count, "subscription")

    def said():
        clock.publish(Clock(clock=Time(sec=-1)))
        bench.executor.spin_once(timeout_sec=0.05)
        return "/clock ignored" in bench.log.read_text()

    bench.wait(said, "word of it")
    bench.wait_for(SafetyState.UNKNOWN, "no certificate has come")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("use_sim_time", 5),
        ("certifier", "bad name!"),
        ("expected.model_id", MODEL.upper()),
        ("expected.model_id", MODEL[:20]),
        ("certifier", ""),
        ("debounce.k", 9),
        ("debounce.k", 0),
        ("max_age", 0.0),
        ("required_radius_by_class", "stop"),
        ("expected.max_alpha", 2.0),
    ],
)
def test_wrong_parameters_end_it_with_a_reason(name, value):
    run = subprocess.run(
        command("/wrong", {name: value}), capture_output=True, text=True, timeout=LIMIT
    )
    assert run.returncode == 2
    assert "cannot start" in run.stderr and "Traceback" not in run.stderr
    assert name.rpartition(".")[2] in run.stderr or str(value) in run.stderr


def test_an_override_of_its_quality_of_service_is_named(start_safety):
    name = "qos_overrides./rs/certificate.subscription.reliability"
    bench = start_safety({name: "best_effort"})
    bench.wait(lambda: "is up" in bench.log.read_text(), "start")
    assert (
        f"there is no parameter {name}: ignored; no quality of service of this node can be "
        "overridden" in bench.log.read_text()
    )


def test_with_the_real_certifier(active, start_safety):
    model = active.info().model_sha256
    bench = start_safety({"expected.model_id": model}, namespace=active.namespace, publish=False)
    counted = f"{active.namespace}/certificate"
    bench.wait(lambda: active.client.count_subscribers(counted) == 2, "subscription")

    def safe():
        active.certified(image())
        bench.executor.spin_once(timeout_sec=0.05)
        return bench.states[-1].state == SafetyState.SAFE

    bench.wait(safe, "SAFE")
    bad = active.certificate_of(image(encoding="x"))
    assert bad.status == Status.UNSUPPORTED_ENCODING
    bench.wait_for(SafetyState.DEGRADED, "UNSUPPORTED_ENCODING")
