# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Drawn traffic lights, as crops of any size in a folder for each class."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

LIGHTS = {"green": (40, 220, 90), "red": (235, 40, 30), "yellow": (240, 200, 30)}


def draw_light(name: str, rng: np.random.Generator) -> np.ndarray:
    """Return a uint8 RGB crop: a dark housing of three lamps, of which one is lit."""
    width = int(rng.integers(12, 40))
    height = int(width * rng.uniform(1.8, 2.6))
    image = np.full((height, width, 3), rng.integers(60, 230, 3), np.uint8)
    margin = max(1, width // 8)
    cv2.rectangle(
        image, (margin, margin), (width - margin, height - margin), (25, 25, 28), cv2.FILLED
    )
    radius = max(2, width // 3)
    for place, lamp in enumerate(("red", "yellow", "green")):
        color = LIGHTS[lamp] if lamp == name else (55, 50, 50)
        center = (width // 2, int(height * (0.22 + 0.28 * place)))
        cv2.circle(image, center, radius, color, cv2.FILLED, cv2.LINE_AA)
    noisy = image * rng.uniform(0.7, 1.1) + rng.normal(0, 6, image.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def write_lights(folder: Path, count: int, seed: int = 0) -> Path:
    """Write `count` JPEG crops, in a folder for each of the three classes."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        name = list(LIGHTS)[index % 3]
        path = folder / name / f"crop_{index:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), cv2.cvtColor(draw_light(name, rng), cv2.COLOR_RGB2BGR))
    return folder
