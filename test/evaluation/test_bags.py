# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import contextlib
import os
import sqlite3
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.typesys import Stores, get_typestore

from rs_monitor.evaluation import bag_storage
from rs_monitor.evaluation.bag_storage import zstd
from rs_monitor.evaluation.bags import (
    COMPRESSED_IMAGE,
    IMAGE,
    BagError,
    read_images,
    write_drive,
)

STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types
SHARED = Path(os.environ.get("RS_MONITOR_SHARED", Path(__file__).parents[2].parent / "shared"))
PERIOD = 40_000_000
STRING = "std_msgs/msg/String"
FRAMES = [
    np.random.default_rng(index).integers(0, 256, (64, 96, 3), np.uint8) for index in range(24)
]
STORAGES = [
    ("sqlite3", "none"),
    ("sqlite3", "message"),
    ("sqlite3", "file"),
    ("mcap", "none"),
    ("mcap", "message"),
    ("mcap", "file"),
    ("mcap", "storage"),
]


def header(stamp):
    time = TYPES["builtin_interfaces/msg/Time"](*divmod(stamp, 1_000_000_000))
    return TYPES["std_msgs/msg/Header"](stamp=time, frame_id="lens")


def raw(frame, stamp):
    height, width, _ = frame.shape
    image = TYPES[IMAGE](header(stamp), height, width, "rgb8", 0, 3 * width, frame.reshape(-1))
    return STORE.serialize_cdr(image, IMAGE)


def compressed(frame, stamp):
    coded = cv2.imencode(".png", frame)[1]
    return STORE.serialize_cdr(
        TYPES[COMPRESSED_IMAGE](header(stamp), "png", coded), COMPRESSED_IMAGE
    )


def text(number):
    return STORE.serialize_cdr(TYPES["std_msgs/msg/String"](f"{number}"), "std_msgs/msg/String")


def write_bag(
    path, storage="mcap", compression="none", topics=("/camera",), kind=IMAGE, name=None
):
    """Write FRAMES to every topic, and as many strings to /chatter; `name`: recorded type name."""
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    serialise = raw if kind == IMAGE else compressed
    with writer:
        definition, _ = STORE.generate_msgdef(kind, ros_version=2)
        digest = STORE.hash_rihs01(kind)
        images = [
            writer.add_connection(topic, name or kind, msgdef=definition, rihs01=digest)
            for topic in topics
        ]
        chatter = writer.add_connection("/chatter", "std_msgs/msg/String", typestore=STORE)
        for index, frame in enumerate(FRAMES):
            stamp = 1_000_000_000 + index * PERIOD
            for connection in images:
                writer.write(connection, stamp + 5, serialise(frame, stamp))
            writer.write(chatter, stamp + 6, text(index))
    return path


def storage_file(bag):
    return next(path for path in bag.iterdir() if path.name != "metadata.yaml")


def edit_metadata(bag, change):
    path = bag / "metadata.yaml"
    content = yaml.safe_load(path.read_text())
    change(content["rosbag2_bagfile_information"])
    path.write_text(yaml.safe_dump(content))


def assert_frames(images):
    read = list(images)
    assert len(read) == len(FRAMES)
    for index, image in enumerate(read):
        assert np.array_equal(image.message.data, FRAMES[index].reshape(-1))
        assert image.stamp == 1_000_000_000 + index * PERIOD
        assert image.log_time == image.stamp + 5
        assert (image.topic, image.type) == ("/camera", IMAGE)
        assert (image.message.height, image.message.width) == (64, 96)
        assert (image.message.encoding, image.message.header.frame_id) == ("rgb8", "lens")


@pytest.mark.parametrize(("storage", "compression"), STORAGES)
@pytest.mark.parametrize("directly", [False, True])
def test_every_storage_and_compression(tmp_path, storage, compression, directly):
    bag = write_bag(tmp_path / "bag", storage, compression)
    images = read_images(storage_file(bag) if directly else bag)
    assert images.count == len(FRAMES)
    assert_frames(images)
    assert_frames(images)  # a second time
    assert images.warnings == []


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
def test_old_type_name(tmp_path, storage):
    images = read_images(write_bag(tmp_path / "bag", storage, name="sensor_msgs/Image"))
    assert images.type == IMAGE
    assert_frames(images)


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("name", ["drive #2", "drive?", "drive%20", "\N{SNOWMAN} 'drive'"])
def test_names_that_mean_something_in_a_uri(tmp_path, storage, name):
    bag = write_bag(tmp_path / "bag", storage).rename(tmp_path / name)
    images = read_images(bag)
    assert_frames(images)
    assert images.warnings == []


