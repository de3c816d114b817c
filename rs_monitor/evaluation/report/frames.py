# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The rows of frames.parquet: all of one sweep point, only the radii of the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ...certification import Status

MISSING = "MISSING"  # live only, and no Status: no certificate came for this frame
SUPERSEDED = "SUPERSEDED"  # nor here: a newer frame took its place before it was looked at
_CERTIFIED = Status.CERTIFIED.name
_ANSWERS = (_CERTIFIED, Status.ABSTAINED.name)
_ROWS_AT_A_TIME = 16384
_MOST_LETTERS = 120  # of a recording's name
_NEEDED = ("bag", "topic", "index", "log_time_ns", "status", "radius", "point")
_MAIN = {  # what the report uses of a frame, and what stands where a column is missing
    "bag": "",
    "topic": "",
    "index": -1,
    "log_time_ns": 0,
    "status": "",
    "reason": "",
    "class_name": "",
    "label": -1,
    "label_name": "",
    "correct": False,
    "radius": 0.0,
    "radius_cap": np.nan,
    "n_used": 0,
    "thumbnail": "",
    "latency_ms": np.nan,
    "processing_time_ns": 0,
    "missing": False,
    "superseded": False,
}
_COLUMNS = {**_MAIN, "point": -1}


class ReportError(ValueError):
    """No report can be made of this folder; the message says why."""


@dataclass(frozen=True, order=True)
class Point:
    """One sweep point: samples asked for (0: as many as fit), noise, resolution."""

    n: int
    sigma: float
    resolution: str


@dataclass(frozen=True)
class Curve:
    """Radii of one sweep point, from which certified accuracy follows.

    Attributes
    ----------
    radii : numpy.ndarray
        float [M], ascending: of the frames certified (as the true class, where labels are known).
    frames : int
        Frames that the share refers to: those with a label, or all where no frame has one.
    n_used : float
        Median n of the certificates and abstentions; NaN without any.
    """

    radii: np.ndarray
    frames: int
    n_used: float

    def share(self, radius: np.ndarray) -> np.ndarray:
        """Return the share of frames, in [0, 1], certified at each radius or beyond."""
        beyond = len(self.radii) - np.searchsorted(self.radii, radius, side="left")
        return beyond / max(1, self.frames)


