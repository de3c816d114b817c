# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from rs_monitor.datasets import LabelledImages, concatenate
from rs_monitor.frames import Resizer


def solid_images(count, size=2, names=()):
    images = np.zeros((count, size, size, 3), np.uint8)
    return LabelledImages(images, np.arange(count) % 2, np.arange(count), names)


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


def test_only_data_sets_of_one_kind_are_joined():
    named = solid_images(2, names=("red", "green"))
    assert concatenate([named, solid_images(3)]).label_names == ("red", "green")
    with pytest.raises(ValueError, match="classes differ"):
        concatenate([named, solid_images(2, names=("green", "red"))])
    with pytest.raises(ValueError, match="differ in size"):
        concatenate([named, solid_images(2, size=4)])


def test_labels_must_be_of_the_named_classes():
    with pytest.raises(ValueError, match="label 2 of image 1 is out of range 0 to 1"):
        LabelledImages(
            np.zeros((2, 1, 1, 3), np.uint8), np.array([1, 2]), np.arange(2), ("a", "b")
        )


def test_subset_keeps_names_and_groups():
    part = solid_images(4, names=("red", "green")).subset([3, 1])
    assert (part.labels.tolist(), part.group.tolist()) == ([1, 1], [3, 1])
    assert part.label_names == ("red", "green")


def test_resized_by_area_as_the_node_does():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    data = LabelledImages(images, np.arange(3), np.arange(3))
    small = data.resized(4, 5)
    assert small.images.shape == (3, 4, 5, 3)
    assert np.abs(small.images / 255 - np.stack([Resizer(4, 5)(i) for i in images])).max() <= (
        0.5 / 255 + 1e-6
    )
    assert data.resized(9, 7) is data
