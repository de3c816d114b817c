# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.datasets import DataError, LabelledImages, load_npz, storage

IMAGES = np.zeros((3, 4, 5, 3), np.uint8)
LABELS = np.array([0, 2, 1])


def saved(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


def test_load(tmp_path):
    data = load_npz(saved(tmp_path, images=IMAGES, labels=LABELS.astype(np.uint8)))
    assert len(data) == 3
    assert data.labels.dtype == np.int64
    assert data.group.tolist() == [0, 1, 2]
    data = load_npz(saved(tmp_path, images=IMAGES, labels=LABELS, group=[7, 7, 8]))
    assert data.group.tolist() == [7, 7, 8]
    part = data.subset(data.group == 7)
    assert isinstance(part, LabelledImages)
    assert part.labels.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"labels": LABELS}, "no array"),
        ({"images": IMAGES}, "no array"),
        ({"images": IMAGES.astype(float), "labels": LABELS}, "uint8"),
        ({"images": IMAGES[..., :1], "labels": LABELS}, r"\[N, H, W, 3\]"),
        ({"images": IMAGES[0], "labels": LABELS}, r"\[N, H, W, 3\]"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "not empty"),
        ({"images": IMAGES, "labels": LABELS[:2]}, "labels must be 3"),
        ({"images": IMAGES, "labels": LABELS * 0.5}, "labels must be 3 integers"),
        ({"images": IMAGES, "labels": LABELS - 1}, "label -1 of image 0"),
        ({"images": IMAGES, "labels": LABELS, "group": [1, 2]}, "group must be 3"),
        ({"images": np.array([{}, {}, {}]), "labels": LABELS}, "allow_pickle"),
        ({"images": IMAGES, "labels": np.array([0, {}, 1])}, "labels .*allow_pickle"),
        ({"images": IMAGES, "labels": LABELS.astype(np.uint64) + 2**63}, "out of range"),
        ({"images": IMAGES, "labels": LABELS + 100_000}, "label 100000 of image 0"),
        ({"images": IMAGES, "labels": LABELS[:, None]}, "labels must be 3 integers"),
        ({"images": IMAGES, "labels": LABELS, "group": [0.0, np.nan, 1.0]}, "group must be 3"),
    ],
)
def test_wrong_archives(tmp_path, arrays, reason):
    path = saved(tmp_path, **arrays)
    with pytest.raises(ValueError, match=reason) as caught:
        load_npz(path)
    assert str(path) in str(caught.value)


def test_truncated_foreign_and_missing_files(tmp_path):
    path = saved(tmp_path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no archive", whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"data\.npz"):
            load_npz(path)
    np.save(tmp_path / "one.npy", IMAGES)
    with pytest.raises(ValueError, match=r"one\.npy"):
        load_npz(tmp_path / "one.npy")
    with pytest.raises(DataError, match=r"nothing\.npz: No such file"):
        load_npz(tmp_path / "nothing.npz")


def header(shape, descr="|u1"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1 << 40, 32, 32, 3), "more than the .* accepted"),
        ((1 << 20, 1 << 20, 1, 3), "GiB"),
        ((3, 4, 6, 3), "truncated or damaged"),
        ((3, 4, 4, 3), "truncated or damaged"),
        ((-3, 4, 5, 3), "not empty"),
        ((3, -4, -5, 3), "not empty"),
    ],
)
def test_sizes_are_checked_before_anything_is_read(tmp_path, shape, reason):
    path = tmp_path / "bomb.npz"
    count = shape[0] if 0 < shape[0] <= 1 << 20 else 3
    labels = io.BytesIO()
    np.save(labels, np.zeros(count, np.int64))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", header(shape) + IMAGES.tobytes())
        archive.writestr("labels.npy", labels.getvalue())
    with pytest.raises(DataError, match=reason):
        load_npz(path)


@pytest.mark.parametrize(
    "text",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (2,8,",
        b"{'descr': ('|u1',), 'fortran_order': False, 'shape': (3, 4, 5, 3)}",
        b"{[]: 1}",
        b"{'descr': '|u1'}",
        b"\xff\xfe(",
    ],
)
def test_damaged_headers_are_one_error(tmp_path, text):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
        archive.writestr("images.npy", head + IMAGES.tobytes())
        archive.writestr("labels.npy", b"")
    with pytest.raises(DataError, match=r"data\.npz: .*"):
        load_npz(path)


def test_headers_that_python_2_wrote(tmp_path, recwarn):
    path = saved(tmp_path, images=IMAGES, labels=LABELS)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    new = parts["images.npy"]
    parts["images.npy"] = new.replace(b"(3, 4, 5, 3), }", b"(3L, 4, 5, 3),}")
    assert parts["images.npy"] != new
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert np.array_equal(load_npz(path).images, IMAGES)
    assert not recwarn.list


def test_arrays_without_their_suffix_are_named(tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images", b"")
        archive.writestr("labels", b"")
    with pytest.raises(DataError, match="no array images and labels; it holds"):
        load_npz(path)


def test_zip_bomb_is_refused_by_its_header(tmp_path):
    path = saved(tmp_path, images=IMAGES, labels=LABELS)
    np.savez_compressed(path, images=IMAGES, labels=np.zeros(20_000_000, np.int64))
    assert path.stat().st_size < 500_000
    with pytest.raises(DataError, match="labels must be 3 integers"):
        load_npz(path)


def test_orders_of_bytes_and_axes(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)
    path = saved(tmp_path, images=np.asfortranarray(images), labels=LABELS.astype(">i2"))
    data = load_npz(path)
    assert np.array_equal(data.images, images) and data.labels.tolist() == [0, 2, 1]
    np.savez_compressed(path, images=images, labels=LABELS)
    assert np.array_equal(load_npz(path).images, images)


def test_encrypted_and_unknown_compression(tmp_path):
    path = saved(tmp_path, images=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    start = whole.index(b"PK\x01\x02")
    encrypted = bytearray(whole)
    encrypted[6] |= 1  # the flag, in the member's own header and in the directory
    encrypted[start + 8] |= 1
    packed = bytearray(whole)
    packed[8] = packed[start + 10] = 97
    for content in (encrypted, packed):
        path.write_bytes(bytes(content))
        with pytest.raises(DataError, match=r"data\.npz"):
            load_npz(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_archives_are_one_error_or_good_data(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    np.savez_compressed(path, images=IMAGES, labels=LABELS)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    path.write_bytes(bytes(content))
    try:
        load_npz(path)
    except DataError as error:
        assert "damaged.npz" in str(error)


def test_images_are_counted_not_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "MAX_IMAGES", len(IMAGES))
    assert len(load_npz(saved(tmp_path, images=IMAGES, labels=LABELS))) == 3
    monkeypatch.setattr(storage, "MAX_IMAGES", len(IMAGES) - 1)
    with pytest.raises(DataError, match="3 images are more than the 2 accepted"):
        load_npz(saved(tmp_path, images=IMAGES, labels=LABELS))
