# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded camera images: reading any rosbag2 recording, writing a drive."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import Writer
from rosbags.rosbag2.enums import StoragePlugin
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore

from ..work_folder import WorkFolder
from .bag_files import BagError, recording_files
from .bag_storage import (
    COMPRESSED_FILE,
    Damage,
    StorageFile,
    count_mismatch,
    decompress,
    decompress_file,
)
from .storage_topics import Topic, listing, merge_topics

IMAGE, COMPRESSED_IMAGE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_NANOSECONDS = 1_000_000_000
_LATEST = 2**63 - 1  # nanoseconds, in ROS
_UNREADABLE = (SerdeError, ValueError, IndexError, UnicodeDecodeError)  # content of no message


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


@dataclasses.dataclass(frozen=True)
class Gap:
    """Where images of a recording may be missing.

    Attributes
    ----------
    first : int
        Number of the first image after it.
    file : str
        Name of the storage file that is missing or damaged.
    """

    first: int
    file: str


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
        In order, also those that are missing.
    warnings : list of str
        What is known to be lost; complete once the images have been iterated over.
    gap : Gap or None
        The first one before an image that has been read: from there on, an image's number is
        not the one it has in the whole recording.
    """

    def __init__(self, path: Path, topic: str | None = None) -> None:
        self.path = path
        self.gap: Gap | None = None
        self._unpacked: WorkFolder | None = None
        try:
            files, listed, self.warnings, self._before = recording_files(path)
            self.files = [self._storage(file) for file in files]
        except OSError as error:
            raise BagError(
                f"{error.filename or path} cannot be read: {error.strerror or error}"
            ) from error
        found = merge_topics(topic for file in self.files for topic in file.topics)
        chosen = self._chosen = self._choose(found, topic)
        self.topic, self.type, self.count = chosen.name, chosen.type, chosen.count
        left_out = self._leave_out(found)
        self.listed = listed[self.topic] - left_out if self.topic in listed else None
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
        number, lost = 0, self._before
        for file in self.files:
            try:
                for log_time, content, sure in file.messages(self._chosen):
                    if self.gap is None and (lost or not sure):
                        self.gap = Gap(number, lost or file.name)
                    if number >= first and (only is None or number in only):
                        try:
                            yield self._deserialise(number, log_time, content)
                        except _UNREADABLE as error:
                            self._warn(f"message {number} of {self.topic} is unreadable: {error}")
                    number += 1
            except Damage as damage:
                lost = lost or file.name
                if not file.missing:  # which is said already
                    self._warn(f"{file.name} is damaged ({damage}): {number} images were read")

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

    def _storage(self, file: Path) -> StorageFile:
        """Open a storage file, or the content of one that is compressed as a whole."""
        if file.suffix != COMPRESSED_FILE or not file.is_file():
            return StorageFile(file)
        if self._unpacked is None:
            self._unpacked = WorkFolder("bag")
        target, reason = Path(self._unpacked.name) / file.stem, ""
        try:
            decompress_file(file, target)
        except Damage as damage:
            reason = str(damage)
        return StorageFile(file, target, reason)

    def _choose(self, found: list[Topic], wanted: str | None) -> Topic:
        images = [topic for topic in found if topic.type in (IMAGE, COMPRESSED_IMAGE)]
        usable = [topic for topic in images if topic.count and topic.format == "cdr"]
        damage = "; ".join(f"{file.name}: {file.damage}" for file in self.files if file.damage)
        have = "; it has " + (listing(found) or "no messages at all")
        have += f" ({damage})" if damage else ""
        if wanted is not None:
            usable = [topic for topic in usable if topic.name.strip("/") == wanted.strip("/")]
            if not usable:
                raise NoSuchTopic(f"{self.path} has no images on topic {wanted}{have}")
        if not usable:
            raise BagError(f"{self.path} has no camera images{have}")
        if len({topic.name for topic in usable}) > 1:
            names = listing(usable)
            raise BagError(f"{self.path} has several image topics, choose one: {names}")
        return max(usable, key=lambda topic: (topic.count, topic.type == IMAGE))

    def _leave_out(self, found: list[Topic]) -> int:
        """Say which messages on the topic are of other types; return how many they are."""
        others = [one for one in found if one.name == self.topic and one.key != self._chosen.key]
        for other in others:
            if other.count:
                self._warn(
                    f"{other.count} messages on {other.name} are of type {other.type}, "
                    f"{self.count} of {self.type}: those of {other.type} are left out"
                )
        return sum(other.count for other in others)


def read_images(path: str | Path, topic: str | None = None) -> BagImages:
    """Open the images of a recording.

    Storage files are read directly: metadata.yaml may name another type or QoS than they do.

    Parameters
    ----------
    path : str or Path
        A rosbag2 directory (sqlite3 or mcap, also with zstd compression of messages or
        files), or a single .mcap or .db3 file, or these compressed as .zstd.
    topic : str, optional
        Of sensor_msgs/Image or sensor_msgs/CompressedImage; not needed where there is one. Of a
        topic with several types, the one with the most messages is read.

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
