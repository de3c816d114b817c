# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from rs_monitor.datasets import LabelledImages, concatenate, load_npz

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
    with pytest.raises(FileNotFoundError):
        load_npz(tmp_path / "nothing.npz")


def test_concatenated_groups_stay_apart():
    first = LabelledImages(
        np.zeros((3, 2, 2, 3), np.uint8), np.array([0, 1, 1]), np.array([70, 70, 4])
    )
    second = LabelledImages(np.ones((2, 2, 2, 3), np.uint8), np.array([2, 0]), np.array([70, 4]))
    both = concatenate([first, second])
    assert both.labels.tolist() == [0, 1, 1, 2, 0]
    assert both.images[:, 0, 0, 0].tolist() == [0, 0, 0, 1, 1]
    assert both.group[0] == both.group[1]
    assert len(set(both.group.tolist())) == 4
