# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from small_data import noise_image, write_image

from rs_monitor.datasets import DataError, load_data
from rs_monitor.frames import Resizer


def three_colors(folder, suffix=".png"):
    for number, name in enumerate(("red", "green", "yellow")):
        for index in range(2):
            write_image(folder / name / f"{index}{suffix}", noise_image(10 * number + index))
    return folder


def test_classes_are_sorted_by_name(tmp_path):
    data = load_data(three_colors(tmp_path))
    assert data.label_names == ("green", "red", "yellow")
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert np.array_equal(data.images[0], noise_image(10))
    assert np.array_equal(data.images[3], noise_image(1))
    assert len(set(data.group.tolist())) == 6


def test_classes_follow_the_models_names(tmp_path):
    labels = ("yellow", "off", "red", "green")
    data = load_data(three_colors(tmp_path), labels=labels)
    assert data.labels.tolist() == [3, 3, 2, 2, 0, 0]
    assert data.label_names == labels
    with pytest.raises(DataError, match="class 'green' is none of the model's 2 classes"):
        load_data(tmp_path, labels=("red", "yellow"))
    with pytest.raises(DataError, match="class 'green' is none of the model's"):
        load_data(tmp_path, labels=("a", "b", "c"))


def test_folders_may_be_numbers_of_classes(tmp_path):
    for name in ("0", "2", "10"):
        write_image(tmp_path / name / "a.png", noise_image(int(name)))
    assert load_data(tmp_path).label_names == ("0", "10", "2")
    assert load_data(tmp_path, labels=list("abcdefghijkl")).labels.tolist() == [0, 10, 2]
    assert load_data(tmp_path, labels=("2", "0", "10")).labels.tolist() == [1, 2, 0]
    with pytest.raises(DataError, match="class '10' is out of range 0 to 9"):
        load_data(tmp_path, labels=list("abcdefghij"))


def test_folders_in_a_class_are_groups(tmp_path):
    for track in ("t1", "t2"):
        for index in range(3):
            write_image(tmp_path / "stop" / track / f"{index}.jpg", noise_image(index))
    write_image(tmp_path / "stop" / "lone.png", noise_image(9))
    write_image(tmp_path / "yield" / "t1" / "0.png", noise_image(9))
    data = load_data(tmp_path)
    _, sizes = np.unique(data.group, return_counts=True)
    assert sorted(sizes.tolist()) == [1, 1, 3, 3]
    assert data.group[-1] not in data.group[:-1].tolist()


def test_mixed_sizes_are_resized_as_the_node_does(tmp_path):
    big = noise_image(1, 20, 31)
    write_image(tmp_path / "a" / "big.png", big)
    write_image(tmp_path / "b" / "small.png", noise_image(2, 8, 8))
    with pytest.raises(DataError, match=r"'a/big.png' has 20x31 pixels, 'b/small.png' 8x8"):
        load_data(tmp_path)
    data = load_data(tmp_path, size=(8, 8))
    assert np.array_equal(data.images[1], noise_image(2, 8, 8))
    assert np.abs(data.images[0] / 255 - Resizer(8, 8)(big)).max() <= 0.5 / 255 + 1e-6


def test_equal_sizes_stay(tmp_path):
    assert load_data(three_colors(tmp_path), size=(3, 3)).images.shape == (6, 6, 6, 3)


def test_grey_sixteen_bit_and_transparent_images(tmp_path):
    for name, image in {
        "grey.png": np.full((6, 6), 9, np.uint8),
        "deep.png": np.full((6, 6, 3), 2570, np.uint16),
        "clear.png": np.full((6, 6, 4), 10, np.uint8),
        "grey.JPEG": np.full((6, 6), 9, np.uint8),
    }.items():
        (tmp_path / name).mkdir()
        assert cv2.imwrite(str(tmp_path / name / name), image)
    data = load_data(tmp_path)
    assert data.images.shape == (4, 6, 6, 3)
    assert set(np.unique(data.images)) <= {9, 10}


def test_other_files_are_none_of_ours(tmp_path):
    three_colors(tmp_path)
    for name in ("README.txt", "red/labels.csv", "red/.DS_Store", ".cache"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".git").mkdir()
    assert len(load_data(tmp_path)) == 6


def png_of(height, width):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data))
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = b"no zlib stream"
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


def empty_class(folder):
    (folder / "blue").mkdir()


def beside(folder):
    write_image(folder / "stray.png", noise_image(0))


def other_format(folder):
    (folder / "red" / "x.webp").write_bytes(b"RIFF")


def unreadable(folder):
    (folder / "red" / "x.png").write_bytes(b"no image")


def truncated(folder):
    path = write_image(folder / "red" / "x.jpg", noise_image(0))
    path.write_bytes(path.read_bytes()[:-2])


def corrupt(folder):
    (folder / "red" / "x.png").write_bytes(png_of(6, 6))


def huge(folder):
    (folder / "red" / "x.png").write_bytes(png_of(60_000, 60_000))


def empty_file(folder):
    (folder / "red" / "x.png").write_bytes(b"")


def fifo(folder):
    os.mkfifo(folder / "red" / "x.png")


def device(folder):
    (folder / "red" / "x.png").symlink_to("/dev/zero")


def dangling(folder):
    (folder / "red" / "x.png").symlink_to("nowhere")


def class_loop(folder):
    (folder / "blue").symlink_to("blue")


def inner_loop(folder):
    (folder / "red" / "again").symlink_to("..")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (empty_class, "class folder 'blue' holds no JPEG or PNG image"),
        (beside, r"'stray\.png' lies beside"),
        (other_format, r"'red/x\.webp' is neither JPEG nor PNG"),
        (unreadable, r"image 'red/x\.png': .*neither JPEG nor PNG"),
        (truncated, r"image 'red/x\.jpg': corrupt JPEG: .*truncated"),
        (corrupt, r"image 'red/x\.png': corrupt png"),
        (huge, r"image 'red/x\.png': image of 60000 rows by 60000 columns has more than"),
        (empty_file, r"image 'red/x\.png': .* 0 bytes"),
        (fifo, r"red/x\.png: it is not a regular file"),
        (device, r"red/x\.png: it is not a regular file"),
        (dangling, r"red/x\.png' is a link that leads nowhere"),
        (class_loop, "blue' is a link that leads nowhere"),
        (inner_loop, "'red/again' is a link to a folder"),
    ],
)
def test_hostile_folders(tmp_path, spoil, reason):
    spoil(three_colors(tmp_path))
    with pytest.raises(DataError, match=reason) as caught:
        load_data(tmp_path, size=(6, 6))
    assert str(caught.value).startswith(f"data set {tmp_path}: ")
    assert len(str(caught.value).splitlines()) == 1
