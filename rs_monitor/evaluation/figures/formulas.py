# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Figures 6, 11 and 12 and propositions 3.1 to 3.3: the paper's formulas beside what is exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from ...certification import approximations as paper
from .curves import Curves
from .discovery import PAPER_NAMES
from .exact import UNIFORM_AVERAGE, expected_bound, expected_radius, uniform_average
from .figure import COLOURS, GREY, LINES, MARKERS, Figure, finish, legend, samples_axis, style

# Many near 1, where the formulas go wrong.
_P = np.unique(
    np.concatenate([np.linspace(0.5, 0.99, 99), 1 - np.geomspace(0.01, 1e-4, 31)]).round(6)
)
_BOUND_NS = (15, 30, 100, 1_000, 10_000)
_RADIUS_NS = (30, 100, 1_000, 10_000)
_CLOSED_NS = (100, 1_000, 10_000, 100_000)
_NS = tuple(int(n) for n in np.geomspace(10, 100_000, 41).round())


def figure_6(alpha: float, curves: Curves) -> Figure:
    """Eq. 6, the exact share it approximates, and what the logs gave."""
    rows = [("eq. 6", "", "", n, paper.remaining_share(n, alpha)) for n in _NS]
    rows += [
        ("exact, p uniform", "", "", n, uniform_average(n, alpha) / UNIFORM_AVERAGE) for n in _NS
    ]
    missing = []
    for setting, name in PAPER_NAMES.items():
        logs = curves.of(setting)
        if not logs:
            missing.append(f"{name}: no log")
        for sigma, points in logs.items():
            most = max(points, default=0)
            if most and points[most].radius > 0:
                rows += [
                    ("log", setting, sigma, n, point.radius / points[most].radius)
                    for n, point in points.items()
                    if n < most
                ]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        samples_axis(axes, _NS)
        for index, curve in enumerate(("eq. 6", "exact, p uniform")):
            points = [(row[3], row[4]) for row in rows if row[0] == curve]
            axes.plot(*zip(*points), label=curve, **style(index, marker=False))
        for index, (setting, name) in enumerate(PAPER_NAMES.items(), 2):
            points = [(row[3], row[4]) for row in rows if row[1] == setting]
            if points:
                axes.plot(
                    *zip(*points), linestyle="none", marker=MARKERS[index], markersize=4,
                    color=COLOURS[index], markerfacecolor="none", label=name,
                )  # fmt: skip
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_ylim(-0.6, 1.03)
        finish(axes, x="samples n", y="share of the average certified radius that remains")
        title = "logs: every σ; share of the\nradius at the log's own n"
        legend(figure, axes, tuple(missing), title=title)

    return Figure(
        "figure_06",
        f"Figure 6. Average certified radius that n samples leave, α = {alpha:g}",
        ("curve", "setting", "sigma", "n", "share"),
        rows,
        draw,
        tuple(missing),
        3.8,
    )


def figure_11(alpha: float) -> Figure:
    """Difference between the expected Clopper-Pearson bound and eq. 3."""
    rows = []
    for n in _BOUND_NS:
        formula, exact = paper.approximate_bound(_P, n, alpha), expected_bound(_P, n, alpha)
        rows += zip([n] * len(_P), _P.tolist(), formula.tolist(), exact.tolist(), formula - exact)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharex=True)
        for index, n in enumerate(_BOUND_NS):
            p, error = np.array([(row[1], row[4]) for row in rows if row[0] == n]).T
            left.plot(p, np.abs(error), label=f"n = {n:,}", **style(index, marker=False))
            right.plot(p, error, **style(index, marker=False))
        left.set_yscale("log")
        left.set_ylim(1e-5, 1)
        right.axhline(0, color=GREY, linewidth=0.8)
        finish(left, x="true probability $p_0$", y="|eq. 3 − exact|", title="absolute")
        finish(right, x="true probability $p_0$", y="eq. 3 − exact", title="with its sign")
        legend(figure, left, columns=5)

    return Figure(
        "figure_11",
        f"Figure 11. Lower bound: proposition 3.1 against Clopper-Pearson, α = {alpha:g}",
        ("n", "p", "eq_3", "exact_expected_bound", "error"),
        rows,
        draw,
        height=3.3,
    )


def figure_12() -> Figure:
    """Shore's approximation of the normal quantile."""
    p = np.unique(np.concatenate([_P, 1 - np.geomspace(1e-4, 1e-6, 21)]))
    exact, shore = ndtri(p), paper.shore_quantile(p)
    rows = list(zip(p.tolist(), exact.tolist(), shore.tolist(), (shore - exact).tolist()))

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        inside = p <= 0.9999
        left.plot(p[inside], exact[inside], label="Φ⁻¹(p)", **style(0, marker=False))
        left.plot(p[inside], shore[inside], label="Shore, eq. 11", **style(1, marker=False))
        right.plot(1 - p, shore - exact, label="error", **style(2, marker=False))
        right.set_xscale("log")
        right.invert_xaxis()
        right.axhline(0, color=GREY, linewidth=0.8)
        finish(left, x="p", y="quantile", title="the quantile")
        finish(right, x="1 − p", y="Shore − exact", title="its error towards p = 1")
        left.legend(loc="upper left")

    return Figure(
        "figure_12",
        "Figure 12. The normal quantile and Shore's approximation",
        ("p", "exact", "shore", "error"),
        rows,
        draw,
        height=3.0,
    )