def test_metadata_that_contradicts_the_storage(tmp_path):
    bag = write_bag(tmp_path / "bag")

    def other_qos_type_and_count(content):
        topic = content["topics_with_message_count"][0]
        topic["message_count"] = 20
        topic["topic_metadata"]["type"] = "sensor_msgs/Image"
        topic["topic_metadata"]["offered_qos_profiles"] = "- history: 3\n  depth: 7"

    edit_metadata(bag, other_qos_type_and_count)
    images = read_images(bag)
    assert_frames(images)
    assert images.warnings == ["metadata.yaml lists 20 images on /camera, 24 are there"]


def test_without_metadata(tmp_path):
    bag = write_bag(tmp_path / "bag")
    (bag / "metadata.yaml").unlink()
    images = read_images(bag)
    assert_frames(images)
    assert "metadata.yaml is missing" in images.warnings[0]


def test_a_split_recording_without_its_second_file(tmp_path):
    bag = write_bag(tmp_path / "bag")
    edit_metadata(bag, lambda content: content["relative_file_paths"].append("bag_1.mcap"))
    images = read_images(bag)
    assert_frames(images)
    assert "bag_1.mcap" in images.warnings[0]


def test_two_storage_files_are_read_in_order(tmp_path):
    first, second = write_bag(tmp_path / "first"), write_bag(tmp_path / "second")
    storage_file(second).rename(first / "later.mcap")
    edit_metadata(first, lambda content: content["relative_file_paths"].append("later.mcap"))
    images = read_images(first)
    assert images.count == len(list(images)) == 2 * len(FRAMES)


def test_a_split_recording_without_metadata_is_read_in_the_order_of_its_numbers(tmp_path):
    folder = tmp_path / "bag"
    folder.mkdir()
    for number in range(12):
        stamp = PERIOD * (number + 1)
        part = write_messages(tmp_path / f"{number}", [(stamp, raw(FRAMES[0], stamp))])
        storage_file(part).rename(folder / f"bag_{number}.mcap")
    (folder / "bag_3.mcap.zstd").write_bytes(b"")  # what bag_3.mcap was decompressed from
    images = list(read_images(folder))
    assert [image.stamp for image in images] == [PERIOD * (i + 1) for i in range(12)]


def test_compressed_images(tmp_path):
    images = read_images(write_bag(tmp_path / "bag", kind=COMPRESSED_IMAGE))
    assert images.type == COMPRESSED_IMAGE
    decoded = [cv2.imdecode(image.message.data, cv2.IMREAD_COLOR) for image in images]
    assert np.array_equal(decoded, FRAMES)


def test_several_topics(tmp_path):
    bag = write_bag(tmp_path / "bag", topics=("/camera", "/other"))
    with pytest.raises(BagError, match=r"choose one: /camera \(.*\), /other \("):
        read_images(bag)
    assert_frames(read_images(bag, "/camera"))
    assert_frames(read_images(bag, "camera"))
    with pytest.raises(BagError, match="no images on topic /third; it has /camera .*24 messages"):
        read_images(bag, "/third")


def test_no_images(tmp_path):
    bag = write_bag(tmp_path / "bag", topics=())
    with pytest.raises(BagError, match=r"no camera images; it has /chatter \(std_msgs/msg/String"):
        read_images(bag)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("drive.mcap", b"", "no messages at all"),
        ("drive.mcap", b"not an mcap file" * 100, "magic"),
        ("drive.db3", b"not a database" * 100, "not a database"),
        ("drive.mcap.zstd", b"not zstd", "no messages at all"),
        ("drive.bag", b"#ROSBAG V2.0\n", "ROS 1"),
        ("drive.mp4", b"", "not a rosbag2 recording"),
    ],
)
def test_not_a_recording(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BagError, match=reason) as error:
        read_images(path)
    assert str(path) in str(error.value)


def test_not_a_directory_of_a_recording(tmp_path):
    with pytest.raises(BagError, match="does not exist"):
        read_images(tmp_path / "missing")
    with pytest.raises(BagError, match="no metadata.yaml"):
        read_images(tmp_path)
    (tmp_path / "metadata.yaml").write_text("rosbag2_bagfile_information: 3")
    with pytest.raises(BagError, match=r"metadata.yaml cannot be read"):
        read_images(tmp_path)


