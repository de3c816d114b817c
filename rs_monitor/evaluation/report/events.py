# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Drawing fewer marks than there are frames without hiding an event."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Runs:
    """Stretches of frames that share something, such as having no certificate.

    Attributes
    ----------
    first, last : numpy.ndarray
        int [M]: positions of the first and the last frame of each.
    start, end : numpy.ndarray
        float [M], seconds: of the first frame, and of the frame after the last one (of the last
        one where none follows).
    frames : numpy.ndarray
        int [M]: how many frames in first..last have it; fewer than all where runs were joined.
    """

    first: np.ndarray
    last: np.ndarray
    start: np.ndarray
    end: np.ndarray
    frames: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def runs(seconds: np.ndarray, flags: np.ndarray, *, join: float = 0.0) -> Runs:
    """Find the stretches of consecutive frames that are flagged.

    Parameters
    ----------
    seconds : numpy.ndarray
        float [N], ascending.
    flags : numpy.ndarray
        bool [N].
    join : float
        Seconds: stretches that are closer than this become one, whose `frames` still counts the
        flagged frames only. No flagged frame is ever outside all stretches.
    """
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    first, stop = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if join > 0 and len(first) > 1:
        apart = seconds[first[1:]] - seconds[stop[:-1] - 1] >= join
        first, stop = first[np.r_[True, apart]], stop[np.r_[apart, True]]
    counts = np.concatenate([[0], np.cumsum(flags)])
    after = np.minimum(stop, len(seconds) - 1)
    return Runs(first, stop - 1, seconds[first], seconds[after], counts[stop] - counts[first])


@dataclass(frozen=True)
class Envelope:
    """Values over time, each point standing for the frames of one interval.

    Attributes
    ----------
    seconds, low, mean, high : numpy.ndarray
        float [M]: middle of the interval's frames; least, mean and largest of their values.
    frames : numpy.ndarray
        int [M], at least 1; all 1 where nothing was thinned out.
    """

    seconds: np.ndarray
    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray
    frames: np.ndarray


def envelope(seconds: np.ndarray, values: np.ndarray, most: int) -> Envelope:
    """Summarise values over time by at most `most` points, the extremes kept.

    Parameters
    ----------
    seconds : numpy.ndarray
        float [N], ascending.
    values : numpy.ndarray
        float [N], finite.
    most : int
        Up to this many values are left as they are; more are put into as many equal intervals
        of time, of which empty ones are left out.
    """
    if len(values) <= most:
        return Envelope(seconds, values, values, values, np.ones(len(values), dtype=np.int64))
    span = max(float(seconds[-1] - seconds[0]), np.finfo(float).tiny)
    interval = np.minimum(((seconds - seconds[0]) / span * most).astype(np.int64), most - 1)
    starts = np.flatnonzero(np.r_[True, np.diff(interval) > 0])
    frames = np.diff(np.r_[starts, len(values)])
    return Envelope(
        np.add.reduceat(seconds, starts) / frames,
        np.minimum.reduceat(values, starts),
        np.add.reduceat(values, starts) / frames,
        np.maximum.reduceat(values, starts),
        frames,
    )
