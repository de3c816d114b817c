# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Storage files of rosbag2, sound ones and damaged ones: serialised messages with their topics.

Sound files are read by `rosbags`; of damaged ones, what can be read before the damage.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosbags.rosbag2 import Reader

from ..work_folder import WorkFolder
from .damaged_storage import MOST_UNPACKED, open_sqlite, scan, scan_topic
from .storage_topics import Topic, modern_type

try:
    from compression import zstd
except ImportError:  # Python before 3.14
    from backports import zstd

COMPRESSED_FILE = ".zstd"
_SUFFIXES = (".mcap", ".db3")
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # never the first bytes of a CDR message, which begins with 0
_READ = 1 << 20
_OF_URIS = set("?#%")  # what means something else in them


class Damage(Exception):
    """Raised where a storage file cannot be read any further; says why."""


def is_storage(path: Path) -> bool:
    """Whether a file is named as one of storage, compressed as a whole or not."""
    return (path.with_suffix("") if path.suffix == COMPRESSED_FILE else path).suffix in _SUFFIXES


def count_mismatch(topic: str, listed: int | None, read: int) -> str:
    """Return what is to be said when other images than metadata.yaml lists were read, or ""."""
    if listed is None or listed == read:
        return ""
    return f"metadata.yaml lists {listed} images on {topic}, {read} are there"


def decompress(data: bytes) -> bytes:
    """Undo message-mode compression, in which rosbag2 packs every message into a zstd frame.

    A message without it comes back as it is.

    Raises
    ------
    ValueError
        When it cannot be decompressed, is larger than any message, or is no bytes, as
        SQLite allows.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"its content is of type {type(data).__name__}, not bytes")
    content = bytes(data)
    if content[:4] != ZSTD_MAGIC:
        if len(content) > MOST_UNPACKED:
            raise ValueError(f"it holds {len(content)} bytes, a message {MOST_UNPACKED} at most")
        return content
    unpack = zstd.ZstdDecompressor()
    try:
        message = unpack.decompress(content, MOST_UNPACKED)
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error
    if not unpack.eof:
        much = f"holds more than {MOST_UNPACKED} bytes"
        raise ValueError(f"its zstd frame {'ends early' if unpack.needs_input else much}")
    return message


def decompress_file(source: Path, target: Path) -> None:
    """Undo file-mode compression.

    Raises
    ------
    Damage
        When the file ends early; `target` then holds what could be read.
    """
    with target.open("wb") as out, source.open("rb") as packed:
        unpack = zstd.ZstdDecompressor()
        while content := packed.read(_READ):
            while content:
                try:
                    out.write(unpack.decompress(content))
                except zstd.ZstdError as error:
                    raise Damage(f"{error}") from error
                content = unpack.unused_data if unpack.eof else b""
                if content:
                    unpack = zstd.ZstdDecompressor()
    if not unpack.eof:
        raise Damage("it ends in the middle of its zstd frame")


class StorageFile:
    """One .mcap or .db3 file.

    Parameters
    ----------
    path : Path
        As the recording has it; it may be missing.
    unpacked : Path, optional
        Its content, where it is compressed as a whole.
    damage : str
        Why that is not all of it.

    Attributes
    ----------
    name : str
    missing : bool
    topics : list of Topic
    damage : str
        Why not all of the file can be read; "" when it can.
    """

    def __init__(self, path: Path, unpacked: Path | None = None, damage: str = "") -> None:
        self.name = path.name
        self._path = unpacked or path
        self.topics: list[Topic] = []
        self.missing = not path.is_file()
        self._indexes_may_lie = False
        if self.missing:
            self.damage = "it is missing"
            return
        self.damage = _made_up(self._path) if self._path.suffix == ".db3" else ""
        if self.damage:
            return
        self.damage = damage
        if not damage:
            try:
                self._open_whole()
                return
            except Exception as error:  # of rosbags, its decompressors, its database
                self.damage = self._why(error)
        self.topics = self._count_scanned()

    def _open_whole(self) -> None:
        with _open(self._path) as reader:
            self.topics = [
                Topic(c.topic, modern_type(c.msgtype), c.ext.serialization_format, c.msgcount)
                for c in reader.connections
            ]
            self._indexes_may_lie = self._path.suffix == ".mcap"

    def messages(self, topic: Topic) -> Iterator[tuple[int, bytes, bool]]:
        """Yield the messages of one topic by log time, those of one time as they are in the file.

        Yields
        ------
        (int, bytes, bool)
            Log time (ns), serialised content, and whether nothing before it in this file is
            known to be lost.

        Raises
        ------
        Damage
            After the last message that can be read.
        """
        if self.missing:
            raise Damage(self.damage)
        read: Counter[int] = Counter()  # images may share a time
        damage = self.damage
        if not damage:
            try:
                with _open(self._path) as reader:
                    wanted = [c for c in reader.connections if _is_of(c, topic)]
                    if self._indexes_may_lie and wanted:
                        _count(reader, wanted)
                    for _, log_time, content in reader.messages(wanted) if wanted else ():
                        read[log_time] += 1
                        yield log_time, content, True
                return
            except Exception as error:  # as above
                damage = self._why(error)
        anew = not read  # nothing came that may have been in another order
        for log_time, content, sure in scan_topic(self._path, topic):
            read[log_time] -= 1
            if read[log_time] < 0:
                yield log_time, content, sure and anew
        raise Damage(damage)

    def _why(self, error: Exception) -> str:
        # People know the file that they have, not the place that it was unpacked to.
        text = str(error).replace(str(self._path), self.name)
        return " ".join(text.split()) or type(error).__name__

    def _count_scanned(self) -> list[Topic]:
        counts: dict[Topic, int] = {}
        for topic, *_ in scan(self._path):
            counts[topic] = counts.get(topic, 0) + 1
        return [dataclasses.replace(topic, count=count) for topic, count in counts.items()]


def _count(reader: Reader, wanted: list[Any]) -> None:
    """Look whether a reader gives as many messages as the file's summary counts.

    Where an index of an MCAP is damaged it passes over messages without a word, and over those
    whose time goes back in a file without indexes.

    Raises
    ------
    Damage
    """
    found, listed = sum(1 for _ in reader.messages(wanted)), sum(c.msgcount for c in wanted)
    if found != listed:
        raise Damage(f"its indexes give {found} messages, its summary counts {listed}")


def _is_of(connection: Any, topic: Topic) -> bool:
    kind, encoding = modern_type(connection.msgtype), connection.ext.serialization_format
    return (connection.topic, kind, encoding) == topic.key


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Reader]:
    """Open a storage file with rosbags, which writes a database's path into a URI as it is."""
    if path.suffix == ".db3" and not _OF_URIS.isdisjoint(str(path)):
        with WorkFolder("bag") as folder:
            link = Path(folder) / "link.db3"
            link.symlink_to(path.absolute())
            with Reader(link) as reader:
                yield reader
        return
    with Reader(path) as reader:
        yield reader


def _made_up(path: Path) -> str:
    """Return why nothing is read of a database; a view may compute rows without end."""
    try:
        with open_sqlite(path) as database:
            query = "SELECT count(*) FROM sqlite_master WHERE type = 'view'"
            return "it holds views" if database.execute(query).fetchone()[0] else ""
    except sqlite3.DatabaseError:
        return ""  # it is damaged, which is found out later