@pytest.mark.parametrize(("storage", "compression"), STORAGES)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path, storage, compression, share):
    bag = write_bag(tmp_path / "bag", storage, compression)
    file = storage_file(bag)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    images = read_images(bag)
    read = list(images)
    # sqlite keeps an index of times at the end of the file: all messages may be before it.
    assert len(FRAMES) * (share - 0.35) < len(read) <= len(FRAMES)
    for index, image in enumerate(read):
        assert np.array_equal(image.message.data, FRAMES[index].reshape(-1))
    assert any("damaged" in warning or "ends in" in warning for warning in images.warnings)


def write_messages(path, messages, storage="mcap"):
    with Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        connection = writer.add_connection("/camera", IMAGE, typestore=STORE)
        for log_time, content in messages:
            writer.write(connection, log_time, content)
    return path


def test_images_of_one_time_in_a_damaged_file(tmp_path):
    messages = [(PERIOD, raw(frame, PERIOD * (i + 1))) for i, frame in enumerate(FRAMES)]
    bag = write_messages(tmp_path / "bag", messages, "sqlite3")
    file = storage_file(bag)
    file.write_bytes(file.read_bytes()[: int(0.7 * file.stat().st_size)])
    images = read_images(bag)
    stamps = [image.stamp for image in images]
    assert len(stamps) > 0.5 * len(FRAMES)
    assert stamps == [PERIOD * (i + 1) for i in range(len(stamps))]
    assert any("damaged" in warning for warning in images.warnings)


def test_a_record_longer_than_any_memory(tmp_path):
    messages = [(PERIOD * (i + 1), raw(FRAMES[i], PERIOD)) for i in range(3)]
    content = storage_file(write_messages(tmp_path / "bag", messages)).read_bytes()
    at = content.index(b"\x06", 8)  # its chunk
    head = struct.pack("<BQ", 6, 1 << 39)
    (tmp_path / "bad.mcap").write_bytes(content[:at] + head + content[at + 9 : -8])
    images = read_images(tmp_path / "bad.mcap")
    assert len(list(images)) == 3
    assert "is damaged" in images.warnings[0]


