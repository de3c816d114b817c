# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Figure 5: time of a batch, from files of `rs_monitor benchmark`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..batch_times import BatchTime, batch_times, read_batch_times
from .figure import Figure, finish, legend, style, wrapped

#: The paper's frame period, 1/25 s.
PERIOD_MS = 40.0

# The paper's curves: what a benchmark of the same would be called.
_DEVICE = r"3080"
_CURVES = {
    "CIFAR-10 ResNet-110": (r"resnet[-_ ]?110", "full"),
    "ImageNet ResNet-50": (r"resnet[-_ ]?50", "full"),
    "ImageNet ResNet-50, half resolution": (r"resnet[-_ ]?50", "half"),
}


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One measured curve.

    Attributes
    ----------
    path : pathlib.Path
    label : str
        Model, device, backend and precision, as far as the file tells.
    model, device : str
    resolution : str
    points : tuple of (int, float, float)
        Batch, median and 99th percentile of its time in milliseconds; batches ascend.
    """

    path: Path
    label: str
    model: str
    device: str
    resolution: str
    points: tuple[tuple[int, float, float], ...]

    def largest_in_period(self) -> int | None:
        """Return the largest batch whose median time is within the paper's 40 ms; None: none."""
        inside = [batch for batch, median, _ in self.points if median <= PERIOD_MS]
        return max(inside, default=None)


def read_benchmark(path: Path) -> list[Benchmark]:
    """Read the curves, one for each resolution, of a file that `rs_monitor benchmark` wrote.

    Raises
    ------
    ValueError
        Naming the file and the place, where it is no such file.
    OSError
        When it cannot be read.
    """
    document, rows = read_batch_times(path)
    if not rows:
        raise ValueError(f"benchmark {path}: it has no rows")
    return _curves(document, rows, path)


def _curves(document: dict[str, Any], rows: list[BatchTime], path: Path) -> list[Benchmark]:
    """Return a curve for each resolution."""
    curves: dict[str, list[tuple[int, float, float]]] = {}
    for row in rows:
        median = row.median_ms or row.p99_ms
        points = curves.setdefault(row.resolution or "full", [])
        points.append((row.batch, median, row.p99_ms or median))
    keys = ("model", "device", "backend", "precision")
    told = [str(document[key]) for key in keys if document.get(key)]
    return [
        Benchmark(
            path,
            ", ".join([*(told or [path.stem]), resolution]),
            f"{document.get('model', '')} {path.stem}",
            str(document.get("device", "")),
            resolution,
            tuple(sorted(points)),
        )
        for resolution, points in curves.items()
    ]


def _paper_curves_missing(benchmarks: Sequence[Benchmark]) -> tuple[str, ...]:
    missing = []
    for name, (model, resolution) in _CURVES.items():
        if not any(
            re.search(model, b.model, re.IGNORECASE)
            and re.search(_DEVICE, b.device)
            and b.resolution == resolution
            for b in benchmarks
        ):
            missing.append(f"{name}, NVIDIA 3080: no benchmark")
    return tuple(missing)


def figure_5(benchmarks: Sequence[Benchmark]) -> Figure:
    """Time of a batch against its size, with the paper's 40 ms."""
    title = "Figure 5. Time of a batch" + ("" if benchmarks else " (no benchmark)")
    return _figure(benchmarks, PERIOD_MS, title, _paper_curves_missing(benchmarks))


def latency_figure(documents: Sequence[dict[str, Any]], period_ms: float, title: str) -> Figure:
    """Time of a batch against its size, as figure 5, with the frame period of a benchmark.

    Parameters
    ----------
    documents : sequence of dict
        What `rs_monitor benchmark` measured.
    period_ms : float
        Frame period in milliseconds.
    title : str
    """
    curves = [c for d in documents for c in _curves(d, batch_times(d), Path("benchmark"))]
    return _figure(curves, period_ms, title, ())


def _figure(
    benchmarks: Sequence[Benchmark], period_ms: float, title: str, missing: tuple[str, ...]
) -> Figure:
    period = f"{period_ms:g} ms, {1e3 / period_ms:g} frames/s"

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for index, curve in enumerate(benchmarks):
            batches, medians, late = zip(*curve.points)
            look = style(index)
            axes.plot(batches, medians, label=wrapped(curve.label), **look)
            axes.fill_between(batches, medians, late, color=look["color"], alpha=0.15, linewidth=0)
        axes.axhline(period_ms, color="#CC0000", linewidth=1.2, label=period)
        if benchmarks:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            sizes = sorted({batch for curve in benchmarks for batch, _, _ in curve.points})
            ticks = [2**power for power in range(21) if sizes[0] <= 2**power <= sizes[-1]]
            axes.set_xticks(ticks or sizes[:1], [f"{tick}" for tick in ticks or sizes[:1]])
            low, high = axes.get_ylim()
            ticks = [d * 10.0**e for e in range(-4, 8) for d in (1, 2, 5)]
            ticks = [tick for tick in ticks if low <= tick <= high]
            axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.yaxis.set_minor_formatter(lambda value, position: "")
        else:
            axes.set_xlim(1, 256)
            axes.set_ylim(0, 2 * period_ms)
        finish(axes, x="batch size", y="time of a batch (ms)")
        shading = "line: median; shade: to the 99th percentile" if benchmarks else ""
        legend(figure, axes, missing, title=shading)

    return Figure(
        "figure_05",
        title,
        ("file", "model_device_backend", "resolution", "batch", "median_ms", "p99_ms"),
        [
            (str(curve.path), curve.label, curve.resolution, *point)
            for curve in benchmarks
            for point in curve.points
        ],
        draw,
        missing,
    )
