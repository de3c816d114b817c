# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Storage files of rosbag2, sound ones and damaged ones: serialised messages with their topics.

Sound files are read by `rosbags`. Damaged ones are scanned from their beginning here, and
what can be read before the damage is yielded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sqlite3
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import lz4.frame
from rosbags.rosbag2 import Reader

try:
    from compression import zstd
except ImportError:  # Python before 3.14
    from backports import zstd

COMPRESSED_FILE = ".zstd"
_SUFFIXES = (".mcap", ".db3")
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"  # never the first bytes of a CDR message, which begins with 0
_MCAP_MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = 3, 4, 5, 6
_READ = 1 << 20


@dataclasses.dataclass(frozen=True)
class Topic:
    """A topic of a storage file.

    Attributes
    ----------
    name : str
    type : str
        As recorded, except that the old form package/Name reads package/msg/Name.
    format : str
        Serialisation, "cdr" in ROS 2.
    count : int
        Messages that can be read.
    """

    name: str
    type: str
    format: str
    count: int


class Damage(Exception):
    """Raised where a storage file cannot be read any further; says why."""


def is_storage(path: Path) -> bool:
    """Whether a file is named as one of storage, compressed as a whole or not."""
    return (path.with_suffix("") if path.suffix == COMPRESSED_FILE else path).suffix in _SUFFIXES


def storage_files(folder: Path) -> list[Path]:
    """Return the storage files of a recording in their order: drive_2 before drive_10.

    One that `ros2 bag play` has decompressed stands beside its origin, and counts once.
    """
    files = {path for path in folder.iterdir() if is_storage(path) and path.is_file()}
    files -= {path.with_name(path.name + COMPRESSED_FILE) for path in files}

    def order(path: Path) -> list[str | int]:
        words = re.split(r"(\d+)", path.name)
        return [int(word) if at % 2 else word for at, word in enumerate(words)]

    return sorted(files, key=order)


def count_mismatch(topic: str, listed: int | None, read: int) -> str:
    """Return what is to be said when other images than metadata.yaml lists were read, or ""."""
    if listed is None or listed == read:
        return ""
    return f"metadata.yaml lists {listed} images on {topic}, {read} are there"


def merge_topics(topics: Iterable[Topic]) -> list[Topic]:
    """Add up the counts of topics that several files share."""
    merged: dict[tuple[str, str, str], int] = {}
    for topic in topics:
        key = topic.name, topic.type, topic.format
        merged[key] = merged.get(key, 0) + topic.count
    return [Topic(*key, count) for key, count in merged.items()]


def listing(topics: list[Topic]) -> str:
    """Return topics with their types and counts, for people."""
    return ", ".join(f"{topic.name} ({topic.type}, {topic.count} messages)" for topic in topics)


def decompress(data: bytes) -> bytes:
    """Undo message-mode compression, in which rosbag2 packs every message into a zstd frame.

    Raises
    ------
    ValueError
        When it cannot be decompressed, or is no bytes, as SQLite allows.
    """
    if not isinstance(data, bytes | bytearray | memoryview):
        raise ValueError(f"its content is of type {type(data).__name__}, not bytes")
    content = bytes(data)
    try:
        return zstd.decompress(content) if content[:4] == ZSTD_MAGIC else content
    except zstd.ZstdError as error:
        raise ValueError(str(error)) from error


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
                    raise Damage(f"{source.name}: {error}") from error
                content = unpack.unused_data if unpack.eof else b""
                if content:
                    unpack = zstd.ZstdDecompressor()
    if not unpack.eof:
        raise Damage(f"{source.name} ends in the middle of its zstd frame")


