# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Drawn objects of everyday classes: what models of others' data can be checked with."""

from __future__ import annotations

import cv2
import numpy as np

_FINE = 256  # pixels a side, before it is averaged down


def draw_ship(side: int) -> np.ndarray:
    """Draw a ship on the sea under a grey sky.

    Parameters
    ----------
    side : int
        Height and width, pixels, at most 256.

    Returns
    -------
    numpy.ndarray
        uint8 RGB [side, side, 3].
    """
    image = np.empty((_FINE, _FINE, 3), np.uint8)
    image[:150], image[150:] = (190, 205, 220), (60, 90, 120)
    hull = np.array([[30, 140], [230, 140], [200, 175], [60, 175]], np.int32)
    cv2.fillPoly(image, [hull], (40, 40, 60))
    cv2.rectangle(image, (90, 105), (170, 140), (235, 235, 235), cv2.FILLED)
    cv2.rectangle(image, (120, 75), (150, 105), (200, 60, 50), cv2.FILLED)
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
