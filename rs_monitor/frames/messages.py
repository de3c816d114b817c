# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages, live or recorded, to 8-bit RGB."""

from __future__ import annotations

from typing import Any

from .compressed import decode_compressed
from .encodings import DEFAULT_MAX_PIXELS, decode_image
from .frame import Frame


def decode_message(message: Any, max_pixels: int = DEFAULT_MAX_PIXELS) -> Frame:
    """Decode a ``sensor_msgs/Image`` or a ``sensor_msgs/CompressedImage``.

    Parameters
    ----------
    message : object
        With the fields of either; only the compressed one has `format`.
    max_pixels : int
        Most pixels accepted (parameter ``input.max_pixels``); checked before decoding.

    Raises
    ------
    FrameError
        UnsupportedEncoding or InvalidFrame, with the reason.
    """
    if hasattr(message, "format"):
        return decode_compressed(message.data, format=message.format, max_pixels=max_pixels)
    return decode_image(
        message.data,
        encoding=message.encoding,
        height=message.height,
        width=message.width,
        step=message.step,
        is_bigendian=bool(message.is_bigendian),
        max_pixels=max_pixels,
    )
