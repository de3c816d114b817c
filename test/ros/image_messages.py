# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages as cameras send them."""

from __future__ import annotations

import array
import time
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from color_model import plain
from sensor_msgs.msg import Image


def now() -> Time:
    """Return the time of the clock that stamps images."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return Time(sec=seconds, nanosec=rest)


def image(color: str = "green", height: int = 12, width: int = 16, **fields: Any) -> Image:
    """Return a plain rgb8 image with the colour in its strongest channel; fields override."""
    return image_of(plain(color, height, width), **{"encoding": "rgb8", **fields})


def image_of(rows: np.ndarray, encoding: str, padding: int = 0, **fields: Any) -> Image:
    """Return an image message of these pixels, with `padding` bytes after each row."""
    height, width = rows.shape[:2]
    flat = np.ascontiguousarray(rows).view(np.uint8).reshape(height, -1)
    flat = np.pad(flat, ((0, 0), (0, padding)), constant_values=255)
    values = {
        "height": height,
        "width": width,
        "encoding": encoding,
        "step": flat.shape[1],
        "data": array.array("B", flat.tobytes()),
    } | fields
    return Image(**values)
