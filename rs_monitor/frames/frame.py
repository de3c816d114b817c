# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A decoded camera frame."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Frame:
    """A camera frame as 8-bit RGB.

    Attributes
    ----------
    rgb : numpy.ndarray
        uint8 [height, width, 3], read-only, range 0 to 255. It may be a view of the message's own
        buffer, with rows further apart than width * 3 bytes.
    encoding : str
        The encoding it came in: a name of ``sensor_msgs/image_encodings``, ``jpeg`` or ``png``.
    sensor_gain : float
        Largest singular value of the map from the sensor's pixels to `rgb`, both in [0, 1]: 1 for
        colour, sqrt(3) for one channel copied to three, NaN where no value is claimed.
    """

    rgb: np.ndarray
    encoding: str
    sensor_gain: float

    def __post_init__(self) -> None:
        view = self.rgb.view()  # leaves the caller's array as it is
        view.flags.writeable = False
        object.__setattr__(self, "rgb", view)

    @property
    def height(self) -> int:
        """Rows."""
        return self.rgb.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.rgb.shape[1]
