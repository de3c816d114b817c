# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How charts look: colours, marks, axes.

No text of a bag or of a model ever enters a chart, where markup or TeX in it could be rendered:
names stand in the page around it, escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

INSTALL = "python -m pip install 'bokeh>=3.7,<4' 'jinja2>=3.1,<4' 'pyarrow>=15,<27'"

# Told apart by people with any colour vision, and at least 3:1 against white and #16181d.
BLUE, VERMILLION, GREEN, PURPLE, OCHRE, GREY = (
    "#2f7fc1",
    "#d55e00",
    "#00916a",
    "#b0609a",
    "#a07800",
    "#7a7a7a",
)
SERIES = (BLUE, GREEN, PURPLE, OCHRE, GREY)
LIMIT = VERMILLION  # what must be reached, or kept within: never a series
DASHES = ("solid", "dotted", "dotdash", "dashdot", "solid")
MARKS = ("circle", "square", "triangle", "diamond", "inverted_triangle")
MOST_SERIES = len(SERIES)
_HEIGHT = 300


@dataclass(frozen=True)
class Key:
    """An entry of a chart's legend, which the page draws.

    Attributes
    ----------
    text : str
    color : str
    mark : str
        circle, square, triangle, diamond, inverted_triangle, cross; "line", "band" or "bar".
    dash : str
        Of a line: solid, dashed, dotted, dotdash, dashdot.
    """

    text: str
    color: str
    mark: str = "line"
    dash: str = "solid"


@dataclass(frozen=True)
class Table:
    """Rows under a head, all text; columns from the second on are numbers where `numeric`."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True


@dataclass(frozen=True)
class Chart:
    """A figure with all that is said about it in words.

    Attributes
    ----------
    name : str
        Unique in the page; letters, digits and hyphens.
    figure : bokeh.plotting.figure
    label : str
        What a reader who cannot see it is told.
    keys : sequence of Key
    caption : str
    table : Table or None
        Its numbers.
    """

    name: str
    figure: Any
    label: str
    keys: Sequence[Key] = ()
    caption: str = ""
    table: Table | None = None


def new_figure(x_label: str, y_label: str, *, height: int = _HEIGHT, **options: Any) -> Any:
    """Return an empty figure as wide as the page.

    Dragging and scrolling move the page, not the chart, until a tool is chosen: on a phone the
    page could not be scrolled past a chart otherwise.
    """
    from bokeh.models import NoOverlap
    from bokeh.plotting import figure

    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        tools="xpan,xbox_zoom,reset,save",
        active_drag=None,
        active_scroll=None,
        toolbar_location="above",
        x_axis_label=x_label,
        y_axis_label=y_label,
        min_border_left=48,
        min_border_right=12,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_alpha=0,
        **options,
    )
    plot.toolbar.logo = None
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
        axis.minor_tick_line_color = None
        axis.major_label_policy = NoOverlap(min_distance=8)
    plot.grid.grid_line_color = GREY
    plot.grid.grid_line_alpha = 0.25
    return plot


def chart_data(data: dict[str, Any]) -> Any:
    """Return a chart's data: sequences of numbers by name."""
    from bokeh.models import ColumnDataSource

    return ColumnDataSource(data)


def add_hover(plot: Any, renderers: Sequence[Any], tooltips: Sequence[tuple[str, str]]) -> None:
    """Show numbers of the mark under the pointer."""
    from bokeh.models import HoverTool

    plot.add_tools(HoverTool(renderers=list(renderers), tooltips=list(tooltips), visible=False))


def add_limit(plot: Any, text: str, value: float, *, dimension: str) -> Key:
    """Draw a dashed line across the chart; dimension is "width" or "height"."""
    from bokeh.models import Span

    look = {"line_color": LIMIT, "line_dash": "dashed", "line_width": 2}
    plot.add_layout(Span(location=value, dimension=dimension, **look))
    return Key(text, LIMIT, "line", "dashed")


def upper(*values: float, least: float = 0.0) -> float:
    """Return the end of an axis that shows all finite values with a little room above."""
    finite = [value for value in values if value == value and abs(value) != float("inf")]
    return 1.05 * max([least, *finite]) or 1.0


def plain_word(text: str) -> str:
    """Return text that may enter a chart: letters, digits, spaces and -_."""
    return re.sub(r"[^A-Za-z0-9 _-]", "", text)[:24]