def _radius_figure(
    name: str,
    title: str,
    equation: str,
    formula: Callable[..., Any],
    ns: Sequence[int],
    alpha: float,
    limits: tuple[float, float],
) -> Figure:
    """Draw a formula for the radius beside the exact expectation, and their difference."""
    rows = []
    for n in ns:
        values, exact = formula(_P, n, alpha, 1.0), expected_radius(_P, n, alpha)
        rows += zip([n] * len(_P), _P.tolist(), values.tolist(), exact.tolist(), values - exact)

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharex=True)
        for index, n in enumerate(ns):
            p, values, exact, error = np.array([row[1:] for row in rows if row[0] == n]).T
            colour = COLOURS[index]
            left.plot(p, exact, color=colour, linewidth=1.4, label=f"exact, n = {n:,}")
            left.plot(
                p, values, color=colour, linewidth=1.2, linestyle="--",
                label=f"{equation}, n = {n:,}",
            )  # fmt: skip
            right.plot(p, error, color=colour, linewidth=1.4, linestyle=LINES[index])
        left.set_ylim(-0.1, 3.6)
        right.set_ylim(*limits)
        left.set_title("expectation")
        right.axhline(0, color=GREY, linewidth=0.8)
        finish(left, x="true probability $p_0$", y="expected radius / σ")
        finish(right, x="true probability $p_0$", y=f"({equation} − exact) / σ", title="error")
        legend(figure, left, columns=4)

    columns = ("n", "p", equation.replace(". ", "_"), "exact_expected_radius", "error")
    return Figure(name, f"{title}, α = {alpha:g}", columns, rows, draw, height=3.6)


def proposition_1(alpha: float) -> Figure:
    """Eq. 4 against the exact expectation."""
    title = "Proposition 3.1. Radius by eq. 4 and by exact Clopper-Pearson"
    return _radius_figure(
        "proposition_3_1", title, "eq. 4", paper.approximate_radius, _RADIUS_NS, alpha, (-0.4, 0.9)
    )


def proposition_2(alpha: float) -> Figure:
    """Eq. 5 against the exact expectation."""
    title = "Proposition 3.2. Radius by eq. 5 and by exact Clopper-Pearson"
    return _radius_figure(
        "proposition_3_2", title, "eq. 5", paper.closed_form_radius, _CLOSED_NS, alpha, (-1.2, 0.4)
    )


def proposition_3(alpha: float) -> Figure:
    """Eqs. 17 and 6 against the exact averages for p uniform on [1/2, 1]."""
    z, columns = paper.two_sided_quantile(alpha), list(zip(*[(n, n**-0.5) for n in _NS]))
    exact = np.array([uniform_average(n, alpha) for n in _NS])
    table = {
        "n": _NS,
        "eq_17_printed": paper.PRINTED_AVERAGE - paper.PRINTED_LOSS * z * np.array(columns[1]),
        "eq_17_recomputed": paper.average_radius(np.array(_NS), alpha, 1.0),
        "exact_average_radius": exact,
        "eq_6": paper.remaining_share(np.array(_NS), alpha),
        "exact_share": exact / UNIFORM_AVERAGE,
    }
    table["share_error"] = table["eq_6"] - table["exact_share"]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            samples_axis(axes, _NS)
            axes.axhline(0, color=GREY, linewidth=0.8)
        names = {
            "eq_17_printed": "eq. 17 as printed",
            "eq_17_recomputed": "eq. 17 recomputed",
            "exact_average_radius": "exact",
        }
        for index, (key, label) in enumerate(names.items()):
            left.plot(_NS, table[key], label=label, **style(index, marker=False))
        left.set_ylim(-0.6, 0.85)
        right.plot(_NS, table["share_error"], **style(0, marker=False))
        right.set_ylim(-0.8, 0.05)
        finish(left, x="samples n", y="average radius / σ", title="p uniform on [1/2, 1]")
        finish(right, x="samples n", y="eq. 6 − exact share", title="error of eq. 6")
        legend(figure, left, columns=3)

    return Figure(
        "proposition_3_3",
        f"Proposition 3.3. Average radius and the share that remains, α = {alpha:g}",
        tuple(table),
        list(zip(*[np.asarray(values).tolist() for values in table.values()])),
        draw,
        height=3.3,
    )
