# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certified accuracy against radius, a curve for each n, with its standard error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .accuracy import clustered_error
from .figures.figure import Figure, finish, legend, plain, style

_POINTS = 201


def accuracy_figure(
    title: str,
    chances: Callable[[int, Sequence[float]], Mapping[float, np.ndarray]],
    group: np.ndarray,
    *,
    ns: Sequence[int],
    most: float,
) -> Figure:
    """Return the curves of an evaluation.

    Parameters
    ----------
    title : str
    chances : callable
        For n and radii, each image's chance of a right certificate of at least each radius.
    group : numpy.ndarray
        int [N], as for `clustered_error`.
    ns : sequence of int
        Ascending.
    most : float
        The largest radius that there can be.
    """
    curves = {}
    at = np.linspace(0.0, most * 1.05, _POINTS)
    for n in ns:
        reached = chances(n, at.tolist()).values()
        curves[n] = np.array([[v.mean(), clustered_error(v, group)] for v in reached]).T
    rows = [
        (n, float(r), float(mean), float(error))
        for n, (means, errors) in curves.items()
        for r, mean, error in zip(at, means, errors)
    ]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for index, (n, (means, errors)) in enumerate(curves.items()):
            look = style(index, marker=False)
            axes.plot(at, means, label=f"n = {n:,}", **look)
            if np.isfinite(errors).all():
                axes.fill_between(
                    at, means - errors, means + errors, color=look["color"], alpha=0.2, lw=0
                )
        axes.set_xlim(0, at[-1])
        axes.set_ylim(0, 1)
        finish(axes, x="L2 radius, pixels in [0, 1]", y="certified accuracy")
        legend(figure, axes, title="samples; band: standard error", columns=4)

    return Figure(
        name="certified_accuracy",
        title=plain(title),
        columns=("n", "radius", "certified_accuracy", "standard_error"),
        rows=rows,
        draw=draw,
    )
