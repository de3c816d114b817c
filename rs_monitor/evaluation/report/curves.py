# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certified accuracy against radius; average certified radius against n, sigma, resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .frames import Point
from .results import Results, number
from .style import (
    DASHES,
    MARKS,
    MOST_SERIES,
    SERIES,
    Chart,
    Key,
    Table,
    add_hover,
    add_limit,
    chart_data,
    new_figure,
    plain_word,
    upper,
)
from .words import n_text

_MOST_STEPS = 400  # of one curve; beyond, the curve is read at as many equally spaced radii
_AVERAGE = "average certified radius"


def accuracy_chart(results: Results) -> Chart:
    """Draw the share of frames certified (as their true class, with labels) at each radius."""
    drawn = _spread(results.alike(but="n"))
    curves = [results.curves[point] for point in drawn]
    what = "certified accuracy" if results.labelled else "certified fraction"
    ends = [float(curve.radii[-1]) for curve in curves if len(curve.radii)]
    required = number(results.setting("required_radius", 0))
    end = upper(*ends, required, least=0.05)
    plot = new_figure("radius", what, y_range=(0, 1.02), x_range=(0, end))
    renderers, keys = [], []
    for index, (point, curve) in enumerate(zip(drawn, curves)):
        radii = np.unique(curve.radii)
        if len(radii) > _MOST_STEPS:
            radii = np.linspace(0, radii[-1], _MOST_STEPS)
        x = np.r_[0.0, radii, radii[-1:], end]
        y = np.r_[curve.share(np.r_[0.0, radii]), np.zeros(len(radii[-1:]) + 1)]
        data = {"x": x.astype(np.float32), "y": y.astype(np.float32)}
        line = plot.step(
            "x", "y", mode="before", line_width=2, source=chart_data(data),
            color=SERIES[index], line_dash=DASHES[index],
        )  # fmt: skip
        renderers.append(line)
        keys.append(Key(n_text(point.n), SERIES[index], "line", DASHES[index]))
    add_hover(plot, renderers, [("radius", "@x{0.000}"), (what, "@y{0.000}")])
    if required > 0:
        keys.append(add_limit(plot, f"required radius {required:g}", required, dimension="height"))
    caption = ""
    if len(drawn) < len(results.alike(but="n")):
        caption = f"{len(drawn)} of the {len(results.alike(but='n'))} n are drawn."
    label = f"{what.capitalize()} against radius, a falling step curve for each n."
    return Chart("accuracy", plot, label, keys, caption, _accuracy_table(results, what))


def _accuracy_table(results: Results, what: str) -> Table:
    """Return the share at round radii, of the frames' own results."""
    points = results.alike(but="n")
    longest = max(
        (float(results.curves[p].radii[-1]) for p in points if len(results.curves[p].radii)),
        default=0.0,
    )
    step = next(s for s in (0.05, 0.1, 0.25, 0.5, 1, 2, 5, math.inf) if longest <= 12 * s)
    radii = np.arange(0, longest + 1e-9, step) if math.isfinite(step) else np.array([0.0])
    rows = [
        [n_text(p.n), *(f"{share:.3f}" for share in results.curves[p].share(radii))]
        for p in points
    ]
    return Table([f"{what} at radius", *(f"{radius:g}" for radius in radii)], rows)


def average_charts(results: Results) -> list[Chart]:
    """Draw the average certified radius along each dimension of the sweep that has two values."""
    charts = []
    if len(results.alike(but="n")) > 1:
        charts.append(_against_n(results))
    if len(results.alike(but="sigma")) > 1:
        charts.append(_against_sigma(results))
    if len(results.alike(but="resolution")) > 1:
        charts.append(_against_resolution(results))
    return charts


def _against_n(results: Results) -> Chart:
    series = _series(results, ("sigma", "resolution"))
    positions = [_n_position(results, p) for p in results.points]
    finite = [x for x in positions if x > 0]
    start, end = min(finite, default=1.0), max(finite, default=2.0)
    room = max(1.15, (end / start) ** 0.05)
    plot = new_figure(
        "n, samples a frame",
        _AVERAGE,
        x_axis_type="log",
        x_range=(start / room, end * room),
        y_range=(0, _top(results)),
    )
    plot.xaxis.ticker = sorted({x for x in finite})
    plot.xaxis.formatter = _formatter()
    keys = _draw(plot, results, series, lambda point: _n_position(results, point))
    caption = _left_out(results, series)
    if any(point.n == 0 for point in results.points):
        caption = f"n as many as fit is drawn at the median n of its frames. {caption}"
    label = f"{_AVERAGE.capitalize()} against n, with one standard error either side."
    return Chart("against-n", plot, label, keys, caption)


