# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The JSON of `rs_monitor benchmark`: how long batches take."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ..certification.checks import MAX_SAMPLES, check_positive
from ..files import read_file

_MAX_BYTES = 1 << 24


@dataclasses.dataclass(frozen=True)
class BatchTime:
    """A row of a benchmark.

    Attributes
    ----------
    batch : int
        Samples, at least 1.
    resolution : str or None
        None where the row does not tell.
    median_ms, p99_ms : float or None
        Milliseconds, above 0; at least one is there.
    """

    batch: int
    resolution: str | None
    median_ms: float | None
    p99_ms: float | None


def read_batch_times(path: str | Path) -> tuple[dict[str, Any], list[BatchTime]]:
    """Read a benchmark.

    Returns
    -------
    document : dict
        The whole of it.
    rows : list of BatchTime

    Raises
    ------
    ValueError
        With the file, the row and the reason, for anything that is not a benchmark.
    OSError
        When the file cannot be read.
    """
    try:
        document = json.loads(read_file(path, _MAX_BYTES).decode("utf-8"))
        return document, batch_times(document)
    except UnicodeDecodeError as error:
        raise ValueError(f"benchmark {path}: it is not text") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"benchmark {path}: it is not JSON: {error}") from error
    except ValueError as error:
        raise ValueError(f"benchmark {path}: {error}") from error


def batch_times(document: Any) -> list[BatchTime]:
    """Return the rows of a benchmark's document.

    Raises
    ------
    ValueError
        With the row and the reason, for anything that is not a benchmark.
    """
    rows = document.get("rows") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it has no list of rows")
    return [_batch_time(row, index) for index, row in enumerate(rows)]


def _batch_time(row: dict[str, Any], index: int) -> BatchTime:
    batch = row.get("batch")
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise ValueError(f"row {index}: batch must be an integer from 1 on, got {batch!r}")
    if batch > MAX_SAMPLES:
        raise ValueError(f"row {index}: batch must be at most {MAX_SAMPLES}, it is above")
    needed = {"median_ms"} if row.get("p99_ms") is None else {"p99_ms"}
    median, late = (
        check_positive(f"row {index}: {name}", row.get(name))
        if name in needed or row.get(name) is not None
        else None
        for name in ("median_ms", "p99_ms")
    )
    resolution = row.get("resolution")
    return BatchTime(batch, None if resolution is None else str(resolution), median, late)
