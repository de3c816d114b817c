# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From a radius at the network input to a radius in the camera frame.

The resize from the camera frame to the network input is a separable linear map: every output
pixel is the area average of the source rectangle it covers. This module owns that definition
(:func:`area_spans`); :class:`rs_monitor.frames.Resizer` applies it to pixels, and
:func:`resize_singular_value` says by how much it can stretch a perturbation. For the map A with
largest singular value s, ``||A d|| <= s ||d||`` for every camera-frame perturbation d, so a
radius R at the network input certifies ``R / s`` in the camera frame.

A crop only leaves pixels out: its singular values are at most 1, so for a region of interest the
singular value of the resize *from the region's size* holds for the whole camera frame.
"""

import math
import operator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# Far above the rounding of float64 (about 1e-16): s is never below that of the exact map. What
# float32 adds to it on the way is `frames.resize.rounding_bound`.
_SAFETY = 1.0 + 1e-9


@dataclass(frozen=True, eq=False)
class AreaSpans:
    """Which source pixels each output pixel covers along one axis.

    The arrays are [dst], float64 for the fractions and int64 for the others; lengths are in source
    pixels. Output pixel i covers the whole source pixels ``full_start[i]:full_stop[i]`` (perhaps
    none), the fraction ``head_fraction[i]`` of pixel ``head[i]`` and the fraction
    ``tail_fraction[i]`` of pixel ``tail[i]``; a fraction is 0 where there is no such pixel, and
    below 1 otherwise.
    """

    full_start: np.ndarray
    full_stop: np.ndarray
    head: np.ndarray
    head_fraction: np.ndarray
    tail: np.ndarray
    tail_fraction: np.ndarray


def area_spans(src: int, dst: int) -> AreaSpans:
    """Spans of an area resize of one axis from `src` to `dst` pixels, shrinking or enlarging.

    Output pixel i covers ``[i * src / dst, (i + 1) * src / dst)``. An enlargement thus repeats
    pixels, and mixes the two neighbours where an output pixel straddles a boundary.

    Parameters
    ----------
    src, dst : int
        Number of pixels before and after; at least 1.

    Returns
    -------
    AreaSpans
        Read-only arrays; the positions are computed in integers and are exact.

    Raises
    ------
    ValueError
        If a size is below 1.
    """
    src, dst = _size("src", src), _size("dst", dst)
    # In units of 1 / (src * dst) of the axis a source pixel is dst long, an output pixel src.
    start = np.arange(dst, dtype=np.int64) * src
    stop = start + src
    head, tail = start // dst, (stop - 1) // dst
    full_start, full_stop = -(-start // dst), stop // dst
    head_length = np.where(start % dst > 0, np.minimum((head + 1) * dst, stop) - start, 0)
    # Where the output pixel lies inside one source pixel, the head has counted it already.
    has_tail = (stop % dst > 0) & (full_stop >= full_start)
    spans = AreaSpans(
        full_start=full_start,
        full_stop=np.maximum(full_start, full_stop),
        head=head,
        head_fraction=head_length / dst,
        tail=tail,
        tail_fraction=np.where(has_tail, stop - tail * dst, 0) / dst,
    )
    for array in vars(spans).values():
        array.flags.writeable = False
    return spans


area_spans = lru_cache(maxsize=128)(area_spans)


def area_weights(src: int, dst: int) -> np.ndarray:
    """Matrix of the area resize of one axis: the dense form of :func:`area_spans`.

    Parameters
    ----------
    src, dst : int
        Number of pixels before and after; at least 1.

    Returns
    -------
    numpy.ndarray
        float64 [dst, src], entries in [0, 1], rows that sum to 1.

    Raises
    ------
    ValueError
        If a size is below 1.
    """
    spans = area_spans(src, dst)
    weights = np.zeros((dst, src))
    rows = np.arange(dst)
    for row in rows:
        weights[row, spans.full_start[row] : spans.full_stop[row]] = 1.0
    weights[rows, spans.head] += spans.head_fraction
    weights[rows, spans.tail] += spans.tail_fraction
    return weights * (dst / src)


def resize_singular_value(
    src_height: int, src_width: int, dst_height: int, dst_width: int
) -> float:
    """Largest singular value of the area resize: the most by which it lengthens a perturbation.

    It is the square root of the ratio of the pixel counts. The map is a Kronecker product of the
    two axes; in each the rows sum to 1 and the columns to dst / src, so that
    ``||A||^2 <= ||A||_1 ||A||_inf = dst / src``, which a constant vector attains. Shrinking both
    sides by a factor f thus gives 1 / f, enlarging them gives f.

    Parameters
    ----------
    src_height, src_width : int
        Size of the camera frame, or of the region of interest, in pixels; at least 1.
    dst_height, dst_width : int
        Size of the network input in pixels; at least 1.

    Returns
    -------
    float
        Above 0, and above the true value by a relative 1e-9, never below it.

    Raises
    ------
    ValueError
        If a size is below 1.
    """
    src = _size("src_height", src_height) * _size("src_width", src_width)
    dst = _size("dst_height", dst_height) * _size("dst_width", dst_width)
    return math.sqrt(dst / src) * _SAFETY


def sensor_radius(
    radius: float, singular_value: float, gain: float, rounding: float = 0.0
) -> float:
    """Certified L2 radius in the camera frame, pixel range [0, 1].

    Parameters
    ----------
    radius : float
        Certified L2 radius at the network input, pixel range [0, 1]; at least 0.
    singular_value : float
        Of the resize, from :func:`resize_singular_value`; finite and above 0.
    gain : float
        Largest singular value of the map from the sensor's pixels to RGB (``Frame.sensor_gain``);
        NaN where it is not known.
    rounding : float
        L2 distance, at most, of what the network is given from the exact resize of the frame; at
        least 0. Of the frame and of the changed frame, each may be off by so much.

    Returns
    -------
    float
        ``(radius - 2 rounding) / (singular_value * gain)``, at least 0; NaN ('not claimed') for a
        NaN gain.

    Raises
    ------
    ValueError
        If `radius` or `rounding` is negative or NaN, or a factor is not finite and above 0 (but
        for a NaN gain).
    """
    if not radius >= 0.0:
        raise ValueError(f"radius must be at least 0, got {radius!r}")
    if not (math.isfinite(singular_value) and singular_value > 0.0):
        raise ValueError(f"singular_value must be finite and above 0, got {singular_value!r}")
    if math.isnan(gain):
        return math.nan
    if not (math.isfinite(gain) and gain > 0.0):
        raise ValueError(f"gain must be above 0 and finite, or NaN, got {gain!r}")
    if not rounding >= 0.0:
        raise ValueError(f"rounding must be at least 0, got {rounding!r}")
    return max(0.0, radius - 2.0 * rounding) / (singular_value * gain)


def _size(name: str, value: int) -> int:
    size = operator.index(value)
    if size < 1:
        raise ValueError(f"{name} must be at least 1 pixel, got {size}")
    return size
