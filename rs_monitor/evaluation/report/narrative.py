# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the results say, in sentences and in tables of text (not escaped: the template does it)."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np

from ...certification import Status
from .curves import average, n_text
from .events import Runs, runs
from .frames import MISSING
from .latency import Latency
from .results import Results, number
from .style import Table

_MOST_REASONS = 12
_UNKNOWN = "not recorded"


def facts(results: Results) -> list[tuple[str, str]]:
    """Return the head of the report: what was certified, with what."""
    main, summary = results.main, results.summary
    model = summary.get("model")
    model = model if isinstance(model, dict) else {"name": model}
    name = str(model.get("name") or _UNKNOWN)
    identity = str(model.get("id") or summary.get("model_id") or "")
    sha = str(model.get("sha256") or model.get("sha") or summary.get("model_sha256") or "")
    rows = [
        ("model", f"{name} ({identity})" if identity else name),
        ("sha256", sha or _UNKNOWN),
        ("sigma", f"{main.sigma:g}"),
        ("alpha", f"{number(results.setting('alpha')):g} a frame"),
        ("n", n_text(main.n).removeprefix("n ") + " samples a frame"),
        ("procedure", _text(results.setting("procedure"))),
        ("resolution", main.resolution),
    ]
    for key in ("backend", "precision", "device", "machine"):
        value = results.setting(key)
        if value is not None:
            rows.append((key.replace("_", " "), _text(value)))
    return rows


def sentences(results: Results, latency: Latency | None) -> list[str]:
    """Return the summary in plain words."""
    frames, main = results.frames, results.main
    total, certified = len(frames), int(frames.certified.sum())
    bags = len({bag for bag, _ in frames.sources})
    said = [
        f"{certified:,} of {_count(total, 'frame')} ({_share(certified, total)}) in "
        f"{_count(bags, 'recording')} were certified at sigma {main.sigma:g}, {n_text(main.n)}: "
        "no change of the frame smaller than its radius can change its class."
    ]
    mean, error = average(results, main)
    if math.isfinite(mean):
        of = "a frame wrong or not certified" if results.labelled else "a frame not certified"
        spread = f" (standard error {error:.3f})" if math.isfinite(error) else ""
        said.append(f"The average certified radius is {mean:.3f}{spread}; {of} counts as 0.")
    if results.labelled:
        known, wrong = int(frames.labelled.sum()), int(frames.wrong.sum())
        right = int((frames.certified & frames.labelled).sum()) - wrong
        said.append(
            f"Of {_count(known, 'frame')} with a label {right:,} ({_share(right, known)}) were "
            f"certified as their class and {wrong:,} as another one."
        )
    else:
        said.append("No labels were given: nothing here says whether a certified class is right.")
    required = number(results.setting("required_radius", 0))
    if required > 0:
        enough = int((frames.certified & (frames["radius"] >= required)).sum())
        said.append(
            f"{enough:,} frames ({_share(enough, total)}) reach the required radius {required:g}."
        )
    said += _gaps(results)
    if latency is not None and math.isfinite(latency.period):
        what = "From image to certificate" if latency.live else "Processing a frame"
        said.append(
            f"{what} took {latency.median:.1f} ms in the median and {latency.p99:.1f} ms at the "
            f"99th percentile; {latency.late:,} of {latency.count:,} took longer than the frame "
            f"period of {latency.period:g} ms."
        )
    return said


def _gaps(results: Results) -> list[str]:
    """Say what the longest stretch without a certificate was."""
    frames = results.frames
    longest: tuple[float, int, int, Runs, int] | None = None
    count = 0
    for source in range(len(frames.sources)):
        rows = frames.of(source)
        found = runs(frames.seconds[rows], ~frames.certified[rows])
        count += len(found)
        if len(found):
            at = int(np.lexsort((found.frames, found.end - found.start))[-1])
            gap = float(found.end[at] - found.start[at]), int(found.frames[at]), source, found, at
            longest = gap if longest is None or gap[:2] > longest[:2] else longest
    if longest is None:
        return ["Every frame was certified."]
    seconds, length, source, found, at = longest
    return [
        f"Certification was interrupted {_count(count, 'time')}, at most for "
        f"{_count(length, 'frame')} ({seconds:.2f} s) from {found.start[at]:.2f} s on in "
        f"{frames.title(source)}."
    ]


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
    rows = [
        [f"{count:,}", status_text(key[0]), example[key] or "-"]
        for key, count in kept.most_common(_MOST_REASONS)
    ]
    rest = len(kept) - len(rows)
    if rest:
        rows.append(
            [
                f"{kept.total() - sum(c for _, c in kept.most_common(_MOST_REASONS)):,}",
                "",
                f"{rest} more reasons",
            ]
        )
    return Table(["frames", "status", "reason, the first of its kind"], rows, numeric=False)


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
                _share(int(certified.sum()), len(certified)),
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


_APART = [Status.ABSTAINED.name, Status.DEADLINE_MISSED.name]


def averages(results: Results) -> Table:
    """Give the summary's figures of every sweep point."""
    radii = sorted(
        {r for entry in results.points.values() for r in _accuracies(entry)}, key=number
    )
    rows = []
    for point, entry in sorted(results.points.items()):
        mean, error = average(results, point)
        shares = [_number(_accuracies(entry).get(r), ".3f") for r in radii]
        smoothed = [_number(entry.get("smoothed_accuracy"), ".3f")] if results.labelled else []
        rows.append(
            [point_text(point), _number(mean, ".4f"), _number(error, ".4f"), *smoothed, *shares]
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
    if isinstance(value, dict):
        return [row for key, below in value.items() for row in _flat(f"{name}.{key}", below)]
    return [[name.removeprefix("settings."), _text(value)]]


def warnings(results: Results) -> list[str]:
    """Return the run's warnings."""
    found = results.summary.get("warnings") or []
    return [str(warning) for warning in (found if isinstance(found, list) else [found])]


def status_text(name: str) -> str:
    """Return a status in small letters."""
    return {MISSING: "no certificate came", "": "unknown status"}.get(
        name, name.lower().replace("_", " ")
    )


def point_text(point: Any) -> str:
    """Name a sweep point."""
    return f"{n_text(point.n)}, sigma {point.sigma:g}, {point.resolution}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + "s" * (count != 1)


def _share(count: int, total: int) -> str:
    """Return a percentage that reads 100 % or 0 % only if it is."""
    share = 100 * count / total if total else 0.0
    rounded = round(share, 1)
    if count not in (0, total) and rounded in (0.0, 100.0):
        return "< 0.1 %" if rounded == 0 else "> 99.9 %"
    return f"{rounded:g} %"


def _number(value: Any, form: str) -> str:
    value = number(value)
    return format(value, form) if math.isfinite(value) else "-"


def _text(value: Any) -> str:
    if value is None:
        return _UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return str(value)