UNREADABLE = {
    "cut": bytes(raw(FRAMES[0], PERIOD))[:100],
    "no zstd frame": b"\x28\xb5\x2f\xfd and more",
    "half a zstd frame": zstd.compress(raw(FRAMES[2], 3))[:-40],
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_message_is_left_out(tmp_path, name):
    good = [(i, raw(frame, PERIOD + i)) for i, frame in enumerate(FRAMES[:2])]
    images = read_images(write_messages(tmp_path / "bag", [*good, (2, UNREADABLE[name])]))
    assert [image.index for image in images] == [0, 1]
    assert "message 2 of /camera is unreadable" in images.warnings[0]


def test_a_message_that_unfolds_to_more_than_a_message_can_be(tmp_path, monkeypatch):
    large = bytes(raw(FRAMES[0], 1))
    messages = [(1, zstd.compress(large)), (2, zstd.compress(large + bytes(1)))]
    monkeypatch.setattr(bag_storage, "MOST_UNPACKED", len(large))
    images = read_images(write_messages(tmp_path / "bag", messages))
    assert [image.index for image in images] == [0]
    assert f"its zstd frame holds more than {len(large)} bytes" in images.warnings[0]


def test_a_message_that_is_larger_than_a_message_can_be(tmp_path, monkeypatch):
    messages = [(1, raw(FRAMES[0], 1)), (2, bytes(raw(FRAMES[1], 2)) + bytes(1))]
    large = len(bytes(messages[0][1]))
    monkeypatch.setattr(bag_storage, "MOST_UNPACKED", large)
    images = read_images(write_messages(tmp_path / "bag", messages, "sqlite3"))
    assert [image.index for image in images] == [0]
    assert f"it holds {large + 1} bytes, a message {large} at most" in images.warnings[0]


@pytest.mark.parametrize(("column", "value"), [("timestamp", -7), ("data", "text")])
def test_what_only_sqlite_can_hold(tmp_path, column, value):
    messages = [(i, raw(frame, PERIOD + i)) for i, frame in enumerate(FRAMES[:3])]
    bag = write_messages(tmp_path / "bag", messages, "sqlite3")
    with contextlib.closing(sqlite3.connect(storage_file(bag))) as database, database:
        database.execute(f"UPDATE messages SET {column} = ? WHERE id = 2", (value,))
    images = read_images(bag)
    assert len(list(images)) == 2
    assert "of /camera is unreadable: it" in images.warnings[0]


def test_a_time_of_recording_after_all_times(tmp_path):
    messages = [(1, raw(FRAMES[0], 1)), (2**64 - 1, raw(FRAMES[1], 2))]
    images = read_images(write_messages(tmp_path / "bag", messages))
    assert [image.log_time for image in images] == [1]
    assert f"recorded at {2**64 - 1} ns" in images.warnings[0]


def test_a_written_drive_is_read_back(tmp_path):
    stamps = [PERIOD * (index + 1) for index in range(3)]
    assert write_drive(tmp_path / "drive", zip(stamps, FRAMES[:3])) == 3
    images = read_images(tmp_path / "drive")
    for image, stamp, frame in zip(images, stamps, FRAMES):
        assert image.stamp == image.log_time == stamp
        message = image.message
        assert (message.encoding, message.step, message.is_bigendian) == ("bgr8", 288, 0)
        assert message.header.frame_id == "camera"
        assert np.array_equal(message.data, frame.reshape(-1))
    with pytest.raises(ValueError, match="uint8"):
        write_drive(tmp_path / "gray", [(0, np.zeros((4, 4, 1), np.uint8))])


def recording(name):
    path = SHARED / "data" / "bags" / name
    if not path.exists():
        pytest.skip(f"{path} is not there (RS_MONITOR_SHARED names the folder it is in)")
    return path


def test_a_recording_of_a_camera_with_old_type_name_and_compressed_messages():
    images = read_images(recording("soccer_goal"))
    read = list(images)
    assert len(read) == images.count == 2 and images.warnings == []
    for image in read:
        assert (image.message.encoding, image.message.step) == ("rgb8", 1920)
        pixels = image.message.data.reshape(480, 640, 3)
        assert pixels[0, 0].tolist() == [153, 176, 182]
        # A photograph: neighbours resemble each other, as long as nothing is shifted.
        assert np.abs(np.diff(pixels.astype(int), axis=0)).mean() < 12
    assert [image.stamp for image in read] == [8_297_777_777, 8_331_088_888]
    assert_same = [image.message.data for image in read_images(storage_file(images.path))]
    assert all(np.array_equal(a.message.data, b) for a, b in zip(read, assert_same))


def test_a_recording_in_sqlite_without_type_definitions():
    images = read_images(recording("ait_images"))
    read = [image.message for image in images]
    assert len(read) == 3 and images.warnings == []
    for message in read:
        assert (message.encoding, message.height, message.width) == ("mono8", 2, 2)
        assert message.data.tolist() == [0, 128, 128, 255]


@pytest.mark.parametrize("size", [0.02, 0.6])
def test_a_cut_compressed_file_is_named_as_the_recording_has_it(tmp_path, size):
    bag = write_bag(tmp_path / "bag", "sqlite3", "file")
    file = storage_file(bag)
    file.write_bytes(file.read_bytes()[: int(size * file.stat().st_size)])
    reason = "it ends in the middle of its zstd frame"
    if size < 0.1:
        with pytest.raises(BagError) as error:
            read_images(bag)
        assert f"no messages at all ({file.name}: {reason})" in str(error.value)
        return
    images = read_images(bag)
    assert images.warnings == []
    read = list(images)
    assert 0 < len(read) < len(FRAMES)
    assert images.warnings == [
        f"{file.name} is damaged ({reason}): {len(read)} images were read",
        f"metadata.yaml lists 24 images on /camera, {len(read)} are there",
    ]


@pytest.mark.parametrize(("storage", "cut"), [("mcap", False), ("mcap", True), ("sqlite3", False)])
def test_a_topic_with_messages_of_several_types(tmp_path, storage, cut):
    others = {STRING: lambda i: text(i), COMPRESSED_IMAGE: lambda i: compressed(FRAMES[i], i)}
    bag = tmp_path / "bag"
    with Writer(bag, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        kinds = (IMAGE, *others)
        connections = {
            kind: writer.add_connection("/camera", kind, typestore=STORE) for kind in kinds
        }
        for index, frame in enumerate(FRAMES):
            kind = kinds[(0, 0, 1, 2)[index % 4]]
            content = raw(frame, index) if kind == IMAGE else others[kind](index)
            writer.write(connections[kind], index, content)
    if cut:
        file = storage_file(bag)
        file.write_bytes(file.read_bytes()[:-60])
    for topic in (None, "/camera"):
        images = read_images(bag, topic)
        assert images.type == IMAGE and images.listed == images.count == 12
        assert images.warnings == [
            f"6 messages on /camera are of type {kind}, 12 of {IMAGE}: those of {kind} are "
            "left out"
            for kind in others
        ]
        said = len(images.warnings)
        assert [image.stamp for image in images] == [i for i in range(24) if i % 4 < 2]
        assert len(images.warnings) == said + cut
