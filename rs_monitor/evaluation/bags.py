# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded camera images: reading any rosbag2 recording, writing a drive."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Container, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.enums import StoragePlugin
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

from ..files import read_file
from ..plain_yaml import parse_yaml
from .bag_storage import (
    COMPRESSED_FILE,
    Damage,
    StorageFile,
    count_mismatch,
    decompress,
    decompress_file,
    is_storage,
    storage_files,
)
from .storage_topics import Topic, listing, merge_topics

IMAGE, COMPRESSED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_NANOSECONDS = 1_000_000_000
_MAX_METADATA = 1 << 24  # bytes
_LATEST = 2**63 - 1  # nanoseconds, in ROS
_UNREADABLE = (SerdeError, ValueError, IndexError, UnicodeDecodeError)  # content of no message


class BagError(ValueError):
    """A recording that cannot be used; the message says which, why and what to do."""


class NoSuchTopic(BagError):
    """A recording without images on the topic asked for; the message lists what it has."""


@dataclasses.dataclass(frozen=True)
class RecordedImage:
    """One recorded image message.

    Attributes
    ----------
    topic, type : str
        `type` is IMAGE or COMPRESSED_IMAGE.
    index : int
        Its number among the messages of its topic, from 0.
    log_time : int
        When it was recorded, nanoseconds.
    stamp : int
        Its header.stamp, nanoseconds.
    message : object
        With the fields of `type`; `data` is a numpy array of uint8.
    """

    topic: str
    type: str
    index: int
    log_time: int
    stamp: int
    message: Any


