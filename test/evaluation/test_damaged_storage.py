# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One order of messages in sound and in damaged files, and what is lost inside them."""

import contextlib
import sqlite3
import struct

import numpy as np
import pytest
from recordings import PERIOD, raw, record
from small_models import solid

from rs_monitor.evaluation.bags import BagError, Gap, read_images


def images_of(times, side=32):
    frame = solid("red", 3 * side // 4, side)
    return [(time, raw(frame, "rgb8", PERIOD * (i + 1))) for i, time in enumerate(times)]


def numbers(images):
    """Return the place in the file of each image, in the order in which they are read."""
    return [image.stamp // PERIOD - 1 for image in images]


def storage_file(bag):
    (file,) = (one for one in bag.iterdir() if one.suffix in (".mcap", ".db3"))
    return file


def chunks(content):
    """Yield start and end of each chunk's content in an mcap file."""
    at = 8
    while at + 9 <= len(content):
        kind, length = struct.unpack_from("<BQ", content, at)
        if kind == 6:
            (name,) = struct.unpack_from("<I", content, at + 9 + 28)
            yield at + 9 + 32 + name + 8, at + 9 + length
        at += 9 + length


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("share", [1, 0.6])
def test_one_order_for_sound_and_cut_files(tmp_path, storage, share):
    times = [500, 400, 400, 300, 450, 450, 100, 700, 600, 200] * 4
    bag = record(tmp_path / "bag", {"/camera": images_of(times)}, storage)
    file = storage_file(bag)
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    images = read_images(bag)
    found = numbers(images)
    assert found == sorted(range(len(found)), key=times.__getitem__)
    if share == 1:
        assert len(found) == len(times) and images.gap is None
    else:  # what is lost may belong before any of them
        assert 0 < len(found) < len(times)
        assert images.gap == Gap(0, file.name)


@pytest.mark.parametrize("compression", ["none", "storage"])
def test_a_damaged_chunk_leaves_a_gap(tmp_path, compression):
    frame = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    images = [raw(frame, "rgb8", PERIOD * (i + 1)) for i in range(12)]
    file = storage_file(record(tmp_path / "bag", {"/camera": images}, "mcap", compression))
    content = bytearray(file.read_bytes())
    parts = list(chunks(content))
    assert len(parts) >= 3
    start, end = parts[1]
    content[start : start + 200] = b"\xff" * 200
    for name, whole in (("indexed", content), ("cut", content[:-30])):
        path = tmp_path / f"{name}.mcap"
        path.write_bytes(whole)
        found = read_images(path)
        read = numbers(found)
        assert read == sorted(read) and read[0] == 0 and read[-1] == 11 and len(read) < 12
        # No image behind what is lost counts as sure of its number.
        assert found.gap.first <= next(i for i, number in enumerate(read) if number != i)
        assert found.gap.file == path.name


def test_times_that_go_back_in_a_file_without_an_index(tmp_path):
    times = [30, 10, 10, 20]
    bag = record(tmp_path / "bag", {"/camera": images_of(times)})
    content = storage_file(bag).read_bytes()
    ((start, end),) = chunks(content)
    # Its records alone, without the chunk around them, and a footer that names no summary.
    footer = struct.pack("<BQQQI", 2, 20, 0, 0, 0) + content[:8]
    head = content[: start - 9 - 40]
    (tmp_path / "plain.mcap").write_bytes(head + content[start:end] + footer)
    images = read_images(tmp_path / "plain.mcap")
    assert numbers(images) == [1, 2, 3, 0]
    assert "not in timestamp order" in images.warnings[0] and images.gap.first == 0


def test_content_that_is_no_bytes_keeps_its_number_in_a_cut_file(tmp_path):
    bag = record(tmp_path / "bag", {"/camera": images_of([3, 2, 1] * 10)}, "sqlite3")
    file = storage_file(bag)
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE messages SET data = 'text' WHERE id = 3")
        database.execute("UPDATE messages SET timestamp = 'noon' WHERE id = 4")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    images = read_images(bag)
    assert [image.index for image in images][0] == 1
    assert any("message 0 of /camera is unreadable" in text for text in images.warnings)


# Of a database, SQLite reads zeroed places as nothing, without a word.
@pytest.mark.parametrize(
    ("storage", "harm"), [("mcap", "cut"), ("mcap", "zeroed"), ("sqlite3", "cut")]
)
def test_no_number_is_wrong_before_the_gap(tmp_path, storage, harm):
    # So small that many share a page of a database, and that an index is a part of the file.
    bag = record(tmp_path / "bag", {"/camera": images_of(range(1, 301), side=4)}, storage)
    file, rng = storage_file(bag), np.random.default_rng(5)
    whole = file.read_bytes()
    for _ in range(120):
        place = int(rng.integers(8192, len(whole)))
        content = bytearray(whole[:place] if harm == "cut" else whole)
        if harm == "zeroed":
            length = int(rng.choice([16, 512, 4096]))
            content[place : place + length] = bytes(length)
            content = content[: len(whole)]
        file.write_bytes(content)
        try:
            images = read_images(file)
            found = [(image.index, image.stamp // PERIOD - 1) for image in images]
        except BagError:  # nothing is left of it
            continue
        until = len(found) if images.gap is None else images.gap.first
        wrong = [
            (index, true) for index, true in found if index < until and true not in (index, -1)
        ]
        assert not wrong, (place, images.gap, images.warnings)
