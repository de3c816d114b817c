# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What `rs_monitor replay` left in its folder: summary.json and frames.parquet."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...certification import LEAST_N
from ...files import read_file
from .frames import Curve, Frames, Point, ReportError, read_frames

_MAX_BYTES = 1 << 28


@dataclass(frozen=True)
class Results:
    """What a replay measured.

    Attributes
    ----------
    folder : Path
    summary : dict
        summary.json.
    points : dict of Point to dict
        The summary's entry of each sweep point, in its order.
    main : Point
        What the timeline, the thumbnails and the counts show: the first point of the largest n.
    frames : Frames
        Its frames.
    curves : dict of Point to Curve
    labelled : bool
        True if the class of at least one frame is known.
    """

    folder: Path
    summary: dict[str, Any]
    points: dict[Point, dict[str, Any]]
    main: Point
    frames: Frames
    curves: dict[Point, Curve]
    labelled: bool

    def setting(self, name: str, otherwise: Any = None) -> Any:
        """Return what ran, rather than what was asked for; None counts as absent."""
        for place in (self.summary.get("engine"), self.summary.get("settings"), self.summary):
            if isinstance(place, dict) and place.get(name) is not None:
                return place[name]
        return otherwise

    @property
    def expected(self) -> bool:
        """Whether averages below the largest n are expectations over its sub-draws."""
        return self.setting("mode") == "offline" and self.setting("procedure") in LEAST_N

    def member(self) -> dict[str, Any]:
        """Return what is said of the model that `main` was certified with: name, sha256, ..."""
        model = self.summary.get("model")
        if not isinstance(model, dict):
            return {}
        member = model.get(f"{self.main.sigma:g} {self.main.resolution}", model)
        return member if isinstance(member, dict) else {}

    def alike(self, *, but: str) -> list[Point]:
        """Return the points that agree with `main` in all but one of n, sigma and resolution."""
        fixed = {"n", "sigma", "resolution"} - {but}
        found = [
            p for p in self.points if all(getattr(p, f) == getattr(self.main, f) for f in fixed)
        ]
        return sorted(found)


def number(value: Any) -> float:
    """Return a float; NaN for anything that is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def load_results(folder: Path) -> Results:
    """Read a replay's folder.

    Raises
    ------
    ReportError
        When a file is missing, unreadable or lacks what a report needs.
    ImportError
        Where pyarrow is not installed.
    """
    path = folder / "summary.json"
    try:
        summary = json.loads(read_file(path, _MAX_BYTES).decode("utf-8"))
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{path} is not JSON: {error}") from error
    entries = summary.get("points") if isinstance(summary, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ReportError(f"{path} names no sweep point under 'points'")
    points = {}
    for entry in entries:
        try:
            point = Point(int(entry["n"]), float(entry["sigma"]), str(entry["resolution"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ReportError(f"{path}: no n, sigma and resolution in {entry!r:.80}") from error
        points[point] = entry
    main = max(points, key=lambda point: point.n or math.inf)  # of several the first
    frames, curves, labelled = read_frames(folder / "frames.parquet", points, main)
    return Results(folder, summary, points, main, frames, curves, labelled)
