# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Radius over time, with all that was not certified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...certification import Status
from .events import envelope, runs
from .frames import MISSING, SUPERSEDED, Frames
from .style import (
    BLUE,
    GREEN,
    GREY,
    OCHRE,
    PURPLE,
    VERMILLION,
    Chart,
    Key,
    add_hover,
    add_limit,
    chart_data,
    new_figure,
    upper,
)
from .words import count_text

MOST_CHARTS = 20  # recordings that are drawn; all are in the table
_MOST_POINTS = 1200  # of the radius in one chart: more than a screen has columns
_ALL_POINTS = 12_000  # in all charts together
JOINED = 600  # marks of one kind closer than this part of a recording are joined
_BELOW, _WRONG, _OTHER = "BELOW_REQUIRED", "WRONG_CLASS", "OTHER"
# In the order of the lanes: what is said, colour, mark.
_LANES = {
    Status.ABSTAINED.name: ("abstained", OCHRE, "diamond"),
    _BELOW: ("certified below the required radius", PURPLE, "inverted_triangle"),
    _WRONG: ("certified as a wrong class", VERMILLION, "cross"),
    Status.DEADLINE_MISSED.name: ("deadline missed", VERMILLION, "square"),
    MISSING: ("no certificate came", GREY, "square"),
    SUPERSEDED: ("superseded by a newer frame", GREY, "diamond"),
    Status.STALE_INPUT.name: ("stale input", GREEN, "triangle"),
    Status.UNSUPPORTED_ENCODING.name: ("unsupported encoding", PURPLE, "square"),
    Status.ENGINE_ERROR.name: ("engine error", VERMILLION, "triangle"),
    Status.INVALID_INPUT.name: ("invalid input", GREY, "triangle"),
    _OTHER: ("another status", GREY, "cross"),
}


@dataclass(frozen=True)
class Timeline:
    """One recording's chart, and whose it is."""

    source: int
    chart: Chart
    thinned: bool


