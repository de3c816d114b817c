# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A pinhole camera that looks at one sign: projection, motion blur, exposure, sensor noise."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from .signs import sign_face
from .surroundings import Surroundings


@dataclasses.dataclass(frozen=True)
class Camera:
    """A telephoto camera on a pan-tilt mount, as sign readers use it.

    Attributes
    ----------
    height, width : int
        Frame size in pixels.
    focal : float
        Focal length as a multiple of the frame height.
    exposure : float
        Exposure time in seconds; motion during it blurs the frame.
    """

    height: int = 480
    width: int = 640
    focal: float = 10.8
    exposure: float = 0.008


@dataclasses.dataclass(frozen=True)
class View:
    """Where the sign is, as seen from the camera, and how bright the frame is.

    Attributes
    ----------
    distance, lateral : float
        Metres along the optical axis before the pan, and to the side of it: the camera
        turns to the sign, so `lateral` shows as the yaw of the plate.
    roll, tilt : float
        Radians; how the plate hangs.
    aim : tuple of float
        Where the plate's centre lands, as fractions of the frame height from its centre.
    drift : tuple of float
        Image motion in frame heights a second.
    brightness, contrast : float
        Exposure error: output = contrast * (input - 128) + 128 + brightness.
    size : float
        Diameter of the plate in metres.
    """

    distance: float
    lateral: float
    roll: float = 0.0
    tilt: float = 0.0
    aim: tuple[float, float] = (0.0, 0.0)
    drift: tuple[float, float] = (0.0, 0.0)
    brightness: float = 0.0
    contrast: float = 1.0
    size: float = 0.7


def plate_homography(camera: Camera, view: View, face_size: int) -> np.ndarray:
    """Return the homography from face pixels to frame pixels, float64 [3, 3]."""
    yaw = np.arctan2(view.lateral, view.distance)
    reach = np.hypot(view.distance, view.lateral)
    roll = cv2.Rodrigues(np.array([0.0, 0.0, view.roll]))[0]
    turn = cv2.Rodrigues(np.array([0.0, yaw, 0.0]))[0]
    tilt = cv2.Rodrigues(np.array([view.tilt, 0.0, 0.0]))[0]
    pose = turn @ tilt @ roll
    focal = camera.focal * camera.height
    intrinsics = np.array(
        [
            [focal, 0.0, camera.width / 2 + view.aim[0] * camera.height],
            [0.0, focal, camera.height / 2 + view.aim[1] * camera.height],
            [0.0, 0.0, 1.0],
        ]
    )
    to_metres = np.diag([view.size / face_size, view.size / face_size, 1.0])
    to_metres[:2, 2] = -view.size / 2
    plane = np.column_stack([pose[:, 0], pose[:, 1], [0.0, 0.0, reach]])
    return intrinsics @ plane @ to_metres


def _motion_blur(image: np.ndarray, dx: float, dy: float) -> np.ndarray:
    length = int(np.ceil(np.hypot(dx, dy)))
    if length < 2:
        return image
    kernel = np.zeros((2 * (length // 2) + 1,) * 2, np.float32)
    middle = length // 2
    half = (round(dx / 2), round(dy / 2))
    start, end = (middle - half[0], middle - half[1]), (middle + half[0], middle + half[1])
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def render(
    camera: Camera,
    view: View,
    label: str,
    background: np.ndarray,
    wear: np.ndarray,
    rng: np.random.Generator,
    noise: float = 3.0,
) -> np.ndarray:
    """Render one frame.

    Parameters
    ----------
    camera, view : Camera, View
        Geometry and exposure.
    label : str
        The sign, one of `signs.DRAWABLE_LABELS`.
    background : numpy.ndarray
        float32 RGB [height, width, 3] in [0, 255].
    wear : numpy.ndarray
        Factor on the face, [face, face, 1].
    rng : numpy.random.Generator
        Source of the sensor noise.
    noise : float
        Standard deviation of the read noise in grey levels; shot noise comes on top.

    Returns
    -------
    numpy.ndarray
        uint8 RGB [height, width, 3].
    """
    face = sign_face(label)
    homography = plate_homography(camera, view, face.shape[0])
    painted = np.dstack([face[..., :3] * wear, face[..., 3]]).astype(np.float32)
    # Shrinking by a homography alone would alias: blur the face to the frame's scale first.
    edge = np.array([[[0.0, 0.0], [face.shape[0], 0.0]]])
    corner, far = cv2.perspectiveTransform(edge, homography)[0]
    shrink = face.shape[0] / max(1.0, float(np.hypot(*(far - corner))))
    if shrink > 1.0:
        painted = cv2.GaussianBlur(painted, (0, 0), 0.5 * shrink)
    warped = cv2.warpPerspective(painted, homography, (camera.width, camera.height))
    alpha = warped[..., 3:] / 255.0
    image = background * (1 - alpha) + warped[..., :3] * alpha
    motion = camera.height * camera.exposure
    image = _motion_blur(image, view.drift[0] * motion, view.drift[1] * motion)
    image = np.clip(view.contrast * (image - 128) + 128 + view.brightness, 0, 255)
    deviation = np.sqrt(noise**2 + 0.05 * image)
    image = image + deviation * rng.standard_normal(image.shape, np.float32)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def random_wear(surroundings: Surroundings, rng: np.random.Generator, label: str) -> np.ndarray:
    """Draw the wear of one physical sign, a factor [face, face, 1]."""
    size = sign_face(label).shape[0]
    return surroundings.wear(rng, size, size)