class Frames:
    """Every frame of one sweep point, each recording's in the order of time.

    Parameters
    ----------
    columns : dict of str to numpy.ndarray
        The columns of frames.parquet that the report uses, [N] each.

    Attributes
    ----------
    sources : list of (str, str)
        Bag and topic of each recording.
    source : numpy.ndarray
        int [N], into `sources`.
    seconds : numpy.ndarray
        float [N], since the recording's first frame.
    status : numpy.ndarray
        str [N]: the status's name, or MISSING, or SUPERSEDED.
    certified, labelled, wrong : numpy.ndarray
        bool [N]; wrong: certified as another class than its label.
    """

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        names = list(zip(columns["bag"].tolist(), columns["topic"].tolist()))
        self.sources: list[tuple[str, str]] = sorted(set(names))
        code = {name: index for index, name in enumerate(self.sources)}
        source = np.array([code[name] for name in names], dtype=np.int64)
        time = columns["log_time_ns"].astype(np.int64)
        order = np.lexsort((columns["index"], time, source))
        self._columns = {name: values[order] for name, values in columns.items()}
        self.source = source[order]
        starts = np.searchsorted(self.source, np.arange(len(self.sources)))
        self.seconds = (time[order] - time[order][starts][self.source]) / 1e9
        status = np.where(self["missing"], MISSING, self["status"])
        self.status = np.where(self["missing"] & self["superseded"], SUPERSEDED, status)
        self.certified = self.status == _CERTIFIED
        self.labelled = self["label"] >= 0
        self.wrong = self.certified & self.labelled & ~self["correct"]

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column of frames.parquet, in the order of the frames."""
        return self._columns[name]

    def __len__(self) -> int:
        return len(self.source)

    def of(self, source: int) -> slice:
        """Return where the frames of a recording are."""
        return slice(*np.searchsorted(self.source, [source, source + 1]).tolist())

    def interval(self) -> float:
        """Return the median time between frames of a recording in seconds; NaN without any."""
        apart = np.diff(self.seconds)[np.diff(self.source) == 0]
        apart = apart[apart > 0]
        return float(np.median(apart)) if len(apart) else np.nan

    def title(self, source: int) -> str:
        """Name a recording by bag and topic; without folders unless two bags look alike."""
        bag, topic = self.sources[source]
        short = PurePath(bag).name
        if len({path for path, _ in self.sources if PurePath(path).name == short}) > 1:
            short = bag
        name = " ".join(part for part in (short, topic) if part) or "unnamed recording"
        return name if len(name) <= _MOST_LETTERS else f"{name[:70]}...{name[-30:]}"


def read_frames(
    path: Path, points: Sequence[Point], main: Point
) -> tuple[Frames, dict[Point, Curve], bool]:
    """Read frames.parquet, a part at a time.

    Parameters
    ----------
    path : Path
    points : sequence of Point
        In the order of the column `point`.
    main : Point
        Of which every frame is kept.

    Returns
    -------
    frames : Frames
    curves : dict of Point to Curve
    labelled : bool
        True if the class of at least one frame is known.

    Raises
    ------
    ReportError
        When the file is missing, unreadable, lacks a column or has one of another type, holds a
        radius that is none, or has no row of `main`.
    ImportError
        Where pyarrow is not installed.
    """
    import pyarrow
    import pyarrow.parquet

    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ReportError(f"cannot read {path}: it is not a regular file")
    kept: dict[str, list[np.ndarray]] = defaultdict(list)
    tallies = {point: _Tally() for point in points}
    try:
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            wanted = _columns(file.schema_arrow, path)
            for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=wanted):
                columns = _arrays(batch)
                radius = columns["radius"]
                if not np.all((radius >= 0) & (radius < np.inf)):
                    raise ReportError(f"{path} holds a radius that is none")
                for index, (point, tally) in enumerate(tallies.items()):
                    rows = columns["point"] == index
                    if rows.any():
                        part = {name: values[rows] for name, values in columns.items()}
                        tally.add(part)
                        if point == main:
                            for name, values in part.items():
                                kept[name].append(values)
    except (OSError, pyarrow.ArrowException) as error:
        raise ReportError(f"cannot read {path}: {' '.join(str(error).split())}") from error
    if not kept:
        raise ReportError(
            f"{path} has no frame at n {main.n}, sigma {main.sigma:g}, {main.resolution}"
        )
    frames = Frames({name: np.concatenate(parts) for name, parts in kept.items()})
    labelled = any(tally.labelled for tally in tallies.values())
    return frames, {point: tally.curve(labelled) for point, tally in tallies.items()}, labelled


def _columns(schema: Any, path: Path) -> list[str]:
    """Return the names of the columns to read.

    Raises
    ------
    ReportError
        When one is missing, there twice, or of another type.
    """
    from pyarrow import types

    lacking = [name for name in _NEEDED if name not in schema.names]
    if lacking:
        raise ReportError(f"{path} lacks the columns {', '.join(lacking)}")
    tests = {
        str: (types.is_string, types.is_large_string),
        bool: (types.is_boolean,),
        int: (types.is_integer,),
        float: (types.is_floating, types.is_integer),
    }
    wanted = sorted({*schema.names} & {*_COLUMNS})
    for name in wanted:
        kind = type(_COLUMNS[name])
        indices = schema.get_all_field_indices(name)
        if len(indices) > 1:
            raise ReportError(f"{path} has the column {name} {len(indices)} times")
        given = schema.field(indices[0]).type
        if not any(test(given) for test in (*tests[kind], types.is_null)):
            raise ReportError(f"{path}: column {name} holds {given}, not {kind.__name__}")
    return wanted


def _arrays(batch: Any) -> dict[str, np.ndarray]:
    """Return the columns of a batch, with the value of `_MAIN` for null and for no column."""
    arrays = {}
    for name, otherwise in _COLUMNS.items():
        if name not in batch.schema.names:
            arrays[name] = np.full(batch.num_rows, otherwise, dtype=_dtype(otherwise))
            continue
        values = batch.column(name).to_numpy(zero_copy_only=False)
        if values.dtype == object:
            values = np.array([otherwise if v is None else v for v in values.tolist()])
        elif values.dtype.kind == "f" and not isinstance(otherwise, float):
            values = np.where(np.isnan(values), otherwise, values)  # integers with nulls
        arrays[name] = values.astype(_dtype(otherwise), copy=False)
    return arrays


def _dtype(value: Any) -> Any:
    return object if isinstance(value, str) else np.asarray(value).dtype


class _Tally:
    """What is kept of the rows of one sweep point."""

    def __init__(self) -> None:
        self.frames = self.labelled = 0
        self._radii: dict[bool, list[np.ndarray]] = {False: [], True: []}
        self._n_used: list[np.ndarray] = []

    def add(self, columns: dict[str, np.ndarray]) -> None:
        known = columns["label"] >= 0
        certified = (columns["status"] == _CERTIFIED) & ~columns["missing"]
        self.frames += len(known)
        self.labelled += int(known.sum())
        self._radii[False].append(columns["radius"][certified])
        self._radii[True].append(columns["radius"][certified & columns["correct"]])
        self._n_used.append(columns["n_used"][np.isin(columns["status"], _ANSWERS)])

    def curve(self, labelled: bool) -> Curve:
        radii = np.sort(np.concatenate([np.empty(0), *self._radii[labelled]]))
        n_used = np.concatenate([np.empty(0), *self._n_used])
        frames = self.labelled if labelled else self.frames
        return Curve(radii, frames, float(np.median(n_used)) if len(n_used) else np.nan)