def timelines(frames: Frames, required: float) -> list[Timeline]:
    """Draw the recordings, those with the largest share of frames not certified first.

    Parameters
    ----------
    frames : Frames
    required : float
        Radius that the consumer requires; 0 for none.
    """
    sources = range(len(frames.sources))
    chosen = sorted(sources, key=lambda s: (frames.certified[frames.of(s)].mean(), s))
    chosen = sorted(chosen[:MOST_CHARTS])
    most = min(_MOST_POINTS, _ALL_POINTS // len(chosen))
    return [_timeline(frames, source, required, most) for source in chosen]


def _timeline(frames: Frames, source: int, required: float, most: int) -> Timeline:
    rows = frames.of(source)
    count = rows.stop - rows.start
    end = float(frames.seconds[rows][-1])
    unit, scale = next(((u, s) for u, s in (("h", 3600), ("min", 60)) if end > 10 * s), ("s", 1))
    time = frames.seconds[rows] / scale
    span = time[-1] or 1.0
    certified, radius = frames.certified[rows], frames["radius"][rows]

    top = upper(float(radius.max(initial=0)), required, *_caps(frames, rows), least=0.05)
    lanes = {name: flags for name, flags in _flags(frames, rows, required).items() if flags.any()}
    step = top / 14
    plot = new_figure(
        f"time since the first frame, {unit}",
        "certified radius",
        height=260 + 18 * len(lanes),
        x_range=_range(-0.02 * span, 1.02 * span),
        y_range=_range(-step * (len(lanes) + 0.9), top),
    )
    plot.yaxis.ticker = _ticks(top)
    thinned = _draw_radius(plot, time, certified, radius, frames["n_used"][rows], most, unit)
    keys = [Key("certified radius", BLUE, "circle")]
    if thinned:
        keys = [
            Key("certified radius, mean of an interval", BLUE, "circle"),
            Key("least to largest of the interval", BLUE, "band"),
        ]
    cap = _draw_cap(plot, frames, rows, time, most)
    if cap:
        keys.append(Key("the most that n could give", GREY, "line", "dotted"))
    if required > 0:
        keys.append(add_limit(plot, f"required radius {required:g}", required, dimension="width"))
    joined = False
    for lane, (name, flags) in enumerate(lanes.items()):
        text, color, mark = _LANES[name]
        joined |= _draw_lane(plot, time, flags, -step * (lane + 1), color, mark, unit)
        keys.append(Key(f"{text}: {count_text(int(flags.sum()), 'frame')}", color, mark))
    shown = f"{int(certified.sum()):,} of {count_text(count, 'frame')} certified"
    label = f"Certified radius over time: {shown}."
    return Timeline(source, Chart(f"timeline-{source}", plot, label, keys), thinned or joined)


def _flags(frames: Frames, rows: slice, required: float) -> dict[str, np.ndarray]:
    status, certified = frames.status[rows], frames.certified[rows]
    flags = {name: status == name for name in _LANES}
    flags[_BELOW] = certified & (frames["radius"][rows] < required)
    flags[_WRONG] = frames.wrong[rows]
    flags[_OTHER] = ~certified & ~np.isin(status, list(_LANES))
    return flags


def _draw_radius(
    plot: Any,
    time: np.ndarray,
    certified: np.ndarray,
    radius: np.ndarray,
    n_used: np.ndarray,
    most: int,
    unit: str,
) -> bool:
    shape = envelope(time[certified], radius[certified], most)
    data = {name: values.astype(np.float32) for name, values in vars(shape).items()}
    if len(shape.frames) == int(certified.sum()):  # every frame is drawn
        data["n"] = n_used[certified].astype(np.int32)
        dots = plot.scatter("seconds", "high", size=4, color=BLUE, source=chart_data(data))
        tips = [("time", f"@seconds{{0.00}} {unit}"), ("radius", "@high{0.000}"), ("n", "@n")]
        add_hover(plot, [dots], tips)
        return False
    source = chart_data(data)
    plot.segment(
        "seconds", "low", "seconds", "high", line_width=1.5, color=BLUE, alpha=0.4, source=source
    )
    dots = plot.scatter("seconds", "mean", size=3, color=BLUE, source=source)
    tips = [
        ("time", f"@seconds{{0.00}} {unit}"),
        ("frames", "@frames{0}"),
        ("radius", "@low{0.000} to @high{0.000}, mean @mean{0.000}"),
    ]
    add_hover(plot, [dots], tips)
    return True


def _caps(frames: Frames, rows: slice) -> np.ndarray:
    caps = frames["radius_cap"][rows]
    return caps[np.isfinite(caps) & frames.certified[rows]]


def _draw_cap(plot: Any, frames: Frames, rows: slice, time: np.ndarray, most: int) -> bool:
    caps = frames["radius_cap"][rows]
    known = np.isfinite(caps) & frames.certified[rows]
    if not known.any():
        return False
    if np.ptp(caps[known]) == 0:
        x, y = time[[0, -1]], caps[known][[0, -1]]
    else:
        shape = envelope(time[known], caps[known], most // 4)
        x, y = shape.seconds, shape.high
    data = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
    plot.line("x", "y", color=GREY, line_dash="dotted", line_width=2, source=chart_data(data))
    return True


def _draw_lane(
    plot: Any, time: np.ndarray, flags: np.ndarray, y: float, color: str, mark: str, unit: str
) -> bool:
    """Draw every stretch of flagged frames; True if some were joined."""
    exact = runs(time, flags)
    drawn = runs(time, flags, join=(time[-1] - time[0]) / JOINED)
    data = {
        "start": drawn.start.astype(np.float32),
        "end": drawn.end.astype(np.float32),
        "y": np.full(len(drawn), y, dtype=np.float32),
        "frames": drawn.frames.astype(np.int32),
        "of": (drawn.last - drawn.first + 1).astype(np.int32),
    }
    source = chart_data(data)
    line = plot.segment("start", "y", "end", "y", line_width=4, color=color, source=source)
    dots = plot.scatter("start", "y", size=9, color=color, marker=mark, source=source)
    if mark == "cross":
        dots.glyph.line_width = 2
    tips = [("from", f"@start{{0.00}} to @end{{0.00}} {unit}"), ("frames", "@frames of @of")]
    add_hover(plot, [line, dots], tips)
    return len(drawn) < len(exact)


def _range(start: float, end: float) -> Any:
    from bokeh.models import Range1d

    return Range1d(float(start), float(end))


def _ticks(top: float) -> list[float]:
    """Return round radii; none in the lanes below 0."""
    raw = top / 4
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(m for m in (1, 2, 5, 10) if m * power >= raw * 0.99) * power
    return [round(k * step, 10) for k in range(int(top / step) + 1)]
