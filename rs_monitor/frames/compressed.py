# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG camera images (``sensor_msgs/CompressedImage``) to 8-bit RGB."""

import math
import re

import cv2
import numpy as np

from .encodings import DEFAULT_MAX_PIXELS, ENCODINGS, GREY_GAIN, decode_image, to_eight_bits
from .errors import InvalidFrame, UnsupportedEncoding, quoted
from .frame import Frame
from .headers import ImageHeader, image_header

# Three channels at the file's own depth, with pixels where the sensor put them: no EXIF rotation.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION

# Progressive encoders write about ten scans; each takes a pass over the whole image.
_MOST_PASSES = 16


def decode_compressed(data, *, format: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Frame:
    """Decode the fields of a ``sensor_msgs/CompressedImage`` to RGB.

    Alpha is dropped; 16 bits become 8 as in :func:`decode_image`; EXIF orientation is ignored. A
    file whose coded data was damaged in the middle may still decode: libjpeg repairs it silently.
    One channel of a Bayer encoding is the mosaic, as image_transport sends it; a PNG of it is
    demosaiced.

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
        not for the sensor before compression; NaN for 16 bits and for a mosaic.

    Raises
    ------
    UnsupportedEncoding
        If `format` names another codec (tiff, compressedDepth, h264, ...); checked first. If the
        file is a mosaic in JPEG, which blurs the colours into each other, or not one of 8 bits.
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
    mosaic = _mosaic(format, kind, header)
    rgb = _decode(content, kind)
    if rgb.shape != (header.height, header.width, 3):
        raise InvalidFrame(
            f"corrupt {kind}: the header says {header.height} rows by {header.width} columns, the "
            f"data {rgb.shape[0]} by {rgb.shape[1]}; check the camera's encoder"
        )
    if mosaic:
        frame = decode_image(
            np.ascontiguousarray(rgb[..., 0]),
            encoding=mosaic,
            height=header.height,
            width=header.width,
            step=header.width,
            max_pixels=max_pixels,
        )
        return Frame(frame.rgb, kind, frame.sensor_gain)
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


def _mosaic(format: str, kind: str, header: ImageHeader) -> str:
    """Return the encoding of the mosaic that the file is; "" for any other picture."""
    encoding, separator, _ = format.partition(";")
    encoding = encoding.strip()
    if not (separator and encoding.startswith("bayer_") and header.channels == 1):
        return ""
    if kind != "png":
        raise UnsupportedEncoding(
            f"compressed image format {quoted(format)} with one channel is a mosaic that {kind} "
            "has blurred; set the camera to png, or to send colour"
        )
    if encoding not in ENCODINGS or header.bits != 8:
        raise UnsupportedEncoding(
            f"compressed image format {quoted(format)} with {header.bits} bits is not a mosaic of "
            "8 bits; set the camera to one, or to send colour"
        )
    return encoding


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
