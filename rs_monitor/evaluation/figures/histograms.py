# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Figure 13: how the top class's probability is distributed over the images."""

from __future__ import annotations

from typing import Any

import numpy as np

from .discovery import PAPER_SIGMAS, FoundLogs
from .figure import COLOURS, Figure, legend, plain

_BINS = np.linspace(0.5, 1.0, 26)
_GRID = 61
# Width of the density's kernel.
_WIDTH = 0.015
# Panels in a line.
_ACROSS = 4


def density(p: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return a Gaussian kernel density, mirrored at 1/2 and 1 so that it integrates to 1.

    Parameters
    ----------
    p, at : numpy.ndarray
        float64: values, and where the density is asked for.
    """
    counts, edges = np.histogram(p, bins=500, range=(0.5, 1.0))
    middles = (edges[1:] + edges[:-1]) / 2
    total = np.zeros(at.shape)
    for centres in (middles, 1.0 - middles, 2.0 - middles):
        scaled = (at[:, None] - centres) / _WIDTH
        total += np.exp(-(scaled**2) / 2) @ counts
    return total / (max(counts.sum(), 1) * _WIDTH * np.sqrt(2 * np.pi))


def figure_13(found: FoundLogs) -> Figure:
    """Histograms and densities of p_hat of the images that are certified at the log's own n."""
    settings = found.settings()
    shown = [*settings, *(s for s in PAPER_SIGMAS if s not in settings)]
    panels, rows, missing = [], [], []
    for setting in shown:
        absent = found.missing(setting) if setting in PAPER_SIGMAS else ()
        if absent:
            sigmas = ", ".join(f"{sigma:.2f}" for sigma in absent)
            missing.append(f"{setting}: no log at σ = {sigmas}")
        for log in found.of(setting):
            p = log.p_hat[log.predictions >= 0]
            abstained = 1 - len(p) / len(log)
            if not len(p):
                missing.append(f"{setting}, σ = {log.sigma:g}: every image abstained")
                continue
            heights, _ = np.histogram(p, bins=_BINS, density=True)
            curve = density(p, _BINS)
            rows += [
                (setting, log.sigma, len(log), abstained, low, high, height, at_low)
                for low, high, height, at_low in zip(
                    _BINS[:-1].tolist(), _BINS[1:].tolist(), heights.tolist(), curve.tolist()
                )
            ]
            panels.append((setting, log.sigma, heights, p, abstained))
    lines = [
        of_one[at : at + _ACROSS]
        for of_one in ([panel for panel in panels if panel[0] == setting] for setting in settings)
        for at in range(0, len(of_one), _ACROSS)
    ]

    def draw(figure: Any) -> None:
        grid = figure.subplots(
            max(len(lines), 1), _ACROSS, sharex=True, sharey=True, squeeze=False
        )
        for axes in grid.flat:
            axes.set_visible(False)
        for line, row in zip(grid, lines):
            for axes, panel in zip(line, row):
                _draw_panel(axes, *panel)
        for column in grid.T:
            for axes in [axes for axes in column if axes.get_visible()][-1:]:
                axes.tick_params(labelbottom=True)
                axes.set_xlabel("$p_0$")
                # Labels above an empty panel need no room of their own.
                axes.xaxis.set_in_layout(axes is column[-1])
        figure.supylabel("density over the images (log scale)", fontsize=8.5)
        legend(figure, grid[0, 0], tuple(missing), columns=2)

    return Figure(
        "figure_13",
        "Figure 13. Top class's probability $p_0$: histogram, kernel density; dashed: uniform",
        (
            "setting", "sigma", "images", "abstained_share", "p_low", "p_high",
            "histogram_density", "kernel_density_at_p_low",
        ),
        rows,
        draw,
        tuple(missing),
        0.9 + 1.35 * max(len(lines), 1) + 0.12 * len(missing),
    )  # fmt: skip


def _draw_panel(
    axes: Any, setting: str, sigma: float, heights: np.ndarray, p: np.ndarray, abstained: float
) -> None:
    axes.set_visible(True)
    at = np.linspace(0.5, 1.0, _GRID)
    axes.stairs(heights, _BINS, fill=True, color=COLOURS[4], alpha=0.6)
    axes.plot(at, density(p, at), color=COLOURS[0], linewidth=1.2)
    axes.axhline(2, color=COLOURS[1], linewidth=0.9, linestyle="--")
    axes.set_yscale("log")
    axes.set_ylim(0.1, 60)
    name = setting if len(setting) <= 26 else f"{setting[:25]}…"
    axes.set_title(f"{plain(name)}\nσ = {sigma:g}, {abstained:.0%} abstained", fontsize=7)
