# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings in several files, of which some are missing or damaged."""

import pytest
from recordings import PERIOD, split

from rs_monitor.evaluation.bags import Gap, read_images


def stamps_of(images):
    return [image.stamp // PERIOD - 1 for image in images]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_whole_recording_has_no_gap(tmp_path, storage):
    images = read_images(split(tmp_path / "bag", [2, 3, 1], storage))
    assert stamps_of(images) == list(range(6))
    assert (images.gap, images.warnings) == (None, [])


@pytest.mark.parametrize(("lost", "first"), [(0, 0), (1, 2), (2, None)])
@pytest.mark.parametrize("listed", [True, False])
def test_a_missing_file_leaves_a_gap(tmp_path, lost, first, listed):
    bag = split(tmp_path / "bag", [2, 3, 1])
    (bag / f"bag_{lost}.mcap").unlink()
    if not listed:
        (bag / "metadata.yaml").unlink()
    images = read_images(bag)
    said = images.warnings[:]
    whole = [[0, 1], [2, 3, 4], [5]]
    whole[lost] = []
    assert stamps_of(images) == sum(whole, [])
    assert images.gap == (None if first is None else Gap(first, f"bag_{lost}.mcap"))
    if listed:
        assert said == [f"bag_{lost}.mcap, which metadata.yaml names, is missing"]
    else:
        assert "metadata.yaml is missing" in said[0]
        # The last one may be missing without a trace.
        assert [f"bag_{lost}.mcap seems to be missing" in text for text in said[1:]] == (
            [] if first is None else [True]
        )


def test_files_that_are_not_numbered_have_no_holes(tmp_path):
    bag = split(tmp_path / "bag", [2, 1])
    (bag / "metadata.yaml").unlink()
    (bag / "bag_1.mcap").rename(bag / "night.mcap")
    images = read_images(bag)
    assert (stamps_of(images), images.gap) == ([0, 1, 2], None)


@pytest.mark.parametrize("alone", [True, False])
def test_a_part_of_a_recording_does_not_begin_at_number_0(tmp_path, alone):
    bag = split(tmp_path / "bag", [2, 3])
    if alone:  # given by itself, beside the others
        images = read_images(bag / "bag_1.mcap")
        assert read_images(bag / "bag_0.mcap").gap is None
    else:
        for name in ("bag_0.mcap", "metadata.yaml"):
            (bag / name).unlink()
        images = read_images(bag)
    assert stamps_of(images) == [2, 3, 4]
    assert images.gap == Gap(0, "bag_0.mcap")
    assert any("bag_0.mcap" in text for text in images.warnings)


@pytest.mark.parametrize("names", [("cam_20240101", "cam_20240102"), ("cam_000", "cam_002")])
def test_dates_and_others_numbers_have_no_holes(tmp_path, names):
    bag = split(tmp_path / "bag", [2, 1])
    (bag / "metadata.yaml").unlink()
    for number, name in enumerate(names):
        (bag / f"bag_{number}.mcap").rename(bag / f"{name}.mcap")
    images = read_images(bag)
    assert (stamps_of(images), images.gap) == ([0, 1, 2], None)


@pytest.mark.parametrize("left", [0, 0.5])
def test_a_damaged_file_leaves_a_gap_behind_it(tmp_path, left):
    bag = split(tmp_path / "bag", [4, 30, 2])
    file = bag / "bag_1.mcap"
    file.write_bytes(file.read_bytes()[: int(left * file.stat().st_size)])
    images = read_images(bag)
    found = stamps_of(images)
    assert found[:4] == [0, 1, 2, 3] and found[-2:] == [34, 35]
    assert (len(found) > 6) == (left > 0)
    assert images.gap == Gap(len(found) - 2, "bag_1.mcap")


def test_of_a_cut_last_file_every_number_is_known(tmp_path):
    bag = split(tmp_path / "bag", [4, 30])
    file = bag / "bag_1.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    images = read_images(bag)
    assert 4 < len(stamps_of(images)) < 34
    assert images.gap is None
    assert "bag_1.mcap is damaged" in images.warnings[0]
