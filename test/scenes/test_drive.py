# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from rs_monitor.scenes.camera import Camera, View, plate_homography
from rs_monitor.scenes.drive import approach_frames, drive_frames, drive_labels, training_scene
from rs_monitor.scenes.signs import DRAWABLE_LABELS, TRAFFIC_SIGN_LABELS, sign_face
from rs_monitor.scenes.surroundings import DRIVE, TRAINING

SMALL = Camera(height=96, width=128)


def frames(seed, signs=2, each=3):
    return [frame for frame, _ in drive_frames(seed, signs, each, SMALL)]


def test_the_same_seed_gives_the_same_bytes():
    assert np.array_equal(frames(3), frames(3))
    assert not np.array_equal(frames(3), frames(4))


def test_frames_are_a_moving_camera_image():
    first, second = frames(0, signs=1, each=2)
    assert first.shape == (96, 128, 3) and first.dtype == np.uint8
    assert first.std() > 10
    assert not np.array_equal(first, second)


def test_an_approach_can_be_rendered_alone():
    labels = drive_labels(5, 3)
    together = list(drive_frames(5, 3, 2, SMALL))
    assert [label for _, label in together] == [label for label in labels for _ in range(2)]
    alone = list(approach_frames(5, 2, labels[2], 2, SMALL))
    assert np.array_equal(alone, [frame for frame, _ in together[4:]])


def test_a_drive_passes_every_sign_before_it_repeats_one():
    labels = drive_labels(1, len(DRAWABLE_LABELS) + 2)
    assert set(labels[:-2]) == set(DRAWABLE_LABELS)
    assert labels[-2:] == labels[:2]
    assert set(labels) <= set(TRAFFIC_SIGN_LABELS)


def test_training_and_drive_share_no_textures_and_no_seeds():
    def textures(family):
        return {*family.backgrounds, family.wear}

    def entropy(family):
        keys = [(seed, index) for seed in range(20) for index in range(20)]
        keys += [(seed,) for seed in range(20)]
        return {tuple(family.rng(*key).bit_generator.seed_seq.entropy) for key in keys}

    assert not textures(TRAINING) & textures(DRIVE)
    assert not entropy(TRAINING) & entropy(DRIVE)
    assert TRAINING.name != DRIVE.name
    assert TRAINING.rng(1, 2).random() != DRIVE.rng(1, 2).random()


def test_training_scenes_are_reproducible_and_labelled():
    image, label = training_scene(0, 7)
    again, _ = training_scene(0, 7)
    assert np.array_equal(image, again)
    assert image.shape == (32, 32, 3)
    assert TRAFFIC_SIGN_LABELS[label] in DRAWABLE_LABELS


def test_faces_differ_and_unknown_ones_are_refused():
    faces = {sign_face(label).tobytes() for label in DRAWABLE_LABELS}
    assert len(faces) == len(DRAWABLE_LABELS)
    with pytest.raises(ValueError, match="no drawing of sign 'cow'"):
        sign_face("cow")


def test_projection_follows_the_pinhole_model():
    def width(distance):
        matrix = plate_homography(SMALL, View(distance, lateral=0.0), 320)
        left, right = (matrix @ point for point in ([0, 160, 1], [320, 160, 1]))
        return right[0] / right[2] - left[0] / left[2]

    assert width(8.0) == pytest.approx(SMALL.focal * SMALL.height * 0.7 / 8.0)
    assert width(16.0) == pytest.approx(width(8.0) / 2)
