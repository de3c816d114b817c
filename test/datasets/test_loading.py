# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest
from small_data import noise_image, write_cifar10, write_image

from rs_monitor.datasets import DataError, load_data, storage


def test_content_tells_the_format_not_the_name(tmp_path):
    images = np.stack([noise_image(i) for i in range(3)])
    np.savez(tmp_path / "a.npz", images=images, labels=[0, 1, 2])
    os.rename(tmp_path / "a.npz", tmp_path / "data_batch_1.png")
    data = load_data(tmp_path / "data_batch_1.png")
    assert np.array_equal(data.images, images) and data.label_names == ()


def test_labels_of_a_model_with_fewer_classes(tmp_path):
    np.savez(
        tmp_path / "a.npz", images=np.stack([noise_image(i) for i in range(3)]), labels=[0, 1, 2]
    )
    assert len(load_data(tmp_path / "a.npz", labels=("a", "b", "c"))) == 3
    with pytest.raises(DataError, match=r"a\.npz: label 2 of image 2 is out of range 0 to 1"):
        load_data(tmp_path / "a.npz", labels=("a", "b"))


def test_what_is_no_data_set(tmp_path):
    (tmp_path / "text").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    np.save(tmp_path / "one.npy", np.zeros(3))
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in {
        "text": "neither an .npz archive",
        "empty": "neither an .npz archive",
        "one.npy": "neither an .npz archive",
        "fifo": "neither a file nor a folder",
        "folder": "no folders of classes",
        "loop": "symbolic links",
        "nothing": "No such file",
        "zero\0byte": "null",
    }.items():
        with pytest.raises(DataError, match=reason) as caught:
            load_data(tmp_path / name)
        assert name in str(caught.value)
    with pytest.raises(DataError, match="neither a file nor a folder"):
        load_data("/dev/zero")
    with pytest.raises(DataError, match="part must be one of train, test, got 'validation'"):
        load_data(tmp_path, part="validation")


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(storage, "IN_MEMORY", 100)


def test_many_pixels_lie_in_a_file(tmp_path, little_memory):
    images = np.stack([noise_image(i) for i in range(3)])
    np.savez_compressed(tmp_path / "a.npz", images=images, labels=[0, 1, 2])
    for index, image in enumerate(images):
        write_image(tmp_path / "folders" / str(index) / "a.png", image)
    for path in (tmp_path / "a.npz", tmp_path / "folders"):
        data = load_data(path)
        assert isinstance(data.images, np.memmap)
        assert np.array_equal(data.images, images)
        assert np.array_equal(data.subset([2, 0]).images, images[[2, 0]])


def test_no_room_for_that_file(tmp_path, little_memory, monkeypatch):
    def full(descriptor, start, size):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full)
    write_image(tmp_path / "a" / "a.png", noise_image(0))
    with pytest.raises(DataError, match="no room there .No space left on device.*TMPDIR"):
        load_data(tmp_path)


def test_most_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "MAX_BYTES", 100)
    write_image(tmp_path / "a" / "a.png", noise_image(0))
    with pytest.raises(DataError, match="more than the .* accepted"):
        load_data(tmp_path)


def test_cifar10_and_a_model_of_other_classes(tmp_path):
    write_cifar10(tmp_path)
    with pytest.raises(DataError, match="'airplane' is none of the model's 3 classes"):
        load_data(tmp_path, labels=("red", "green", "blue"))
