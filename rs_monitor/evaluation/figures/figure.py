# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A figure before it is drawn: its numbers, what is missing from it, and how it is drawn."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from typing import Any

#: Width of a page's text, inches.
PAGE_WIDTH = 6.8

# Okabe & Ito's colours, told apart by colour-blind readers; yellow and orange are too pale.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000", "#8C6D1F")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 3)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#666666"


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure, its numbers and how to draw them.

    Attributes
    ----------
    name : str
        Stem of its files.
    title : str
    columns : tuple of str
        Of the CSV file; units are in the names.
    rows : list of tuple
        Every number that is drawn.
    draw : callable
        Draws into a matplotlib figure; this package imports matplotlib only where it writes.
    missing : tuple of str
        The curves that are not drawn, a line each, with the reason.
    height : float
        Inches.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple]
    draw: Callable[[Any], None]
    missing: tuple[str, ...] = ()
    height: float = 3.6


def style(index: int, *, marker: bool = True) -> dict[str, Any]:
    """Return the look of the line with this index: colour, dashes and marker all differ."""
    at = index % len(COLOURS)
    look = {"color": COLOURS[at], "linestyle": LINES[at], "linewidth": 1.4}
    if marker:
        look |= {"marker": MARKERS[at], "markersize": 4.5}
    return look


def finish(axes: Any, *, x: str, y: str, title: str = "") -> None:
    """Name the axes, draw a faint grid."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(title)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def samples_axis(axes: Any, ns: Any) -> None:
    """Make the x axis a logarithmic one of numbers of samples, with plain labels."""
    axes.set_xscale("log")
    low, high = min(ns), max(ns)
    ticks = [10**power for power in range(1, 7) if low <= 10**power <= high]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xlim(low / 1.5, high * 1.5)


def plain(text: str) -> str:
    """Keep names given by users from being read as formulas."""
    return text.replace("$", r"\$")


def wrapped(text: str, width: int = 30) -> str:
    """Break a legend's text, which is no formula, into lines that leave room for the axes."""
    return plain(textwrap.fill(text, width))


def legend(
    figure: Any, axes: Any, missing: tuple[str, ...] = (), *, title: str = "", columns: int = 0
) -> None:
    """Put the legend beside the axes, or below them in columns; missing curves come last."""
    handles, labels = axes.get_legend_handles_labels()
    for text in missing:
        (handle,) = axes.plot([], [], linestyle="none", marker="x", color=GREY)
        handles.append(handle)
        labels.append(wrapped(text, 90 // columns) if columns else wrapped(text))
    if handles:
        place = "outside lower center" if columns else "outside right center"
        figure.legend(
            handles, labels, loc=place, ncols=columns or 1, title=title or None, handlelength=3.2
        )
