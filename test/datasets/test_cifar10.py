# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pickle

import numpy as np
import pytest
from small_data import NAMES, noise_image, python2_batch, write_cifar10

from rs_monitor.datasets import DataError, load_data


def batch(**changes):
    rows = np.zeros((2, 3072), np.uint8)
    return {"data": rows, "labels": [0, 1], "filenames": ["a", "b"]} | changes


def test_parts_and_names(tmp_path):
    images = write_cifar10(tmp_path)
    test = load_data(tmp_path)
    assert np.array_equal(test.images, images)
    assert test.labels.tolist() == [0, 1, 2, 3]
    assert test.label_names == NAMES
    train = load_data(tmp_path, part="train")
    assert len(train) == 20 and train.labels[:5].tolist() == [1, 2, 3, 4, 2]
    one = load_data(tmp_path / "data_batch_3")
    assert np.array_equal(one.images, train.images[8:12])


def test_channels_come_in_planes(tmp_path):
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[0, 0, 5] = (200, 100, 50)
    (tmp_path / "test_batch").write_bytes(python2_batch(red, np.array([7])))
    data = load_data(tmp_path)
    assert data.images[0, 0, 5].tolist() == [200, 100, 50]
    assert data.label_names == ()  # without batches.meta


def test_classes_follow_the_models_names(tmp_path):
    write_cifar10(tmp_path)
    turned = NAMES[::-1]
    assert load_data(tmp_path, labels=turned).labels.tolist() == [9, 8, 7, 6]
    assert load_data(tmp_path, labels=turned).label_names == turned
    numbered = load_data(tmp_path, labels=[f"class {i}" for i in range(10)])
    assert numbered.labels.tolist() == [0, 1, 2, 3]
    assert numbered.label_names == NAMES  # says that they were matched by number
    with pytest.raises(DataError, match="'truck' is none of the model's 9 classes"):
        load_data(tmp_path, labels=NAMES[:9])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (batch(data=np.zeros((2, 3071), np.uint8)), r"data must be uint8 \[N, 3072\]"),
        (batch(data=np.zeros((2, 3072), np.int32)), "data must be uint8"),
        (batch(data=[0] * 6144), "got a list"),
        (batch(labels=[0]), "labels must be 2 integers"),
        (batch(labels=[0, "1"]), "labels must be 2 integers"),
        (batch(labels=[0, 2**70]), "labels must be 2 integers"),
        (batch(labels=[0, 10]), "label 10 of image 1 is out of range 0 to 9"),
        (batch(labels=[-1, 0]), "label -1 of image 0"),
        ({"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0, 1]}, "no labels"),
        ([1, 2], "it holds a list"),
    ],
)
def test_wrong_batches(tmp_path, content, reason):
    (tmp_path / "test_batch").write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(DataError, match=rf"data set {tmp_path}: test_batch: {reason}|{reason}"):
        load_data(tmp_path)


def test_labels_may_be_an_array(tmp_path):
    content = batch(labels=np.array([4, 9]))
    (tmp_path / "test_batch").write_bytes(pickle.dumps(content))
    assert load_data(tmp_path).labels.tolist() == [4, 9]


def test_truncated_missing_and_malicious_batches(tmp_path):
    write_cifar10(tmp_path)
    path = tmp_path / "test_batch"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="test_batch: "):
        load_data(tmp_path)
    path.write_bytes(b"\x80\x02cposix\nsystem\nU\x04true\x85R.")
    with pytest.raises(DataError, match=r"test_batch: it asks for 'posix\.system'.*refused"):
        load_data(tmp_path)
    (tmp_path / "data_batch_4").unlink()
    with pytest.raises(DataError, match="data_batch_4: No such file"):
        load_data(tmp_path, part="train")


@pytest.mark.parametrize("names", [None, ["a"] * 10, list("abc"), [1] * 10])
def test_wrong_names(tmp_path, names):
    write_cifar10(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    with pytest.raises(DataError, match=r"batches\.meta: label_names"):
        load_data(tmp_path)


def test_an_array_of_no_images(tmp_path):
    (tmp_path / "test_batch").write_bytes(python2_batch(noise_image(0, 32, 32)[None][:0], []))
    with pytest.raises(DataError, match="not empty"):
        load_data(tmp_path)