class StorageFile:
    """One .mcap or .db3 file.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    topics : list of Topic
    damage : str
        Why not all of the file can be read; "" when it can.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = _made_up(path) if path.suffix == ".db3" else ""
        if self.damage:
            self.topics: list[Topic] = []
            return
        try:
            with Reader(path) as reader:
                self.topics = [
                    Topic(c.topic, _modern(c.msgtype), c.ext.serialization_format, c.msgcount)
                    for c in reader.connections
                ]
        except Exception as error:  # of rosbags, its decompressors, its database
            self.damage = " ".join(f"{error}".split()) or type(error).__name__
            self.topics = self._count_scanned()

    def messages(self, topic: str) -> Iterator[tuple[int, bytes]]:
        """Yield log time (ns) and serialised content of the messages of one topic.

        Raises
        ------
        Damage
            After the last message that can be read.
        """
        read: Counter[int] = Counter()  # images may share a time
        damage = self.damage
        if not damage:
            try:
                with Reader(self.path) as reader:
                    wanted = [c for c in reader.connections if c.topic == topic]
                    for _, log_time, content in reader.messages(wanted) if wanted else ():
                        read[log_time] += 1
                        yield log_time, content
                return
            except Exception as error:  # as above
                damage = " ".join(f"{error}".split()) or type(error).__name__
        for found, log_time, content in _scan(self.path):
            if found.name == topic:
                read[log_time] -= 1
                if read[log_time] < 0:
                    yield log_time, content
        raise Damage(damage)

    def _count_scanned(self) -> list[Topic]:
        counts: dict[Topic, int] = {}
        for topic, _, _ in _scan(self.path):
            counts[topic] = counts.get(topic, 0) + 1
        return [dataclasses.replace(topic, count=count) for topic, count in counts.items()]


def _modern(name: str) -> str:
    package, _, rest = name.partition("/")
    return name if "/" in rest else f"{package}/msg/{rest}"


def _scan(path: Path) -> Iterator[tuple[Topic, int, bytes]]:
    with path.open("rb") as file:
        magic = file.read(len(_MCAP_MAGIC))
        if magic == _MCAP_MAGIC:
            with contextlib.suppress(struct.error):  # a record too short for its kind
                yield from _scan_mcap(file)
        elif path.suffix == ".db3":
            yield from _scan_sqlite(path)


def _open_sqlite(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True)


def _made_up(path: Path) -> str:
    """Return why nothing is read of a database; a view may compute rows without end."""
    try:
        with contextlib.closing(_open_sqlite(path)) as database:
            database.execute("PRAGMA writable_schema=ON")
            query = "SELECT count(*) FROM sqlite_master WHERE type = 'view'"
            return "it holds views" if database.execute(query).fetchone()[0] else ""
    except sqlite3.DatabaseError:
        return ""  # it is damaged, which is found out later


def _scan_sqlite(path: Path) -> Iterator[tuple[Topic, int, bytes]]:
    try:
        database = _open_sqlite(path)
    except sqlite3.DatabaseError:
        return
    try:
        # Otherwise SQLite refuses a file that is shorter than its header says.
        database.execute("PRAGMA writable_schema=ON")
        rows = database.execute("SELECT id, name, type, serialization_format FROM topics")
        topics = {
            number: Topic(name, _modern(kind), encoding, 0)
            for number, name, kind, encoding in rows
            if all(isinstance(text, str) for text in (name, kind, encoding))
        }
        order = "SELECT topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY id"
        for number, log_time, content in database.execute(order):
            if number in topics:
                yield topics[number], log_time, content
    except sqlite3.DatabaseError:
        return  # the caller already knows that the file is damaged
    finally:
        database.close()


def _scan_mcap(file: BinaryIO) -> Iterator[tuple[Topic, int, bytes]]:
    schemas: dict[int, str] = {}
    channels: dict[int, Topic] = {}
    for kind, record in _records(file):
        if kind == _CHUNK:
            for inner, content in _records(_open_chunk(record)):
                yield from _take(inner, content, schemas, channels)
        else:
            yield from _take(kind, record, schemas, channels)


def _records(file: Any) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of MCAP records, and what there is of a chunk that is cut."""
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    while len(head := file.read(9)) == 9:
        kind, length = struct.unpack("<BQ", head)
        content = file.read(min(length, end))  # a damaged length may be beyond all memory
        if len(content) == length or kind == _CHUNK:
            yield kind, content
        if len(content) < length:
            return


def _open_chunk(record: bytes) -> BytesIO:
    """Return what can be decompressed of a chunk, which may be cut."""
    if len(record) < 32:
        return BytesIO()
    (length,) = struct.unpack_from("<I", record, 28)
    compression, packed = record[32 : 32 + length], record[32 + length + 8 :]
    try:
        if compression == b"zstd":
            return BytesIO(zstd.ZstdDecompressor().decompress(packed))
        if compression == b"lz4":
            return BytesIO(lz4.frame.LZ4FrameDecompressor().decompress(packed))
    except (zstd.ZstdError, RuntimeError):
        return BytesIO()
    return BytesIO(packed)


def _take(
    kind: int, record: bytes, schemas: dict[int, str], channels: dict[int, Topic]
) -> Iterator[tuple[Topic, int, bytes]]:
    """Learn a schema or a channel, or yield a message."""
    if kind == _SCHEMA:
        schemas[struct.unpack_from("<H", record)[0]] = _text(record, 2)[0]
    elif kind == _CHANNEL:
        number, schema = struct.unpack_from("<HH", record)
        name, after = _text(record, 4)
        encoding, _ = _text(record, after)
        channels[number] = Topic(name, _modern(schemas.get(schema, "?")), encoding, 0)
    elif kind == _MESSAGE and len(record) >= 22:
        number, _, log_time = struct.unpack_from("<HIQ", record)
        if number in channels:
            yield channels[number], log_time, record[22:]


def _text(record: bytes, start: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", record, start)
    end = start + 4 + length
    return record[start + 4 : end].decode(errors="replace"), end
