# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Small recordings of any messages, for tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import yaml
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.enums import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.typesys import Stores, get_typestore
from small_models import LABELS, solid

from rs_monitor.evaluation.bags import COMPRESSED_IMAGE, IMAGE

STORE = get_typestore(Stores.ROS2_JAZZY)
PERIOD = 40_000_000
COLORS = ("green", "red", "blue")
STRING, INTEGER = "std_msgs/msg/String", "std_msgs/msg/Int32"


def header(stamp: int, frame_id: str = "lens"):
    """Return a std_msgs/Header."""
    time = STORE.types["builtin_interfaces/msg/Time"](*divmod(stamp, 1_000_000_000))
    return STORE.types["std_msgs/msg/Header"](stamp=time, frame_id=frame_id)


def raw(pixels: np.ndarray, encoding: str, stamp: int, *, height=None, step=None, big=0):
    """Return a sensor_msgs/Image whose data is `pixels`, [rows, width(, channels)]."""
    height = pixels.shape[0] if height is None else height
    step = pixels[0].nbytes if step is None else step
    data = np.ascontiguousarray(pixels).view(np.uint8).reshape(-1)
    return STORE.types[IMAGE](header(stamp), height, pixels.shape[1], encoding, big, step, data)


def packed(rgb: np.ndarray, suffix: str, stamp: int):
    """Return a sensor_msgs/CompressedImage."""
    coded = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
    return STORE.types[COMPRESSED_IMAGE](header(stamp), suffix[1:], coded.reshape(-1))


def record(path: Path, topics: dict, storage: str = "mcap", compression: str = "none") -> Path:
    """Write a recording.

    Parameters
    ----------
    path : Path
    topics : dict
        Messages by topic: pairs of log time and message, or message alone, which is recorded
        at its stamp.
    """
    writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
    writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
    with writer:
        for topic, messages in topics.items():
            kind, connection = None, None
            for one in messages:
                log_time, message = one if isinstance(one, tuple) else (stamp_of(one), one)
                if connection is None:
                    kind = message.__msgtype__
                    connection = writer.add_connection(topic, kind, typestore=STORE)
                writer.write(connection, log_time, STORE.serialize_cdr(message, kind))
    return path


def stamp_of(message) -> int:
    """Return the stamp of a message in nanoseconds."""
    stamp = message.header.stamp
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def color_of(index: int) -> str:
    """Return the colour of a frame of `drive`: runs of five."""
    return COLORS[index // 5 % 3]


def drive(path: Path, count: int, topic: str = "/camera", **options) -> Path:
    """Record `count` plain frames, some of them so weak that they are hard to tell."""
    frames = (
        raw(solid(color_of(i), 24, 32, strong=103 + 7 * (i % 5)), "rgb8", PERIOD * (i + 1))
        for i in range(count)
    )
    return record(path, {topic: list(frames)}, **options)


def split(path: Path, lengths: list[int], storage: str = "mcap", topics=None) -> Path:
    """Record one recording in files of so many frames of `drive`, as rosbag2 splits it.

    Parameters
    ----------
    path : Path
    lengths : list of int
        Frames of each file.
    storage : str
    topics : callable, optional
        Given the numbers of the frames of a file, returns other messages of it by topic.
    """
    path.mkdir()
    names, first, metadata = [], 0, {}
    for number, length in enumerate(lengths):
        frames = range(first, first + length)
        images = [raw(solid(color_of(i), 24, 32), "rgb8", PERIOD * (i + 1)) for i in frames]
        others = topics(frames) if topics else {}
        part = record(path.parent / f"{path.name}.part", {"/camera": images, **others}, storage)
        metadata = yaml.safe_load((part / "metadata.yaml").read_text())
        (file,) = (one for one in part.iterdir() if one.suffix in (".mcap", ".db3"))
        names.append(f"{path.name}_{number}{file.suffix}")
        file.rename(path / names[-1])
        shutil.rmtree(part)
        first += length
    content = metadata["rosbag2_bagfile_information"]
    content |= {"relative_file_paths": names, "message_count": first}
    for topic in content["topics_with_message_count"]:
        if topic["topic_metadata"]["name"] == "/camera":
            topic["message_count"] = first
    (path / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return path


def label_of(index: int) -> int:
    """Return the class of a frame of `drive`."""
    return LABELS.index(color_of(index))
