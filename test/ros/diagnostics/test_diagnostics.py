# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the running node says on /diagnostics."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from builtin_interfaces.msg import Time
from diagnostics_listener import DiagnosticsListener
from image_messages import image
from monitor_process import CAMERA_PROFILE, LIMIT
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from rs_monitor.ros.diagnostics import Level

TASKS = ["Input", "Deadline", "Engine", "Certification"]
PATIENT = {"diagnostics.silence": 600.0}  # a busy machine's pauses are no silence
OFTEN = {"diagnostics.period": 0.1}
SHORT = {"diagnostics.window": 1.0}  # what was before is soon forgotten


class Watched:
    """A monitor with a listener to its diagnostics and a camera that a timer triggers."""

    def __init__(self, monitor):
        self.monitor = monitor
        self.listener = DiagnosticsListener(monitor.client, monitor.name)
        self.wait = monitor.wait

    def expect(self, *arguments, **options):
        return self.listener.expect(self.wait, *arguments, **options)

    def having(self, task, **wanted):
        """Wait for a status with these values; returns all of its values."""

        def found():
            values = self.listener.messages[-1][task].values if self.listener.messages else {}
            return values if wanted.items() <= values.items() else None

        return self.wait(found, f"{task} with {wanted}")

    @contextlib.contextmanager
    def camera(self, hertz=20.0, **fields):
        """Send images while the client is spun."""
        timer = self.monitor.client.create_timer(
            1 / hertz, lambda: self.monitor.send(image(**fields))
        )
        yield
        self.monitor.client.destroy_timer(timer)


@pytest.fixture
def watch(start):
    def begin(parameters=None, *arguments, **options):
        return Watched(start(OFTEN | (parameters or {}), *arguments, **options))

    return begin


def test_from_unconfigured_to_active_and_back(watch):
    watched = watch(PATIENT)
    monitor = watched.monitor
    status = watched.expect("Engine", Level.STALE, "closed")
    assert status.values["backend"] == "none"
    assert list(watched.listener.messages[-1]) == TASKS
    watched.expect("Input", Level.STALE, f"not subscribed to {monitor.namespace}/image")
    for task in ("Deadline", "Certification"):
        watched.expect(task, Level.STALE, "no certificate")

    assert monitor.change("configure")
    status = watched.expect("Engine", Level.OK, "openvino")
    assert status.values["backend"] == "openvino" and status.values["version"] != "none"
    assert status.values["precision"] in ("fp32", "bf16")
    assert (status.values["model"], status.values["stage"]) == ("colors", "ready")
    assert status.hardware_id == f"{monitor.namespace}/image"
    watched.expect("Input", Level.STALE, "not active")

    assert monitor.change("activate")
    watched.expect("Input", Level.STALE, "waiting for the first image")
    with watched.camera(height=24, width=32):
        for task in ("Input", "Deadline", "Certification"):
            status = watched.expect(task, Level.OK)
        assert float(status.values["mean radius of the certified"]) > 0.3
        assert status.values["median n"] == "64"
        assert status.values["certified (%)"] == "100"
        values = watched.expect("Input", Level.OK, "Hz rgb8 32x24").values
        assert (values["encoding"], values["size"]) == ("rgb8", "32x24")
        assert (values["publishers"], values["lost"]) == ("1", "0")
        values = watched.expect("Deadline", Level.OK).values
        assert 0 < float(values["latency p50 (ms)"]) <= float(values["latency p99.9 (ms)"])

    assert monitor.change("deactivate")
    watched.expect("Input", Level.STALE, "not active")
    assert monitor.change("cleanup")
    watched.expect("Engine", Level.STALE, "closed")
    assert monitor.change("shutdown")
    watched.expect("Engine", Level.STALE)  # still said, until the process ends
    assert monitor.stop() == 0
    assert "Traceback" not in monitor.output


def test_every_image_is_counted(watch):
    watched = watch(PATIENT | {"timing.frame_period": 60.0, "diagnostics.window": 60.0})
    watched.monitor.activate()
    for _ in range(10):
        watched.monitor.certificate_of(image())
    values = watched.having("Input", images="10")
    assert values["images in window"] == "10"
    assert 0 < float(values["rate (Hz)"]) < 10_000
    assert watched.having("Certification", certificates="10")["certified"] == "10"


def test_while_configuring_the_engine_is_said_to_be_opening(watch):
    watched = watch()

    def opening():
        if not watched.monitor.change("configure"):
            return None
        watched.expect("Engine", Level.OK)
        assert watched.monitor.change("cleanup")
        levels = [statuses["Engine"].level for statuses in watched.listener.messages]
        return Level.WARN in levels

    watched.wait(opening, "engine that is opening")  # it takes a moment only: try again


def test_a_model_that_cannot_be_loaded_is_an_error(watch, tmp_path):
    watched = watch({"model.path": str(tmp_path / "nowhere.yaml")})
    assert not watched.monitor.change("configure")
    watched.expect("Engine", Level.ERROR, "nowhere.yaml")


def test_a_camera_that_falls_silent_is_an_error_until_it_is_back(watch):
    watched = watch({"diagnostics.silence": 0.5, "timing.frame_period": 0.2} | SHORT)
    watched.monitor.activate()
    sender = f"nothing comes from {watched.monitor.namespace}/client"
    for _ in range(2):
        with watched.camera():
            watched.expect("Input", Level.OK)
        watched.expect("Input", Level.ERROR, sender)
        watched.expect("Deadline", Level.STALE, "no certificate in the last 1 s")
        watched.expect("Certification", Level.STALE)