def _against_sigma(results: Results) -> Chart:
    sigmas = sorted({point.sigma for point in results.points})
    room = 0.05 * (sigmas[-1] - sigmas[0])
    plot = new_figure(
        "sigma",
        _AVERAGE,
        x_range=(sigmas[0] - room, sigmas[-1] + room),
        y_range=(0, _top(results)),
    )
    plot.xaxis.ticker = sigmas
    series = _series(results, ("n", "resolution"))
    keys = _draw(plot, results, series, lambda p: p.sigma)
    label = f"{_AVERAGE.capitalize()} against sigma, with one standard error either side."
    return Chart("against-sigma", plot, label, keys, _left_out(results, series))


def _against_resolution(results: Results) -> Chart:
    names = sorted({point.resolution for point in results.points})
    plot = new_figure(
        "resolution", _AVERAGE, x_range=(-0.5, len(names) - 0.5), y_range=(0, _top(results))
    )
    plot.xaxis.ticker = list(range(len(names)))
    plot.xaxis.major_label_overrides = {i: plain_word(name) for i, name in enumerate(names)}
    series = _series(results, ("n", "sigma"))
    keys = _draw(plot, results, series, lambda p: names.index(p.resolution), line=False)
    label = f"{_AVERAGE.capitalize()} at each resolution, with one standard error either side."
    return Chart("against-resolution", plot, label, keys, _left_out(results, series))


def _series(results: Results, fixed: Sequence[str]) -> dict[str, list[Point]]:
    """Group the sweep points by what stays fixed along a line.

    Only groups that differ from the main point's in one of the two: the table has the rest.
    """
    main = tuple(getattr(results.main, name) for name in fixed)
    groups: dict[tuple, list[Point]] = {}
    for point in sorted(results.points):
        key = tuple(getattr(point, name) for name in fixed)
        if any(a == b for a, b in zip(key, main)):
            groups.setdefault(key, []).append(point)
    text = {"n": n_text, "sigma": "sigma {:g}".format, "resolution": str}
    return {
        ", ".join(text[name](value) for name, value in zip(fixed, key)): groups[key]
        for key in _spread(sorted(groups))
    }


def _left_out(results: Results, series: dict[str, list[Point]]) -> str:
    drawn = sum(len(points) for points in series.values())
    total = len(results.points)
    return f"{drawn} of {total} sweep points are drawn; the table has all." * (drawn < total)


def _draw(
    plot: Any,
    results: Results,
    series: dict[str, list[Point]],
    position: Callable[[Point], float],
    *,
    line: bool = True,
) -> list[Key]:
    from bokeh.models import Whisker

    keys, dots = [], []
    for index, (text, points) in enumerate(series.items()):
        color, dash, mark = SERIES[index], DASHES[index], MARKS[index]
        values = [(position(p), *average(results, p)) for p in points]
        values = sorted(v for v in values if math.isfinite(v[0]) and math.isfinite(v[1]))
        x, mean, error = np.array(values, dtype=float).reshape(-1, 3).T
        if not line:  # side by side
            x = x + 0.12 * (index - (len(series) - 1) / 2)
        known = np.nan_to_num(error)
        data = {"x": x, "mean": mean, "low": mean - known, "high": mean + known}
        source = chart_data(data | {"error": error})
        if line:
            plot.varea("x", "low", "high", fill_color=color, fill_alpha=0.25, source=source)
            plot.line("x", "mean", color=color, line_dash=dash, line_width=2, source=source)
        whisker = Whisker(
            base="x", lower="low", upper="high", source=source, line_color=color, line_width=2
        )
        whisker.lower_head.line_color = whisker.upper_head.line_color = color
        whisker.lower_head.size = whisker.upper_head.size = 6
        plot.add_layout(whisker)
        dots.append(plot.scatter("x", "mean", size=7, color=color, marker=mark, source=source))
        keys.append(Key(text, color, mark))
    tips = [("average", "@mean{0.0000}"), ("standard error", "@error{0.0000}")]
    add_hover(plot, dots, tips)
    return keys


def average(results: Results, point: Point) -> tuple[float, float]:
    """Return the summary's average radius and its standard error; NaN where unknown.

    With labels it is the average certified radius: frames certified as a wrong class count 0.
    """
    entry = results.points[point]
    if results.labelled:
        return number(entry.get("average_certified_radius")), number(entry.get("standard_error"))
    error = entry.get("average_radius_standard_error")
    return number(entry.get("average_radius")), number(error)


def _n_position(results: Results, point: Point) -> float:
    return float(point.n) if point.n else results.curves[point].n_used


def _top(results: Results) -> float:
    averages = [average(results, point) for point in results.points]
    return upper(*(mean + np.nan_to_num(error) for mean, error in averages), least=0.05)


def _spread(items: Sequence[Any]) -> list[Any]:
    """Return as many items as there are colours, the first and the last among them."""
    if len(items) <= MOST_SERIES:
        return list(items)
    return [items[i] for i in np.linspace(0, len(items) - 1, MOST_SERIES).round().astype(int)]


def _formatter() -> Any:
    from bokeh.models import NumeralTickFormatter

    return NumeralTickFormatter(format="0")
