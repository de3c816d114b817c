# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Camera and listener of the demo as processes over DDS."""

import array
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import rclpy
from image_messages import image
from monitor_process import LIMIT, end
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.enums import StoragePlugin
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor.evaluation.bags import COMPRESSED_IMAGE, write_drive
from rs_monitor.resources import shipped_file
from rs_monitor.ros.conversions import stamp_nanoseconds
from rs_monitor.ros.lifecycle_client import LifecycleClient, LifecycleError

BEST_EFFORT = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)
FRAMES = [np.full((480, 640, 3), 40 * index + 7, np.uint8) for index in range(3)]


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = tmp_path_factory.mktemp("camera") / "drive"
    write_drive(path, ((1000 * index, frame) for index, frame in enumerate(FRAMES)))
    return path


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Start programs that end with the test."""
    monkeypatch.setenv(
        "FASTRTPS_DEFAULT_PROFILES_FILE", str(shipped_file("config", "fastdds_camera.xml"))
    )
    started = []

    def start(module, *arguments):
        with (tmp_path / f"{module}.txt").open("w") as output:
            command = [sys.executable, "-m", f"rs_monitor.ros.{module}", *map(str, arguments)]
            started.append(subprocess.Popen(command, stdout=output, stderr=output))
        return started[-1]

    yield start
    for process in started:
        end(process)


@pytest.fixture
def reader():
    """A reader of any topic, with what it has received."""
    node = rclpy.create_node("reader")
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def subscribe(kind, topic):
        received = []
        node.create_subscription(kind, topic, received.append, BEST_EFFORT)
        return received

    def spin_until(condition):
        end = node.get_clock().now().nanoseconds + LIMIT * 1e9
        while not condition():
            assert node.get_clock().now().nanoseconds < end
            executor.spin_once(timeout_sec=0.05)

    yield subscribe, spin_until
    executor.shutdown()
    node.destroy_node()


def records(path, kind):
    if not path.exists():
        return []
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [record[kind] for record in map(json.loads, lines) if kind in record]


def test_camera_sends_the_recorded_pixels_stamped_anew(bag, program, reader, tmp_path):
    subscribe, spin_until = reader
    received = subscribe(Image, "/lens/image")
    sent = tmp_path / "sent.jsonl"
    camera = program(
        "camera_publisher", "--bag", bag, "--rate", 10, "--frames", 30, "--record", sent,
        "--ros-args", "-r", "image:=/lens/image",
    )  # fmt: skip
    spin_until(lambda: camera.poll() is not None)
    assert camera.returncode == 0
    frames = {record["stamp_ns"]: record["frame"] for record in records(sent, "sent")}
    assert list(frames.values()) == list(range(30))  # the bag of 3, over and over
    assert list(frames) == sorted(frames)
    assert received  # best effort: which ones arrive is not promised
    for message in received:
        frame = FRAMES[frames[stamp_nanoseconds(message.header.stamp)] % len(FRAMES)]
        assert (message.encoding, message.height, message.width) == ("bgr8", 480, 640)
        assert (message.step, message.header.frame_id) == (1920, "camera")
        assert np.array_equal(np.frombuffer(message.data, np.uint8), frame.reshape(-1))


def test_camera_keeps_to_the_steady_clock(bag, program, reader, tmp_path):
    subscribe, spin_until = reader
    subscribe(Image, "/lens/image")
    sent = tmp_path / "sent.jsonl"
    camera = program(
        "camera_publisher", "--bag", bag, "--rate", 100, "--frames", 50, "--record", sent,
        "--ros-args", "-r", "image:=/lens/image",
    )  # fmt: skip
    spin_until(lambda: camera.poll() is not None)
    due = np.array([record["due"] for record in records(sent, "sent")])
    moments = np.array([record["steady"] for record in records(sent, "sent")])
    assert np.allclose(np.diff(due), 0.01, atol=1e-9)  # however late a frame was
    assert (moments >= due).all()


def test_camera_plays_compressed_images(program, reader, tmp_path):
    store = get_typestore(Stores.ROS2_JAZZY)
    kind, header = store.types[COMPRESSED_IMAGE], store.types["std_msgs/msg/Header"]
    stamp = store.types["builtin_interfaces/msg/Time"](1, 2)
    path = tmp_path / "compressed"
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/c", COMPRESSED_IMAGE, typestore=store)
        content = kind(header(stamp, "lens"), "jpeg", np.arange(9, dtype=np.uint8))
        writer.write(connection, 1, store.serialize_cdr(content, COMPRESSED_IMAGE))
    subscribe, spin_until = reader
    received = subscribe(CompressedImage, "/image/compressed")
    camera = program("camera_publisher", "--bag", path, "--rate", 20, "--frames", 100_000)
    spin_until(lambda: received)
    assert (received[0].format, received[0].header.frame_id) == ("jpeg", "lens")
    assert received[0].data == array.array("B", range(9))
    camera.send_signal(signal.SIGTERM)
    assert camera.wait(LIMIT) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_camera_ends_cleanly(bag, program, reader, tmp_path, number):
    subscribe, spin_until = reader
    received = subscribe(Image, "/image")
    camera = program("camera_publisher", "--bag", bag, "--frames", 100_000)
    spin_until(lambda: received)
    camera.send_signal(number)
    assert camera.wait(LIMIT) == 0
    assert "Traceback" not in (tmp_path / "camera_publisher.txt").read_text()


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        (["--timeout", 0.2], 1, "nobody subscribed to /image within 0.2 s"),
        (["--timeout", 0.2, "--certifier", "/no/body"], 1, "no managed node /no/body"),
        (["--bag-topic", "/other"], 2, "no images on topic /other"),
        (["--rate", 0], 2, "--rate must be in (0, 1000] Hz, got 0"),
        (["--frames", 0], 2, "--frames must be at least 1, got 0"),
    ],
)
def test_camera_says_what_is_wrong(bag, program, tmp_path, options, status, reason):
    camera = program("camera_publisher", "--bag", bag, *options)
    assert camera.wait(LIMIT) == status
    said = (tmp_path / "camera_publisher.txt").read_text()
    assert reason in said and "Traceback" not in said


def test_no_frame_of_a_short_recording_is_lost_to_discovery(active, bag, program, tmp_path):
    sent, heard = tmp_path / "sent.jsonl", tmp_path / "heard.jsonl"
    listener = program(
        "certificate_listener", "--node", active.name, "--record", heard, "--age", 30,
        "--count", 3,
    )  # fmt: skip
    active.wait(lambda: records(heard, "listening"), "listener")
    # 1 Hz: also a busy machine has taken a frame before the next one comes.
    camera = program(
        "camera_publisher", "--bag", bag, "--rate", 1, "--certifier", active.name,
        "--record", sent, "--ros-args", "-r", f"image:={active.namespace}/image",
    )  # fmt: skip
    active.wait(lambda: camera.poll() is not None, "end of the camera")
    assert (camera.returncode, listener.wait(LIMIT)) == (0, 0)
    certificates = records(heard, "certificate")
    assert [c["stamp_ns"] for c in certificates] == [r["stamp_ns"] for r in records(sent, "sent")]
    (info,) = records(heard, "info")
    for certificate in certificates:
        assert certificate["status"] in ("CERTIFIED", "ABSTAINED")
        assert certificate["model_id"] == info["model_id"]
        assert certificate["safe"] == (certificate["status"] == "CERTIFIED")
        assert certificate["latency"] >= certificate["processing_time"] > 0


def test_listener_says_what_may_be_relied_on(active, program, tmp_path):
    heard = tmp_path / "heard.jsonl"
    listener = program(
        "certificate_listener", "--node", active.name, "--record", heard, "--age", 30,
        "--required-radius", 0.05,
    )  # fmt: skip
    active.wait(lambda: records(heard, "listening"), "listener")
    good, bad = active.certificate_of(image("green")), active.certificate_of(image(encoding="x"))
    active.wait(lambda: len(records(heard, "certificate")) == 2, "records")
    listener.send_signal(signal.SIGINT)
    assert listener.wait(LIMIT) == 0
    first, second = records(heard, "certificate")
    assert (first["safe"], first["class_name"]) == (True, good.class_name) == (True, "green")
    assert (second["safe"], second["status"]) == (False, "UNSUPPORTED_ENCODING")
    assert bad.reason == second["reason"]
    lines = (tmp_path / "certificate_listener.txt").read_text()
    assert "green r " in lines and "SAFE" in lines and "not safe: UNSUPPORTED_ENCODING: " in lines


@pytest.mark.parametrize("options", [["--idle", 0.2], ["--count", 0]])
def test_listener_ends_by_itself(active, program, options):
    listener = program("certificate_listener", "--node", active.name, *options)
    active.wait(lambda: listener.poll() is not None, "end of the listener")
    assert listener.returncode == 0


def test_listener_without_a_certifier(program, tmp_path):
    listener = program("certificate_listener", "--node", "/no/body", "--timeout", 0.2)
    assert listener.wait(LIMIT) == 1
    said = (tmp_path / "certificate_listener.txt").read_text()
    assert "no managed node /no/body" in said and "Traceback" not in said


def test_lifecycle_client(start, program, tmp_path):
    monitor = start()
    client = LifecycleClient(rclpy.create_node("asker"), monitor.name)
    assert client.state(LIMIT) == "unconfigured"
    run = program("lifecycle_client", monitor.name, "configure", "activate")
    monitor.wait(lambda: run.poll() is not None, "end of the lifecycle client")
    assert run.returncode == 0
    client.wait_for("active", LIMIT)
    with pytest.raises(LifecycleError, match="is active, not inactive"):
        client.wait_for("inactive", 0.2)
    with pytest.raises(LifecycleError, match="did not configure"):
        client.change("configure", LIMIT)
    client.close()
    run = program("lifecycle_client", monitor.name, "configure")
    monitor.wait(lambda: run.poll() is not None, "end of the lifecycle client")
    assert run.returncode == 1
    assert "did not configure" in (tmp_path / "lifecycle_client.txt").read_text()
