# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.datasets import DataError, LabelledImages
from rs_monitor.training.splitting import check_classes, hold_out


def data_set(labels, group):
    images = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(3, 3)
    return LabelledImages(images, np.array(labels), np.array(group))


@given(
    st.lists(st.integers(2, 9), min_size=2, max_size=5),
    st.floats(0.05, 0.95),
    st.integers(1, 4),
)
def test_groups_are_never_on_both_sides_and_no_class_is_missing(groups, share, size):
    labels, group = [], []
    for label, count in enumerate(groups):
        for _ in range(count):
            group += [len(set(group))] * size
            labels += [label] * size
    data = data_set(labels, group)
    training, held = hold_out(data, share)
    assert len(training) + len(held) == len(data)
    assert not set(training.group.tolist()) & set(held.group.tolist())
    for label, count in enumerate(groups):
        out = len(set(held.group[held.labels == label].tolist()))
        assert out == min(max(1, round(share * count)), count - 1)
    again = hold_out(data, share)[1]
    assert np.array_equal(again.images, held.images)


def test_a_class_of_one_group_cannot_be_held_out():
    with pytest.raises(DataError, match="class 1 has 1 group"):
        hold_out(data_set([0, 0, 1, 1], [0, 1, 2, 2]), 0.5)


def test_classes_without_images_and_labels_without_classes():
    data = data_set([0, 2, 2], [0, 1, 2])
    with pytest.raises(DataError, match=r"class 1 \(b\) has no image"):
        check_classes(data, ("a", "b", "c"))
    with pytest.raises(DataError, match=r"label 2 of image 1 is out of range: there are 2"):
        check_classes(data, ("a", "b"))
    check_classes(data_set([0, 1, 2], [0, 1, 2]), ("a", "b", "c"))
