# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Raw camera images to 8-bit RGB: the encodings of REP 118 and ``sensor_msgs/image_encodings``.

Choices the standards leave open:

* ``8UC1`` and ``8UC3`` carry no colour meaning; they are read as mono8 and, in OpenCV's order,
  bgr8.
* Alpha is dropped, not blended.
* 16 bits become 8 by ``round(v / 257)``, so that 0 is 0 and 65535 is 255 and each level is equally
  wide (``v >> 8`` would be off by up to one level).
* YUV is BT.601 of limited range (16 to 235), as OpenCV converts it and as most cameras send it.
* nv12 and nv21: ``height`` is that of the image; ``data`` holds height * 3 / 2 rows, luma first,
  all ``step`` bytes apart.
* ROS names a Bayer pattern by its first row and then its second, like OpenCV's four-letter names
  (``COLOR_BayerRGGB2RGB``); OpenCV's two-letter ones start at the second row and column.
"""

import math
import operator
from dataclasses import dataclass

import cv2
import numpy as np

from .errors import InvalidFrame, UnsupportedEncoding, check_pixels, quoted
from .frame import Frame

DEFAULT_MAX_PIXELS = 33_554_432
"""Most pixels a frame may have: above 8K UHD (7680 x 4320 is 33,177,600)."""

GREY_GAIN = math.sqrt(3.0)
"""Largest singular value of copying one channel to three."""


@dataclass(frozen=True)
class Encoding:
    """How the bytes of one encoding become RGB.

    Attributes
    ----------
    channels, bytes_per_channel : int
        Of one pixel in a row of the first plane.
    conversion : int or None
        Code for ``cv2.cvtColor``; None where the bytes are RGB already.
    sensor_gain : float
        See :class:`Frame`. NaN where the chain to RGB is not the linear map the claim needs.
    least_side : int
        Smallest height and width OpenCV converts; below 3 its demosaicing gives black.
    even_width, even_height : bool
        Whether chroma is shared by two columns or two rows. With `even_height` the data also holds
        half as many rows again, for the chroma.
    """

    channels: int
    conversion: int | None
    sensor_gain: float
    bytes_per_channel: int = 1
    least_side: int = 1
    even_width: bool = False
    even_height: bool = False


_GREY = Encoding(1, cv2.COLOR_GRAY2RGB, GREY_GAIN)
_BGR = Encoding(3, cv2.COLOR_BGR2RGB, 1.0)
_UYVY = Encoding(2, cv2.COLOR_YUV2RGB_UYVY, math.nan, even_width=True)
_YUYV = Encoding(2, cv2.COLOR_YUV2RGB_YUY2, math.nan, even_width=True)

ENCODINGS = {
    "rgb8": Encoding(3, None, 1.0),
    "bgr8": _BGR,
    "rgba8": Encoding(4, cv2.COLOR_RGBA2RGB, 1.0),
    "bgra8": Encoding(4, cv2.COLOR_BGRA2RGB, 1.0),
    "mono8": _GREY,
    "mono16": Encoding(1, cv2.COLOR_GRAY2RGB, math.nan, bytes_per_channel=2),
    "8UC1": _GREY,
    "8UC3": _BGR,
    "bayer_rggb8": Encoding(1, cv2.COLOR_BayerRGGB2RGB, math.nan, least_side=3),
    "bayer_bggr8": Encoding(1, cv2.COLOR_BayerBGGR2RGB, math.nan, least_side=3),
    "bayer_gbrg8": Encoding(1, cv2.COLOR_BayerGBRG2RGB, math.nan, least_side=3),
    "bayer_grbg8": Encoding(1, cv2.COLOR_BayerGRBG2RGB, math.nan, least_side=3),
    "yuv422": _UYVY,
    "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV,
    "yuyv": _YUYV,
    "nv12": Encoding(1, cv2.COLOR_YUV2RGB_NV12, math.nan, even_width=True, even_height=True),
    "nv21": Encoding(1, cv2.COLOR_YUV2RGB_NV21, math.nan, even_width=True, even_height=True),
}
"""Supported encodings by name."""


def decode_image(
    data,
    *,
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Frame:
    """Decode the fields of a ``sensor_msgs/Image`` to RGB.

    Parameters
    ----------
    data : bytes-like
        C-contiguous buffer (bytes, array.array, memoryview, uint8 ndarray) of ``step * rows``
        bytes; only the padding after the last row may be absent.
    encoding : str
        A key of :data:`ENCODINGS`.
    height, width : int
        Pixels of the image.
    step : int
        Bytes from one row to the next; at least a row's own.
    is_bigendian : bool
        Byte order of 16-bit values.
    max_pixels : int
        Most pixels accepted (parameter ``input.max_pixels``); checked before the data is read.

    Returns
    -------
    Frame
        For rgb8 `rgb` is a view of `data`: it changes if the buffer is changed.

    Raises
    ------
    UnsupportedEncoding
        If `encoding` is not in the table; checked first.
    InvalidFrame
        If sizes, step and data do not fit together, or the image is over `max_pixels`.
    """
    row_format = ENCODINGS.get(encoding)
    if row_format is None:
        raise UnsupportedEncoding(
            f"image encoding {quoted(encoding)} is not supported; set the camera to one of "
            + ", ".join(ENCODINGS)
        )
    # Products of fixed-width NumPy integers could wrap around below the limit.
    height, width, step = map(operator.index, (height, width, step))
    check_pixels(height, width, max_pixels)
    _check_sides(encoding, row_format, height, width)
    rows = _rows(data, encoding, row_format, height, width, step)
    if row_format.bytes_per_channel == 2:
        rows = _eight_bits_of(rows, is_bigendian)
    if row_format.channels > 1:
        rows = rows.reshape(height, width, row_format.channels)  # a view: a row is contiguous
    rgb = rows if row_format.conversion is None else cv2.cvtColor(rows, row_format.conversion)
    return Frame(rgb, encoding, row_format.sensor_gain)


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """uint16 to uint8 of the same shape by ``round(v / 257)``: exact, since no v lies on a tie."""
    return cv2.convertScaleAbs(values, alpha=1.0 / 257.0)


def _check_sides(encoding: str, row_format: Encoding, height: int, width: int) -> None:
    size = f"{encoding} image of {height} rows by {width} columns"
    if min(height, width) < row_format.least_side:
        raise InvalidFrame(
            f"{size} is too small: a colour filter mosaic needs at least "
            f"{row_format.least_side} by {row_format.least_side}"
        )
    if row_format.even_width and width % 2:
        raise InvalidFrame(f"{size}: the width must be even, since two columns share their chroma")
    if row_format.even_height and height % 2:
        raise InvalidFrame(f"{size}: the height must be even, since two rows share their chroma")


def _rows(
    data, encoding: str, row_format: Encoding, height: int, width: int, step: int
) -> np.ndarray:
    """View of the pixel bytes, uint8 [rows of all planes, bytes of a row], without the padding."""
    row_bytes = width * row_format.channels * row_format.bytes_per_channel
    count = height * 3 // 2 if row_format.even_height else height
    buffer = memoryview(data)
    if buffer.nbytes == 0:
        raise InvalidFrame(f"{encoding} image has no data; check the camera driver")
    if step < row_bytes:
        raise InvalidFrame(
            f"step of {quoted(step)} bytes is less than a row of {width} {encoding} pixels "
            f"({row_bytes} bytes); check the camera driver"
        )
    if not buffer.c_contiguous or buffer.nbytes not in (
        step * count,
        step * (count - 1) + row_bytes,
    ):
        raise InvalidFrame(
            f"{encoding} image of {height} rows by {width} columns with a step of {quoted(step)} "
            f"needs {quoted(step * count)} contiguous bytes of data, got {buffer.nbytes}; "
            "check height, step and truncation"
        )
    return np.ndarray((count, row_bytes), np.uint8, buffer=buffer, strides=(step, 1))


def _eight_bits_of(rows: np.ndarray, is_bigendian: bool) -> np.ndarray:
    order = ">u2" if is_bigendian else "<u2"
    # Copies only what OpenCV cannot take: padded or misaligned rows, foreign byte order.
    values = np.ascontiguousarray(rows).view(order)
    return to_eight_bits(np.require(values, np.uint16, ("A", "C")))
