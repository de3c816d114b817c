# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG camera images (``sensor_msgs/CompressedImage``) to 8-bit RGB."""

import math
import re

import cv2
import numpy as np

from .encodings import DEFAULT_MAX_PIXELS, GREY_GAIN, to_eight_bits
from .errors import InvalidFrame, UnsupportedEncoding, quoted
from .frame import Frame
from .headers import image_header

# Three channels at the file's own depth, with pixels where the sensor put them: no EXIF rotation.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION

# Progressive encoders write about ten scans; each takes a pass over the whole image.
_MOST_PASSES = 16


def decode_compressed(data, *, format: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Frame:
    """Decode the fields of a ``sensor_msgs/CompressedImage`` to RGB.

    Alpha is dropped; 16 bits become 8 as in :func:`decode_image`; EXIF orientation is ignored. A
    file whose coded data was damaged in the middle may still decode: libjpeg repairs it silently.

    Parameters
    ----------
    data : bytes-like
        A whole JPEG or still PNG file. Its first bytes decide which of the two it is.
    format : str
        The message's ``format``: ``jpeg``, ``png``, ``CODEC compressed ...`` or
        ``ENCODING; CODEC compressed ...``, with either codec; empty is accepted.
    max_pixels : int
        Most pixels accepted (parameter ``input.max_pixels``); checked before decoding.

    Returns
    -------
    Frame
        Of encoding ``jpeg`` or ``png``. Its `sensor_gain` is for the decoded 8-bit image alone,
        not for the sensor before compression; NaN for 16 bits.

    Raises
    ------
    UnsupportedEncoding
        If `format` names another codec (tiff, compressedDepth, h264, ...); checked first.
    InvalidFrame
        If the data is empty, corrupt, truncated, animated or over `max_pixels`.
    """
    _check_format(format)
    content = data if isinstance(data, bytes) else bytes(memoryview(data))
    kind, header, content = image_header(content, max_pixels)
    if header.height * header.width * header.passes > _MOST_PASSES * max_pixels:
        raise InvalidFrame(
            f"{kind} of {header.height} rows by {header.width} columns in {header.passes} scans "
            f"takes too long to decode: at most {_MOST_PASSES} times {max_pixels} pixels are "
            "gone over; set the camera to baseline JPEG"
        )
    rgb = _decode(content, kind)
    if rgb.shape != (header.height, header.width, 3):
        raise InvalidFrame(
            f"corrupt {kind}: the header says {header.height} rows by {header.width} columns, the "
            f"data {rgb.shape[0]} by {rgb.shape[1]}; check the camera's encoder"
        )
    gain = GREY_GAIN if header.channels == 1 else 1.0
    return Frame(rgb, kind, gain if header.bits <= 8 else math.nan)


def _check_format(format: str) -> None:
    # "ENCODING; CODEC compressed ..." as image_transport writes it, or just "CODEC".
    codec = re.match(r"\W*(\w*)", format.rpartition(";")[2]).group(1).lower()
    if format.strip() and codec not in ("jpeg", "jpg", "png"):
        raise UnsupportedEncoding(
            f"compressed image format {quoted(format)} is not supported; set the camera to "
            "jpeg or png"
        )


def _decode(content: bytes, kind: str) -> np.ndarray:
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), _FLAGS)
    except cv2.error:  # what OpenCV throws, rather than returns, differs between its versions
        bgr = None
    if bgr is None:
        raise InvalidFrame(f"corrupt {kind}: it cannot be decoded; check the camera's encoder")
    if bgr.dtype == np.uint16:
        bgr = to_eight_bits(bgr)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB, dst=bgr)
