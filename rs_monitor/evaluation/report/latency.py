# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How long certificates took, against the frame period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .results import Results, number
from .style import (
    BLUE,
    GREY,
    Chart,
    Key,
    Table,
    add_hover,
    add_limit,
    chart_data,
    new_figure,
)

_BINS = 60


@dataclass(frozen=True)
class Latency:
    """The chart, and the figures that the page says in words (ms)."""

    chart: Chart
    live: bool
    count: int
    median: float
    p99: float
    largest: float
    period: float
    late: int


def latency(results: Results) -> Latency | None:
    """Draw the histogram of latencies (live) or processing times; None without any."""
    frames = results.frames
    values = frames["latency_ms"]
    values = values[np.isfinite(values)]
    live = len(values) > 0
    if not live:
        values = frames["processing_time_ns"] / 1e6
        values = values[values > 0]
    if not len(values):
        return None
    period, name = 1e3 * number(results.setting("frame_period")), "frame period"
    if not period > 0:
        period, name = 1e3 * frames.interval(), "recorded frame period"
    median, p99 = np.percentile(values, [50, 99]).tolist()
    end = 1.1 * max(p99, 1.15 * period if np.isfinite(period) else 0.0)
    counts, edges = np.histogram(values, _BINS, (0, end))
    beyond = int((values > end).sum())
    what = "latency, image to certificate" if live else "processing time"
    width = edges[1] - edges[0]
    plot = new_figure(
        f"{what}, ms",
        "frames",
        x_range=(0, end + (3 * width if beyond else 0)),
        y_range=(0, 1.08 * max(int(counts.max()), beyond)),
    )
    data = {"left": edges[:-1], "right": edges[1:], "count": counts}
    bars = plot.quad(
        "left", "right", "count", 0, source=chart_data(data), color=BLUE, line_color=None
    )
    tips = [("from", "@left{0.0} to @right{0.0} ms"), ("frames", "@count")]
    add_hover(plot, [bars], tips)
    keys = [Key(what, BLUE, "bar")]
    if beyond:
        more = {"left": [end + width], "right": [end + 3 * width], "count": [beyond]}
        bar = plot.quad("left", "right", "count", 0, source=chart_data(more), color=GREY)
        add_hover(plot, [bar], [("beyond", f"{end:.0f} ms"), ("frames", "@count")])
        text = f"beyond {end:.0f} ms: {beyond} (largest {values.max():.0f} ms)"
        keys.append(Key(text, GREY, "bar"))
    if np.isfinite(period):
        keys.append(add_limit(plot, f"{name} {period:.3g} ms", period, dimension="height"))
    percents = (1, 25, 50, 75, 90, 95, 99, 100)
    rows = [[f"{p}", f"{np.percentile(values, p):.2f}"] for p in percents]
    label = f"Histogram of the {what}: median {median:.1f} ms, 99th percentile {p99:.1f} ms."
    table = Table(["percentile", "ms"], rows)
    late = int((values > period).sum())
    chart = Chart("latency", plot, label, keys, "", table)
    return Latency(chart, live, len(values), median, p99, float(values.max()), period, late)