class BagImages:
    """The images of one topic of a recording, in order; made by `read_images`.

    Attributes
    ----------
    path : Path
    topic, type : str
    count : int
        Messages of the topic that the storage lists.
    listed : int or None
        Messages of the topic that metadata.yaml lists.
    files : list of StorageFile
        Uncompressed.
    warnings : list of str
        What is known to be lost; complete once the images have been iterated over.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None
        try:
            files, listed = self._find_files()
            self.files = [StorageFile(self._plain(file)) for file in files]
        except OSError as error:
            raise BagError(
                f"{error.filename or path} cannot be read: {error.strerror or error}"
            ) from error
        found = merge_topics(topic for file in self.files for topic in file.topics)
        chosen = self._choose(found, topic)
        self.topic, self.type, self.count = chosen.name, chosen.type, chosen.count
        self.listed = listed.get(self.topic)
        self._store = get_typestore(Stores.ROS2_JAZZY)

    def __iter__(self) -> Iterator[RecordedImage]:
        count = 0
        for image in self.read():
            count += 1
            yield image
        if text := count_mismatch(self.topic, self.listed, count):
            self._warn(text)

    def read(self, first: int = 0, only: Container[int] | None = None) -> Iterator[RecordedImage]:
        """Yield the images numbered `first` and following, or of these `only` some.

        The other messages are passed over unread. One that is no such message is left out, with
        a warning, but keeps its number.
        """
        number = 0
        for file in self.files:
            try:
                for log_time, content in file.messages(self.topic):
                    if number >= first and (only is None or number in only):
                        try:
                            yield self._deserialise(number, log_time, content)
                        except _UNREADABLE as error:
                            self._warn(f"message {number} of {self.topic} is unreadable: {error}")
                    number += 1
            except Damage as damage:
                self._warn(f"{file.path.name} is damaged ({damage}): {number} images were read")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _deserialise(self, number: int, log_time: int, content: bytes) -> RecordedImage:
        message = self._store.deserialize_cdr(decompress(content), self.type)
        stamp = message.header.stamp
        if not 0 <= log_time <= _LATEST:
            raise ValueError(f"it was recorded at {log_time} ns, which is no time")
        nanoseconds = stamp.sec * _NANOSECONDS + stamp.nanosec
        return RecordedImage(self.topic, self.type, number, log_time, nanoseconds, message)

    def _find_files(self) -> tuple[list[Path], dict[str, int]]:
        """Return the storage files, and the messages that metadata lists for each topic."""
        if not self.path.exists():
            raise BagError(f"{self.path} does not exist")
        if self.path.is_file():
            if not is_storage(self.path):
                hint = (
                    ": a ROS 1 bag; `rosbags-convert` makes it a rosbag2"
                    if self.path.suffix == ".bag"
                    else ", only .mcap and .db3 files and rosbag2 directories are"
                )
                raise BagError(f"{self.path} is not a rosbag2 recording{hint}")
            return [self.path], {}
        if not self.path.is_dir():  # a pipe would be waited for
            raise BagError(f"{self.path} is neither a file nor a folder")
        metadata = self.path / "metadata.yaml"
        if not metadata.is_file():
            files = storage_files(self.path)
            if not files:
                raise BagError(f"{self.path} is not a rosbag2 directory: no metadata.yaml in it")
            self.warnings.append(
                "metadata.yaml is missing: the storage files were read without it"
            )
            return files, {}
        return self._from_metadata(metadata)

    def _from_metadata(self, metadata: Path) -> tuple[list[Path], dict[str, int]]:
        try:
            content = parse_yaml(read_file(metadata, _MAX_METADATA))
            content = content["rosbag2_bagfile_information"]
            names = [PurePath(name).name for name in content["relative_file_paths"]]
            listed = {
                entry["topic_metadata"]["name"]: int(entry["message_count"])
                for entry in content["topics_with_message_count"]
            }
        except (OSError, KeyError, TypeError, ValueError, OverflowError) as error:
            detail = " ".join(f"{type(error).__name__}: {error}".split())
            raise BagError(f"{metadata} cannot be read: {detail}") from error
        files = [self.path / name for name in names]
        for file in files:
            if not file.is_file():
                self.warnings.append(f"{file.name}, which metadata.yaml names, is missing")
        files = [file for file in files if file.is_file()]
        if not files:
            raise BagError(f"{self.path} has none of the files that its metadata.yaml names")
        return files, listed

    def _plain(self, file: Path) -> Path:
        """Return `file`, or its content where it is compressed as a whole."""
        if file.suffix != COMPRESSED_FILE:
            return file
        if self._unpacked is None:
            self._unpacked = tempfile.TemporaryDirectory(prefix="rs_monitor_bag_")
        target = Path(self._unpacked.name) / file.stem
        try:
            decompress_file(file, target)
        except Damage as damage:
            self.warnings.append(str(damage))
        return target

    def _choose(self, found: list[Topic], wanted: str | None) -> Topic:
        images = [topic for topic in found if topic.type in (IMAGE, COMPRESSED_IMAGE)]
        usable = [topic for topic in images if topic.count and topic.format == "cdr"]
        damage = "; ".join(file.damage for file in self.files if file.damage)
        have = "; it has " + (listing(found) or "no messages at all")
        have += f" ({damage})" if damage else ""
        if wanted is not None:
            for topic in usable:
                if topic.name.strip("/") == wanted.strip("/"):
                    return topic
            raise NoSuchTopic(f"{self.path} has no images on topic {wanted}{have}")
        if not usable:
            raise BagError(f"{self.path} has no camera images{have}")
        if len(usable) > 1:
            names = listing(usable)
            raise BagError(f"{self.path} has several image topics, choose one: {names}")
        return usable[0]


def read_images(path: str | Path, topic: str | None = None) -> BagImages:
    """Open the images of a recording.

    Storage files are read directly: metadata.yaml may name another type or QoS than they do.

    Parameters
    ----------
    path : str or Path
        A rosbag2 directory (sqlite3 or mcap, also with zstd compression of messages or
        files), or a single .mcap or .db3 file, or these compressed as .zstd.
    topic : str, optional
        Of sensor_msgs/Image or sensor_msgs/CompressedImage; not needed where there is one.

    Returns
    -------
    BagImages
        Iterates over `RecordedImage`, any number of times.

    Raises
    ------
    BagError
        When it is no recording, holds no images, or several topics of them. A damaged
        recording is read as far as it goes: `BagImages.warnings` says what is lost.
    """
    return BagImages(Path(path), topic)


def write_drive(
    path: Path,
    frames: Iterable[tuple[int, np.ndarray]],
    *,
    topic: str = "/camera/image",
    frame_id: str = "camera",
) -> int:
    """Record frames as a camera driver would publish them, in a new rosbag2 mcap directory.

    Parameters
    ----------
    path : Path
        Must not exist.
    frames : iterable of (int, numpy.ndarray)
        Stamp in nanoseconds, which is also the time of recording, and uint8 BGR [H, W, 3].
    topic, frame_id : str

    Returns
    -------
    int
        Number of frames written.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    image, header = store.types[IMAGE], store.types["std_msgs/msg/Header"]
    time = store.types["builtin_interfaces/msg/Time"]
    count = 0
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(topic, IMAGE, typestore=store)
        for stamp, frame in frames:
            height, width, channels = frame.shape
            if frame.dtype != np.uint8 or channels != 3:
                raise ValueError(
                    f"frames must be uint8 [H, W, 3], got {frame.dtype} {frame.shape}"
                )
            message = image(
                header=header(stamp=time(*divmod(stamp, _NANOSECONDS)), frame_id=frame_id),
                height=height,
                width=width,
                encoding="bgr8",
                is_bigendian=0,
                step=3 * width,
                data=np.ascontiguousarray(frame).reshape(-1),
            )
            writer.write(connection, stamp, store.serialize_cdr(message, IMAGE))
            count += 1
    return count
