# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How many samples a machine draws in a given time, from a rate or from a measured profile."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

from ..certification.checks import check_positive

# A whole number of batches must not be missed by rounding.
_ROUNDING = 1e-9


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
            size * math.floor(seconds / duration * (1 + _ROUNDING))
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

    Each row holds `batch` and `p99_ms`, or `median_ms` where there is no p99, and may name its
    `resolution`; rows of other resolutions are left out.

    Raises
    ------
    ValueError
        With the file and the reason, for anything that is not such a profile.
    OSError
        When the file cannot be read.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = document["rows"] if isinstance(document, dict) and "rows" in document else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("it has no list of rows")
        chosen = [row for row in rows if row.get("resolution", resolution) == resolution]
        if not chosen:
            there = ", ".join(sorted({str(row.get("resolution")) for row in rows})) or "no rows"
            raise ValueError(f"it has no rows of resolution {resolution} ({there})")
        batches = tuple(_batch(row, index) for index, row in enumerate(chosen))
    except UnicodeDecodeError as error:
        raise ValueError(f"latency profile {path}: it is not text") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"latency profile {path}: it is not JSON: {error}") from error
    except ValueError as error:
        raise ValueError(f"latency profile {path}: {error}") from error
    quantile = "99th percentile" if all("p99_ms" in row for row in chosen) else "median"
    return Speed(batches, f"{Path(path).name}, {resolution} resolution, {quantile} of a batch")


def _batch(row: dict, index: int) -> tuple[int, float]:
    size = row.get("batch")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"row {index}: batch must be an integer from 1 on, got {size!r}")
    name = "p99_ms" if "p99_ms" in row else "median_ms"
    return size, check_positive(f"row {index}: {name}", row.get(name)) / 1000
