# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What can be read of damaged storage files of rosbag2: a scan from the beginning."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import tempfile
import zlib
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
_LAST_KIND = 15  # of MCAP's records

# Topic, log time (ns), content; whether nothing before it in the file is known to be lost.
Scanned = tuple[Topic, int, bytes, bool]


def scan(path: Path) -> Iterator[Scanned]:
    """Yield the messages that can be read, in the order of the file."""
    with path.open("rb") as file:
        magic = file.read(len(_MCAP_MAGIC))
        if magic == _MCAP_MAGIC:
            with contextlib.suppress(struct.error):  # a record too short for its kind
                yield from _scan_mcap(file)
        elif path.suffix == ".db3":
            yield from _scan_sqlite(path)


def scan_topic(path: Path, topic: Topic) -> Iterator[tuple[int, bytes, bool]]:
    """Yield the messages of a topic as sound files give them: by log time, ties as in the file.

    Where the file has another order, what is lost of it may belong anywhere: none of its
    messages is then sure to have all others before it.
    """

    def found() -> Iterator[tuple[int, bytes, bool]]:
        return (rest for one, *rest in scan(path) if one.key == topic.key)

    times = [log_time for log_time, _, _ in found()]
    order = sorted(range(len(times)), key=times.__getitem__)
    if order == list(range(len(times))):
        yield from found()
        return
    with tempfile.TemporaryFile() as store:  # they may be more than memory holds
        places = []
        for _, content, _ in found():
            places.append((store.tell(), len(content)))
            store.write(content)
        for at in order:
            start, length = places[at]
            store.seek(start)
            yield times[at], store.read(length), False


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


def _scan_sqlite(path: Path) -> Iterator[Scanned]:
    # That the file is damaged is known already: where it begins, what can be read ends.
    with contextlib.suppress(sqlite3.DatabaseError), open_sqlite(path) as database:
        rows = database.execute("SELECT id, name, type, serialization_format FROM topics")
        topics = {
            number: Topic(name, modern_type(kind), encoding, 0)
            for number, name, kind, encoding in rows
            if all(isinstance(text, str) for text in (name, kind, encoding))
        }
        order = "SELECT id, topic_id, timestamp, data FROM messages NOT INDEXED ORDER BY id"
        last, sure = None, True
        for place, number, log_time, content in database.execute(order):
            # Where the file is cut inside a page, rows come out as nothing; ids are consecutive.
            sane = number in topics and isinstance(log_time, int) and log_time > 0
            sure = sure and sane and (last is None or place == last + 1)
            last = place
            if sane:
                if not isinstance(content, bytes):
                    content = b""  # no message, but it counts
                yield topics[number], log_time, content, sure


def _scan_mcap(file: BinaryIO) -> Iterator[Scanned]:
    schemas: dict[int, str] = {}
    channels: dict[int, Topic] = {}
    sure = True
    for kind, record in _records(file):
        inner = [(kind, record)]
        if kind == _CHUNK:
            content, sound = _open_chunk(record)
            sure, inner = sure and sound, _records(content)
        for kind, record in inner:
            if kind == _MESSAGE and len(record) >= 22:
                number, _, log_time = struct.unpack_from("<HIQ", record)
                if number in channels:
                    yield channels[number], log_time, record[22:], sure
                    continue
            sure = _learn(kind, record, schemas, channels) and sure


def _records(file: Any) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of MCAP records, and what there is of a chunk that is cut.

    Where anything else is cut, a record of kind 0, which is none of MCAP's, ends them.
    """
    start = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    while head := file.read(9):
        kind, length = struct.unpack("<BQ", head) if len(head) == 9 else (0, 1)
        content = file.read(min(length, end))  # a damaged length may be beyond all memory
        if len(content) == length or kind == _CHUNK:
            yield kind, content
        else:
            yield 0, b""
        if len(content) < length:
            return


def _open_chunk(record: bytes) -> tuple[BytesIO, bool]:
    """Return what can be decompressed of a chunk, and whether messages may be lost inside.

    Of one that is cut, nothing before the cut is.
    """
    if len(record) < 40:
        return BytesIO(), False
    size, crc, length = struct.unpack_from("<QII", record, 16)
    compression, packed = record[32 : 32 + length], record[32 + length + 8 :]
    cut = len(packed) < int.from_bytes(record[32 + length : 32 + length + 8], "little")
    content = packed
    try:
        if compression == b"zstd":
            content = zstd.ZstdDecompressor().decompress(packed, MOST_UNPACKED)
        elif compression == b"lz4":
            content = lz4.frame.LZ4FrameDecompressor().decompress(packed, MOST_UNPACKED)
    except (zstd.ZstdError, RuntimeError):
        return BytesIO(), False
    sound = len(content) == size and (crc == 0 or zlib.crc32(content) == crc)
    return BytesIO(content), cut or sound


def _learn(kind: int, record: bytes, schemas: dict[int, str], channels: dict[int, Topic]) -> bool:
    """Take a schema or a channel; False for what is no record that could be here."""
    if kind == _SCHEMA:
        schemas[struct.unpack_from("<H", record)[0]] = _text(record, 2)[0]
    elif kind == _CHANNEL:
        number, schema = struct.unpack_from("<HH", record)
        name, after = _text(record, 4)
        encoding, _ = _text(record, after)
        channels[number] = Topic(name, modern_type(schemas.get(schema, "?")), encoding, 0)
    return 0 < kind <= _LAST_KIND and kind != _MESSAGE


def _text(record: bytes, start: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", record, start)
    end = start + 4 + length
    return record[start + 4 : end].decode(errors="replace"), end
