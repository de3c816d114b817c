# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Camera images to what the network takes: decoding to RGB and resizing. NumPy and OpenCV only."""

from .compressed import decode_compressed
from .encodings import DEFAULT_MAX_PIXELS, ENCODINGS, decode_image
from .errors import FrameError, InvalidFrame, UnsupportedEncoding
from .frame import Frame
from .messages import decode_message
from .resize import Region, Resizer, rounding_bound

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "ENCODINGS",
    "Frame",
    "FrameError",
    "InvalidFrame",
    "Region",
    "Resizer",
    "UnsupportedEncoding",
    "decode_compressed",
    "decode_image",
    "decode_message",
    "rounding_bound",
]