def test_who_is_missing_or_does_not_fit(watch):
    topic = "/camera/image"
    override = f"qos_overrides.{topic}.subscription.reliability"
    watched = watch({override: "reliable", "diagnostics.silence": 0.1}, image_topic=topic)
    monitor, client = watched.monitor, watched.monitor.client
    assert monitor.set(timing__frame_period=0.05)[0].successful
    monitor.activate()
    client.destroy_publisher(monitor.images)
    watched.expect("Input", Level.ERROR, f"no publisher on {topic}")

    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    wrong = client.create_publisher(Image, topic, best_effort)
    name = f"publisher {monitor.namespace}/client: "
    said = "incompatible QoS: Best effort publisher and reliable subscription"
    watched.expect("Input", Level.ERROR, name + said)
    monitor.wait(lambda: "offers incompatible QoS" in monitor.output, "warning")

    monitor.images = client.create_publisher(Image, topic, 10)
    watched.expect("Input", Level.ERROR, "nothing comes from")
    assert monitor.set(diagnostics__silence=600.0)[0].successful
    with watched.camera():
        values = watched.expect("Input", Level.WARN, name + said).values
        assert values["publishers"] == "2"
        assert values["publishers with incompatible QoS or type"] == "1"
        assert values["QoS mismatches met"] == "1"
        client.destroy_publisher(wrong)
        monitor.wait(
            lambda: name not in watched.listener.messages[-1]["Input"].message, "end of it"
        )


def test_a_publisher_of_another_type_is_named(watch):
    watched = watch({"diagnostics.silence": 0.1, "timing.frame_period": 0.05})
    client = watched.monitor.client
    watched.monitor.activate()
    client.destroy_publisher(watched.monitor.images)
    client.create_publisher(CompressedImage, "image", 1)
    said = "it sends sensor_msgs/msg/CompressedImage, not sensor_msgs/msg/Image"
    watched.expect("Input", Level.ERROR, said)


def test_frames_that_cannot_be_used(watch):
    watched = watch(PATIENT | SHORT)
    watched.monitor.activate()
    with watched.camera(encoding="32FC3"):
        status = watched.expect("Input", Level.ERROR, "100.0 % of the frames undecodable (32FC3)")
        assert int(status.values["undecodable"]) > 0
        watched.expect("Certification", Level.WARN, "0.0 % certified")
    with watched.camera():
        watched.expect("Input", Level.OK, "rgb8")
        watched.expect("Certification", Level.OK)
    with watched.camera(header=Header(stamp=Time(sec=1))):
        values = watched.expect("Input", Level.ERROR, "of the frames stale").values
        assert int(values["stale in window"]) > 0


@pytest.fixture
def losing_camera():
    """Start cameras that lose frames, on a topic each."""
    with contextlib.ExitStack() as processes:

        def start(topic):
            env = {key: value for key, value in os.environ.items() if key != CAMERA_PROFILE}
            script = Path(__file__).parents[1] / "losing_camera.py"
            process = subprocess.Popen([sys.executable, script, topic], env=env)
            processes.callback(process.wait, LIMIT)
            processes.callback(process.terminate)

        yield start


def test_frames_that_dds_loses_are_counted(watch, losing_camera):
    watched = watch(PATIENT)
    watched.monitor.activate()
    losing_camera(f"{watched.monitor.namespace}/image")

    def lost():
        last = watched.listener.messages[-1]["Input"]
        return last if "of the frames lost by DDS" in last.message else None

    status = watched.wait(lost, "loss")
    assert status.level in (Level.WARN, Level.ERROR)
    assert 0 < int(status.values["lost in window"]) <= int(status.values["lost"])


def test_missed_deadlines_and_limits_that_change(watch):
    tiny = {"timing.frame_period": 0.0102, "timing.budget_fraction": 0.5}
    watched = watch(PATIENT | SHORT | tiny)
    watched.monitor.activate()
    with watched.camera():
        values = watched.expect(
            "Deadline", Level.ERROR, "of the frames missed the deadline"
        ).values
        assert 0 < int(values["missed in window"]) <= int(values["missed"])
        assert watched.monitor.set(diagnostics__error_fraction=1.0)[0].successful
        watched.expect("Deadline", Level.WARN, "100.0 % of the frames missed the deadline")
        assert watched.monitor.set(diagnostics__max_fault_fraction=1.0)[0].successful
        watched.expect("Deadline", Level.OK, "of 5.1 ms")

        watched.expect("Input", Level.WARN, "98.0 Hz are expected (timing.frame_period)")
        assert watched.monitor.set(diagnostics__min_rate_fraction=0.0)[0].successful
        watched.expect("Input", Level.OK)
        watched.expect("Certification", Level.WARN, "0.0 % certified")
        assert watched.monitor.set(diagnostics__min_certified_fraction=0.0)[0].successful
        watched.expect("Certification", Level.OK)


def test_a_radius_that_no_frame_can_reach_is_said(watch):
    watched = watch(PATIENT)
    watched.monitor.activate()
    assert watched.monitor.set(certification__required_radius=9.0)[0].successful
    with watched.camera():
        watched.expect("Certification", Level.WARN, "certification.required_radius 9 is above")


def test_compressed_images_and_a_hostile_format(watch):
    watched = watch(PATIENT | SHORT | {"input.transport": "compressed"}, compressed=True)
    watched.monitor.activate()
    message = CompressedImage(format="jp\neg\x07" * 500)
    watched.monitor.certificate_of(message)
    status = watched.expect("Input", Level.ERROR, "undecodable (jp eg?jp eg?")
    assert status.values["size"] == "0 bytes"
    assert status.hardware_id == f"{watched.monitor.namespace}/image/compressed"
