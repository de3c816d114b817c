# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What stands behind a sign, and the wear on it: two disjoint families of textures.

A model is trained on `TRAINING` and shown on `DRIVE`, so that a demonstration never
shows it a background, a wear pattern or a seed that its training drew from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

Texture = Callable[[np.random.Generator, int, int], np.ndarray]


def _smooth(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Value noise in [0, 1], float32 [height, width], about `cells` bumps across."""
    coarse = rng.random((max(2, cells * height // width + 2), cells + 2), np.float32)
    return np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)


def _mix(mask: np.ndarray, low: object, high: object) -> np.ndarray:
    low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
    return low + mask[..., None] * (high - low)


def _color(rng: np.random.Generator, low: object, high: object) -> np.ndarray:
    return rng.uniform(np.broadcast_to(low, 3), np.broadcast_to(high, 3)).astype(np.float32)


def _foliage(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    mask = sum(_smooth(rng, height, width, c) / k for k, c in ((1, 5), (2, 14), (3, 40)))
    return _mix(mask / mask.max(), _color(rng, 5, 60), _color(rng, (60, 90, 30), (170, 190, 120)))


def _clouds(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    mask = 0.7 * _smooth(rng, height, width, 3) + 0.3 * _smooth(rng, height, width, 9)
    return _mix(mask, _color(rng, (90, 130, 180), (150, 180, 230)), _color(rng, 190, 250))


def _bricks(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    row = int(rng.integers(height // 14, height // 6))
    y, x = np.mgrid[:height, :width]
    shifted = x + (y // row % 2) * row
    joint = ((y % row) < row // 8) | ((shifted % (2 * row)) < row // 8)
    wall = _mix(_smooth(rng, height, width, 30), _color(rng, 60, 140), _color(rng, 90, 190))
    wall[joint] = _color(rng, 130, 200)
    return wall


def _blocks(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    image = np.full((height, width, 3), _color(rng, 20, 230), np.float32)
    for _ in range(int(rng.integers(4, 14))):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(width // 12, width // 2), rng.integers(height // 12, height // 2)
        color = tuple(float(v) for v in _color(rng, 0, 255))
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), color, -1)
    return image


def _hills(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    sky = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, 1)
    image = _mix(sky, _color(rng, (70, 120, 190), (120, 170, 240)), _color(rng, 180, 245))
    x = np.linspace(0, 2 * np.pi, width)
    for level in np.sort(rng.uniform(0.25, 0.95, 4)):
        ridge = level + 0.06 * np.sin(rng.uniform(0.7, 3) * x + rng.uniform(0, 6.28))
        below = np.arange(height)[:, None] > ridge * height
        image[below] = _color(rng, (30, 50, 25), (110, 130, 90)) * (0.6 + 0.5 * level)
    return image


def _panels(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    tone = _smooth(rng, height, width, 60)
    image = _mix(tone, _color(rng, 95, 130), _color(rng, 140, 185))
    for edge in np.arange(rng.integers(0, width // 4), width, width // int(rng.integers(2, 5))):
        image[:, edge : edge + max(1, width // 90)] *= 0.45
    stain = _smooth(rng, height, width, 6) * np.linspace(1, 0, height)[:, None]
    return image * (1 - 0.5 * stain[..., None])


def _trunks(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    image = _mix(_smooth(rng, height, width, 10), _color(rng, 10, 50), _color(rng, 70, 150))
    for _ in range(int(rng.integers(4, 11))):
        x, thick = rng.uniform(0, width), rng.uniform(0.02, 0.1) * width
        lean = rng.normal(0, 0.04) * width
        points = np.array([[x, 0], [x + thick, 0], [x + thick + lean, height], [x + lean, height]])
        color = tuple(float(v) for v in _color(rng, 30, 200))
        cv2.fillConvexPoly(image, points.astype(np.int32), color)
    return image


def _dirt(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    blotches = np.clip(_smooth(rng, height, width, 7) * 1.6 - rng.uniform(0.7, 1.2), 0, 1)
    return (1 - rng.uniform(0, 0.7) * blotches)[..., None]


def _fading(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.3)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    veil = 1 - strength * (0.5 + 0.5 * (np.cos(angle) * x + np.sin(angle) * y))
    for _ in range(int(rng.integers(0, 6))):
        ends = rng.integers(0, (width, height), (2, 2))
        cv2.line(veil, *(tuple(int(v) for v in end) for end in ends), 0.7, 2)
    return veil[..., None]


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """A family of background and wear textures.

    Attributes
    ----------
    name : str
        Name of the family; it also salts every seed, so families never share a draw.
    backgrounds : tuple of callables
        Each maps (rng, height, width) to a float32 RGB image in [0, 255].
    wear : callable
        Maps (rng, height, width) to a factor [height, width, 1] on a sign's face.
    """

    name: str
    backgrounds: tuple[Texture, ...]
    wear: Texture

    def rng(self, *key: int) -> np.random.Generator:
        """Return a generator for `key` that no other family ever uses."""
        return np.random.default_rng([*self.name.encode(), *key])

    def background(self, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
        """Draw one background, float32 RGB [height, width, 3] in [0, 255]."""
        texture = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
        return np.clip(texture(rng, height, width), 0, 255).astype(np.float32)


TRAINING = Surroundings("training", (_foliage, _clouds, _bricks, _blocks), _dirt)
DRIVE = Surroundings("drive", (_hills, _panels, _trunks), _fading)
