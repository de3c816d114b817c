# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How many samples a machine draws in a given time, from a rate or from a measured profile."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from ..certification.checks import check_positive
from .batch_times import read_batch_times

# A whole number of batches must not be missed by rounding.
_ROUNDING = 1e-9

# More batches than this count as so many: a quotient of extremes is infinite.
_MOST_BATCHES = 1e15


@dataclasses.dataclass(frozen=True)
class Speed:
    """Batch sizes and the seconds that a batch takes.

    Attributes
    ----------
    batches : tuple of (int, float)
        Samples and seconds; each frame uses batches of one size.
    source : str
        Where it comes from, for people.
    """

    batches: tuple[tuple[int, float], ...]
    source: str

    def samples(self, seconds: float) -> int:
        """Return the most samples that can be drawn in a time."""
        return max(
            size * math.floor(min(seconds / duration * (1 + _ROUNDING), _MOST_BATCHES))
            for size, duration in self.batches
        )

    def seconds(self, n: int) -> float:
        """Return the least time that n samples take."""
        return min(math.ceil(n / size) * duration for size, duration in self.batches)


def constant_speed(samples_per_second: float) -> Speed:
    """Return the speed of a machine that draws samples one by one.

    Raises
    ------
    ValueError
        For a rate that is not a finite number above 0.
    """
    rate = check_positive("samples_per_second", samples_per_second)
    return Speed(((1, 1 / rate),), f"{rate:g} samples a second")


def read_profile(path: str | Path, resolution: str) -> Speed:
    """Read the JSON of `rs_monitor benchmark`.

    The 99th percentile of a batch's time counts, or the median where there is none. Rows of other
    resolutions are left out; rows that name none count.

    Raises
    ------
    ValueError
        With the file and the reason, for anything that is not such a profile.
    OSError
        When the file cannot be read.
    """
    _, rows = read_batch_times(path)
    chosen = [row for row in rows if row.resolution in (None, resolution)]
    if not chosen:
        there = ", ".join(sorted({str(row.resolution) for row in rows})) or "no rows"
        raise ValueError(f"benchmark {path}: it has no rows of resolution {resolution} ({there})")
    batches = tuple((row.batch, (row.p99_ms or row.median_ms) / 1000) for row in chosen)
    quantile = "99th percentile" if all(row.p99_ms for row in chosen) else "median"
    return Speed(batches, f"{Path(path).name}, {resolution} resolution, {quantile} of a batch")
