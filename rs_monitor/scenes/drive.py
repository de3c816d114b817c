# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Approaches to signs in sequence: a drive of labelled frames, and single training scenes."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .camera import Camera, View, random_wear, render
from .signs import DRAWABLE_LABELS, TRAFFIC_SIGN_LABELS
from .surroundings import DRIVE, TRAINING

FRAME_RATE = 25.0  # Hz
_NEAR, _FAR = 8.0, 12.0  # metres: the plate spans about 62 % to 93 % of the frame height


def approach_frames(
    seed: int, index: int, label: str, frames: int, camera: Camera | None = None
) -> Iterator[np.ndarray]:
    """Drive towards one sign of a drive; each approach can be rendered alone.

    Parameters
    ----------
    seed, index : int
        Seed of the drive, and which of its signs this is; both >= 0.
    label : str
        The sign, one of `signs.DRAWABLE_LABELS`.
    frames : int
        Frames of the approach at `FRAME_RATE`.
    camera : Camera, optional
        640x480 by default.

    Yields
    ------
    numpy.ndarray
        uint8 RGB [height, width, 3].
    """
    camera, rng = camera or Camera(), DRIVE.rng(seed, index)
    margin = 1.3  # the background moves with the camera's shake: keep some beyond the frame
    height, width = round(camera.height * margin), round(camera.width * margin)
    background = DRIVE.background(rng, height, width)
    wear = random_wear(DRIVE, rng, label)
    lateral, roll, tilt = rng.uniform(1.2, 3.0), rng.normal(0, 0.04), rng.normal(0, 0.06)
    brightness, contrast = rng.uniform(-35, 30), rng.uniform(0.7, 1.1)
    aim, velocity = rng.normal(0, 0.02, 2), np.zeros(2)
    for distance in np.linspace(_FAR, _NEAR, frames):
        # The mount follows the sign with an error that is an autoregressive process.
        velocity = 0.7 * velocity + rng.normal(0, 0.15, 2)
        aim = np.clip(0.9 * aim + velocity / FRAME_RATE, -0.06, 0.06)
        brightness += rng.normal(0, 1.0)
        view = View(
            distance, lateral, roll, tilt, tuple(aim), tuple(velocity), brightness, contrast
        )
        scale = _FAR / distance * 0.4 + 0.6  # what is behind the sign grows more slowly
        matrix = np.array(
            [
                [scale, 0, camera.width / 2 + aim[0] * camera.height - scale * width / 2],
                [0, scale, camera.height / 2 + aim[1] * camera.height - scale * height / 2],
            ]
        )
        behind = cv2.warpAffine(
            background, matrix, (camera.width, camera.height), borderMode=cv2.BORDER_REFLECT
        )
        yield render(camera, view, label, behind, wear, rng)


def drive_labels(seed: int, signs: int) -> list[str]:
    """Return the signs of a drive in the order in which it passes them."""
    order = DRIVE.rng(seed).permutation(len(DRAWABLE_LABELS))
    return [DRAWABLE_LABELS[order[index % len(order)]] for index in range(signs)]


def drive_frames(
    seed: int, signs: int, frames_per_sign: int, camera: Camera | None = None
) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the labelled frames of a drive past `signs` signs.

    Parameters
    ----------
    seed : int
        Seed of the drive, >= 0. The same seed gives the same frames.
    signs, frames_per_sign : int
        Number of approaches, and frames of each at `FRAME_RATE`.
    camera : Camera, optional
        640x480 by default.

    Yields
    ------
    (numpy.ndarray, str)
        uint8 RGB [height, width, 3] and the label of the sign in view.
    """
    for index, label in enumerate(drive_labels(seed, signs)):
        for frame in approach_frames(seed, index, label, frames_per_sign, camera):
            yield frame, label


def training_scene(seed: int, index: int, size: int = 32) -> tuple[np.ndarray, int]:
    """Render one training scene, resized by area as the node resizes a camera frame.

    Returns
    -------
    (numpy.ndarray, int)
        uint8 RGB [size, size, 3] and the class index in `TRAFFIC_SIGN_LABELS`.
    """
    rng = TRAINING.rng(seed, index)
    label = DRAWABLE_LABELS[int(rng.integers(len(DRAWABLE_LABELS)))]
    aspect = rng.uniform(1.0, 1.5)
    camera = Camera(height=144, width=round(144 * aspect))
    view = View(
        distance=rng.uniform(0.93 * _NEAR, 1.07 * _FAR),
        lateral=rng.uniform(-3.5, 3.5),
        roll=rng.normal(0, 0.06),
        tilt=rng.normal(0, 0.08),
        aim=tuple(np.clip(rng.normal(0, 0.035, 2), -0.09, 0.09)),
        drift=tuple(rng.normal(0, 0.35, 2)),
        brightness=rng.uniform(-60, 45),
        contrast=rng.uniform(0.5, 1.2),
    )
    background = TRAINING.background(rng, camera.height, camera.width)
    wear = random_wear(TRAINING, rng, label)
    frame = render(camera, view, label, background, wear, rng, noise=rng.uniform(0, 8))
    small = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA)
    return small, TRAFFIC_SIGN_LABELS.index(label)
