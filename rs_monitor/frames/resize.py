# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Area resize to the network's input: the linear map of ``rs_monitor.certification.geometry``.

``cv2.resize(..., INTER_AREA)`` is not used: it rounds uint8 results, which is not linear, drops
weights below 1e-3, turns bilinear as soon as one axis grows, and takes several times as long at
1920x1080. Here each axis is summed in float32 over the pixels an output pixel covers: first the
rows, where whole rows add up at memory speed, then the columns of what is left.
:func:`rounding_bound` says how far off that is at most.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np

from ..certification.geometry import area_spans
from .errors import InvalidFrame, quoted

# Adding more float32 values than this one by one would show in the sixth digit.
_LONG_SUM = 128
_UNIT = 2.0**-24  # relative error of a float32 operation, at most
_OF_SCALING = 3  # to float32 of the factor, the product with it, and a reserve for float64's


class Region(NamedTuple):
    """Rectangle of the camera frame, in pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int


class Resizer:
    """Resizes frames to `height` x `width` by area, in float32.

    An instance keeps working memory between calls; use one per thread.

    Parameters
    ----------
    height, width : int
        Size of the network's input in pixels; at least 1.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width
        self._source = None
        self._plan(height, width)

    def __call__(
        self, rgb: np.ndarray, roi: Region | tuple[int, int, int, int] | None = None
    ) -> np.ndarray:
        """Resize a frame, or a region of it.

        Parameters
        ----------
        rgb : numpy.ndarray
            uint8 [h, w, 3]; rows may be padded.
        roi : Region or (x, y, width, height), optional
            Part of the frame to take; the whole frame when None.

        Returns
        -------
        numpy.ndarray
            float32 [height, width, 3] in [0, 1], newly allocated.

        Raises
        ------
        InvalidFrame
            If `roi` is empty or not inside the frame, or `rgb` is not uint8 [h, w, 3].
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
            raise InvalidFrame(
                f"resize takes uint8 [h, w, 3], got {quoted(rgb.dtype.name)} {quoted(rgb.shape)}"
            )
        if roi is not None:
            rgb = _crop(rgb, roi)
        height, width = rgb.shape[:2]
        if self._source != (height, width):
            self._plan(height, width)
        if self._rows_first:
            half = self._vertical(rgb.reshape(height, -1)).reshape(self.height, width, 3)
            turned = cv2.transpose(half, dst=self._turned).reshape(width, -1)
            sums = self._to_unit(self._horizontal(turned), height, width)
            return cv2.transpose(sums.reshape(self.width, self.height, 3))
        turned = self._horizontal(cv2.transpose(rgb).reshape(width, -1))
        half = cv2.transpose(turned.reshape(self.width, height, 3)).reshape(height, -1)
        sums = self._to_unit(self._vertical(half), height, width)
        return sums.reshape(self.height, self.width, 3).copy()

    def _to_unit(self, sums: np.ndarray, height: int, width: int) -> np.ndarray:
        sums *= np.float32((self.height / height) * (self.width / width) / 255.0)
        # Rounding may leave a white pixel at 1 + 1e-7.
        return np.minimum(sums, np.float32(1.0), out=sums)

    def _plan(self, height: int, width: int) -> None:
        # Rows that grow are done last, so that nothing between is larger than frame or result.
        self._rows_first = self.height <= height
        self._vertical = _AxisSum(height, self.height)
        self._horizontal = _AxisSum(width, self.width)
        self._turned = np.empty((width, self.height, 3), np.float32) if self._rows_first else None
        self._source = (height, width)


def rounding_bound(src_height: int, src_width: int, dst_height: int, dst_width: int) -> float:
    """Bound how far :class:`Resizer` is off the exact linear map, for any frame.

    Every pixel is a sum of terms that are at least 0, so that each of the k roundings on the way
    of a term (Higham 2002, *Accuracy and Stability of Numerical Algorithms*, section 3.1) changes
    it by a factor within 1 +- 2**-24, and all of them a pixel of at most 1 by at most
    ``k u / (1 - k u)``.

    Parameters
    ----------
    src_height, src_width : int
        Size of the frame, or of the region of interest, in pixels; at least 1.
    dst_height, dst_width : int
        Size of the network's input in pixels; at least 1.

    Returns
    -------
    float
        L2 distance at the network's input, pixel range [0, 1].
    """
    k = _roundings(src_height, dst_height) + _roundings(src_width, dst_width) + _OF_SCALING
    relative = k * _UNIT / (1.0 - k * _UNIT)
    return relative * math.sqrt(3.0 * dst_height * dst_width)


def _roundings(src: int, dst: int) -> int:
    """Roundings of a term that `_AxisSum` adds up, at most."""
    whole = 1 if _is_long(src, dst) else -(-src // dst)
    return whole + 3  # the fraction of an edge and its product, and adding both edges


def _is_long(src: int, dst: int) -> bool:
    return src > _LONG_SUM * dst


class _AxisSum:
    """Sums the rows each output row covers: :func:`area_weights` times src / dst."""

    def __init__(self, src: int, dst: int) -> None:
        spans = area_spans(src, dst)
        self._dst = dst
        self._full = [
            (row, start, stop)
            for row, (start, stop) in enumerate(
                zip(spans.full_start.tolist(), spans.full_stop.tolist(), strict=True)
            )
            if stop > start
        ]
        # Whole-row sums of one tap for all outputs at once, zero fractions included: picking the
        # others out costs more than adding zeros.
        self._edges = [
            (source, fraction.astype(np.float32)[:, None])
            for source, fraction in (
                (spans.head, spans.head_fraction),
                (spans.tail, spans.tail_fraction),
            )
            if fraction.any()
        ]
        self._long = _is_long(src, dst)
        self._sums = np.empty((dst, 0), np.float32)
        self._terms = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """uint8 or float32 [src, m] to float32 [dst, m], valid until the next call."""
        columns = rows.shape[1]
        if self._sums.shape[1] != columns:
            # Kept: fresh pages for megabytes of sums cost more than the sums.
            self._sums = np.empty((self._dst, columns), np.float32)
            self._terms = np.empty_like(self._sums) if self._edges else None
        sums = self._sums
        if len(self._full) < self._dst:
            sums.fill(0.0)
        for row, start, stop in self._full:
            part = rows[start:stop]
            if self._long:
                sums[row] = cv2.reduce(part, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F)
            else:
                cv2.reduce(part, 0, cv2.REDUCE_SUM, sums[row : row + 1], cv2.CV_32F)
        for source, fraction in self._edges:
            np.copyto(self._terms, rows[source])
            self._terms *= fraction
            np.add(sums, self._terms, out=sums)
        return sums


def _crop(rgb: np.ndarray, roi: Region | tuple[int, int, int, int]) -> np.ndarray:
    x, y, width, height = roi
    inside = x >= 0 and y >= 0 and x + width <= rgb.shape[1] and y + height <= rgb.shape[0]
    if width < 1 or height < 1 or not inside:
        raise InvalidFrame(
            f"region of interest (x, y, width, height) = {quoted(tuple(roi))} is not inside the "
            f"frame of {rgb.shape[0]} rows by {rgb.shape[1]} columns; change the parameter "
            "input.roi"
        )
    return rgb[y : y + height, x : x + width]
