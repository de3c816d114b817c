# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What can be read of damaged storage files of rosbag2: a scan from the beginning."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import lz4.frame

from .storage_topics import Topic, modern_type

try:
    from compression import zstd
except ImportError:  # Python before 3.14
    from backports import zstd

MOST_UNPACKED = 1 << 29  # bytes of a chunk or a message; a small file can claim to be huge
_MCAP_MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK = 3, 4, 5, 6


def scan(path: Path) -> Iterator[tuple[Topic, int, bytes]]:
    """Yield topic, log time (ns) and content of what can be read before the damage."""
    with path.open("rb") as file:
        magic = file.read(len(_MCAP_MAGIC))
        if magic == _MCAP_MAGIC:
            with contextlib.suppress(struct.error):  # a record too short for its kind
                yield from _scan_mcap(file)
        elif path.suffix == ".db3":
            yield from _scan_sqlite(path)


@contextlib.contextmanager
def open_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database to be read, also one that is shorter than its header says.

    Raises
    ------
    sqlite3.DatabaseError
        When it is none, or where its damage begins.
    """
    place = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(place, uri=True)) as database:
        database.execute("PRAGMA writable_schema=ON")  # otherwise SQLite refuses the short one
        yield database


def _scan_sqlite(path: Path) -> Iterator[tuple[Topic, int, bytes]]:
    # That the file is damaged is known already: where it begins, what can be read ends.
    with contextlib.suppress(sqlite3.DatabaseError), open_sqlite(path) as database:
        rows = database.execute("SELECT id, name, type, serialization_format FROM topics")
        topics = {
            number: Topic(name, modern_type(kind), encoding, 0)
            for number, name, kind, encoding in rows
            if all(isinstance(text, str) for text in (name, kind, encoding))
        }
        order = "SELECT topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY id"
        for number, log_time, content in database.execute(order):
            if number in topics:
                yield topics[number], log_time, content


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
            return BytesIO(zstd.ZstdDecompressor().decompress(packed, MOST_UNPACKED))
        if compression == b"lz4":
            unpack = lz4.frame.LZ4FrameDecompressor()
            return BytesIO(unpack.decompress(packed, MOST_UNPACKED))
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
        channels[number] = Topic(name, modern_type(schemas.get(schema, "?")), encoding, 0)
    elif kind == _MESSAGE and len(record) >= 22:
        number, _, log_time = struct.unpack_from("<HIQ", record)
        if number in channels:
            yield channels[number], log_time, record[22:]


def _text(record: bytes, start: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", record, start)
    end = start + 4 + length
    return record[start + 4 : end].decode(errors="replace"), end
