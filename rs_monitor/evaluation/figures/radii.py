# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Figures 1 to 4 and 7 to 10: average certified radius by noise level and number of samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .curves import NS, Curves
from .discovery import PAPER_NAMES, FoundLogs
from .figure import COLOURS, Figure, finish, legend, samples_axis, style

# Figures 1 and 7 show the same numbers, over sigma and over n; so do 2 and 8, 3 and 9, 4 and 10.
_NUMBERS = {
    "cifar10-gaussian": (1, 7),
    "imagenet-gaussian": (2, 8),
    "cifar10-salman": (3, 9),
    "imagenet-salman": (4, 10),
}
# Of the numbers of samples those that stay apart as lines.
_LINES = (15, 50, 100, 200, 1_000, 10_000, 100_000)

_ERRORS = "± 2 standard errors\nof the mean over images"

_COLUMNS = (
    "setting", "sigma", "n", "average_certified_radius", "standard_error", "images", "log",
)  # fmt: skip


def _over_sigma(logs: dict, missing: tuple[str, ...]) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for index, n in enumerate(reversed(_LINES)):
            points = [(sigma, curve[n]) for sigma, curve in logs.items() if n in curve]
            if points:
                axes.errorbar(
                    [sigma for sigma, _ in points],
                    [point.radius for _, point in points],
                    [2 * point.error for _, point in points],
                    label=f"n = {n:,}", capsize=2, elinewidth=0.8, **style(index),
                )  # fmt: skip
        axes.set_ylim(bottom=0)
        axes.set_xticks(list(logs) or [0.25, 0.5, 1.0])
        finish(axes, x="noise level σ (pixels in [0, 1])", y="average certified radius (L2)")
        legend(figure, axes, missing, title=_ERRORS if logs else "")

    return draw


def _over_n(logs: dict, missing: tuple[str, ...]) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        axes = figure.subplots()
        samples_axis(axes, NS)
        for index, (sigma, curve) in enumerate(logs.items()):
            ns = list(curve)
            middle = [curve[n].radius for n in ns]
            low, high = (
                [curve[n].radius + sign * 2 * curve[n].error for n in ns] for sign in (-1, 1)
            )
            axes.fill_between(
                ns, low, high, alpha=0.18, linewidth=0, color=COLOURS[index % len(COLOURS)]
            )
            axes.plot(ns, middle, label=f"σ = {sigma:.2f}", **style(index))
        axes.set_ylim(bottom=0)
        finish(axes, x="samples n", y="average certified radius (L2)")
        legend(figure, axes, missing, title=_ERRORS if logs else "")

    return draw


def figures(found: FoundLogs, curves: Curves, alpha: float) -> list[Figure]:
    """Return the eight figures.

    Parameters
    ----------
    found : FoundLogs
    curves : Curves
        Of those logs.
    alpha : float
        Of the certificates.
    """
    made = []
    for setting, (over_sigma, over_n) in _NUMBERS.items():
        logs = curves.of(setting)
        missing = tuple(f"σ = {sigma:.2f}: no log" for sigma in found.missing(setting))
        for sigma, curve in logs.items():
            absent = [n for n in NS if n not in curve]
            if absent:
                missing += (f"σ = {sigma:.2f}: no n = {', '.join(map(str, absent))}",)
        rows = [
            (setting, sigma, n, point.radius, point.error, point.images, str(point.log))
            for sigma, curve in logs.items()
            for n, point in curve.items()
        ]
        what = f"{PAPER_NAMES[setting]}, α = {alpha:g}"
        if not rows:
            what += " (nothing to draw)"
        for number, draw in ((over_sigma, _over_sigma), (over_n, _over_n)):
            title = f"Figure {number}. Average certified radius, {what}"
            made.append(
                Figure(
                    f"figure_{number:02}", title, _COLUMNS, rows, draw(logs, missing),
                    tuple(f"{PAPER_NAMES[setting]}, {text}" for text in missing),
                )
            )  # fmt: skip
    return sorted(made, key=lambda figure: figure.name)
