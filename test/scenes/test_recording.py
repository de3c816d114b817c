# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import csv
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from rs_monitor.evaluation.bags import read_images
from rs_monitor.scenes.drive import drive_frames
from rs_monitor.scenes.recording import RecordingError, cache_folder, read_labels, recorded_drive

TINY = {"seed": 2, "signs": 2, "frames_per_sign": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("drives")


@pytest.fixture(scope="module")
def drive(folder):
    return recorded_drive(folder, **TINY)


def test_a_recording_holds_the_rendered_pixels_as_a_camera_sends_them(drive):
    images = list(read_images(drive))
    rendered = list(drive_frames(2, 2, 2))
    assert len(images) == len(rendered) == 4
    for index, (image, (frame, _)) in enumerate(zip(images, rendered)):
        message = image.message
        assert (message.encoding, message.height, message.width) == ("bgr8", 480, 640)
        assert message.header.frame_id == "camera"
        assert image.stamp == (index + 1) * 40_000_000
        assert np.array_equal(message.data.reshape(480, 640, 3)[..., ::-1], frame)


def test_labels_lie_in_the_recording(drive):
    labels = [label for _, label in drive_frames(2, 2, 2)]
    assert read_labels(drive) == labels
    assert read_labels(next(drive.glob("*.mcap"))) == labels
    with (drive / "labels.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["frame"] for row in rows] == ["0", "1", "2", "3"]
    assert [int(row["stamp_ns"]) for row in rows] == [i.stamp for i in read_images(drive)]


def test_no_labels_and_wrong_labels(tmp_path):
    assert read_labels(tmp_path) == []
    (tmp_path / "labels.csv").write_text("class\nstop\n")
    with pytest.raises(ValueError, match="must have the columns frame, stamp_ns, label"):
        read_labels(tmp_path)


def test_a_drive_is_rendered_once(folder, drive):
    before = {path: path.stat().st_mtime_ns for path in drive.iterdir()}
    assert recorded_drive(folder, **TINY) == drive
    assert {path: path.stat().st_mtime_ns for path in drive.iterdir()} == before
    assert list(folder.iterdir()) == [drive]  # nothing temporary is left


def test_concurrent_callers_get_one_recording(tmp_path):
    one = {"seed": 0, "signs": 1, "frames_per_sign": 1}
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: recorded_drive(tmp_path, **one), range(3)))
    assert len(set(made)) == 1
    assert list(tmp_path.iterdir()) == made[:1]
    assert len(list(read_images(made[0]))) == 1


def test_the_cache_is_where_the_user_wants_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "rs_monitor" / "drives"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "rs_monitor" / "drives"


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="XDG_CACHE_HOME") as error:
        recorded_drive(tmp_path / "file", **TINY)
    assert str(tmp_path / "file") in str(error.value)


@pytest.mark.parametrize("name", ["signs", "frames_per_sign", "seed"])
def test_parameters_out_of_range(tmp_path, name):
    with pytest.raises(ValueError, match=f"{name} must be at least [01], got -1"):
        recorded_drive(tmp_path, **{name: -1})
