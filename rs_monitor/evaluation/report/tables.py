# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The tables of the report (not escaped: the template does it)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from ...certification import Status
from .curves import average
from .events import runs
from .results import Results, number
from .style import Table
from .words import MOST_ITEMS, number_text, point_text, share_text, status_text, text

_MOST_REASONS = 12
_APART = [Status.ABSTAINED.name, Status.DEADLINE_MISSED.name]


def statuses(results: Results) -> Table:
    """Count each status at every sweep point."""
    names = [status.name for status in Status if status != Status.UNKNOWN]
    main = Counter(results.frames.status.tolist())
    names += sorted(set(main) - set(names) - {""})
    rows = []
    for point, entry in sorted(results.points.items()):
        if point == results.main:
            counts: Any = main
        else:
            failures = entry.get("failures")
            counts = dict(failures) if isinstance(failures, dict) else {}
            counts["CERTIFIED"] = entry.get("certified", 0)
            counts["ABSTAINED"] = entry.get("abstained", 0)
        shown = [int(number(counts.get(name, 0)) if counts.get(name) else 0) for name in names]
        frames = sum(shown) if point == results.main else int(number(entry.get("frames")) or 0)
        rows.append((point_text(point), frames, shown))
    used = [i for i, name in enumerate(names) if i < 2 or any(row[2][i] for row in rows)]
    return Table(
        ["sweep point", "frames", *(status_text(names[i]) for i in used)],
        [[text, f"{frames:,}", *(f"{shown[i]:,}" for i in used)] for text, frames, shown in rows],
    )


def reasons(results: Results) -> Table | None:
    """Count the reasons given for what was not certified; numbers in them are left out."""
    frames = results.frames
    kept, example = Counter(), {}
    for row in np.flatnonzero(~frames.certified).tolist():
        reason = str(frames["reason"][row])
        key = str(frames.status[row]), re.sub(r"\d+(\.\d+)?", "…", reason)[:300]
        kept[key] += 1
        example.setdefault(key, reason[:300])
    if not kept:
        return None
    shown = kept.most_common(_MOST_REASONS)
    rows = [[status_text(key[0]), f"{count:,}", example[key] or "-"] for key, count in shown]
    if len(kept) > len(shown):
        rest = kept.total() - sum(count for _, count in shown)
        rows.append(["other", f"{rest:,}", f"{len(kept) - len(shown)} more reasons"])
    return Table(["status", "frames", "reason, the first of its kind"], rows, numeric=False)


def recordings(results: Results) -> Table:
    """Say of each bag and topic what became of its frames."""
    frames = results.frames
    rows = []
    for source in range(len(frames.sources)):
        at = frames.of(source)
        certified, status = frames.certified[at], frames.status[at]
        found = runs(frames.seconds[at], ~certified)
        longest = float((found.end - found.start).max(initial=0.0))
        radius = frames["radius"][at][certified]
        rows.append(
            [
                frames.title(source),
                f"{len(certified):,}",
                f"{frames.seconds[at][-1]:.1f}",
                share_text(int(certified.sum()), len(certified)),
                f"{int((status == Status.ABSTAINED.name).sum()):,}",
                f"{int((status == Status.DEADLINE_MISSED.name).sum()):,}",
                f"{int((~certified & ~np.isin(status, _APART)).sum()):,}",
                f"{longest:.2f}",
                f"{np.median(radius):.3f}" if len(radius) else "-",
            ]
        )
    head = ["recording", "frames", "length, s", "certified", "abstained", "deadline missed"]
    head += ["other", "longest gap, s", "median radius"]
    return Table(head, rows)


def averages(results: Results) -> Table:
    """Give the summary's figures of every sweep point."""
    radii = sorted(
        {r for entry in results.points.values() for r in _accuracies(entry)}, key=number
    )
    rows = []
    for point, entry in sorted(results.points.items()):
        mean, error = average(results, point)
        shares = [number_text(_accuracies(entry).get(r), ".3f") for r in radii]
        smoothed = [number_text(entry.get("smoothed_accuracy"), ".3f")] if results.labelled else []
        rows.append(
            [
                point_text(point),
                number_text(mean, ".4f"),
                number_text(error, ".4f"),
                *smoothed,
                *shares,
            ]
        )
    head = ["sweep point", "average radius", "standard error"]
    head += ["smoothed accuracy"] if results.labelled else []
    return Table([*head, *(f"at radius {r}" for r in radii)], rows)


def _accuracies(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("certified_accuracy") or entry.get("certified_fraction")
    return found if isinstance(found, dict) else {}


def settings(results: Results) -> Table:
    """List the settings, the versions and everything else that the summary says of the run."""
    rows: list[list[str]] = []
    for key, value in results.summary.items():
        if key not in ("points", "warnings"):
            rows += _flat(key, value)
    return Table(["setting", "value"], rows, numeric=False)


def _flat(name: str, value: Any) -> list[list[str]]:
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        more = len(value) - MOST_ITEMS
        value = dict(enumerate(value[:MOST_ITEMS], 1)) | (
            {"and": f"{more} more"} if more > 0 else {}
        )
    if isinstance(value, dict):
        return [row for key, below in value.items() for row in _flat(f"{name}.{key}", below)]
    return [[name.removeprefix("settings."), "none" if value is None else text(value)]]
