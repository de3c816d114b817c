# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from . import narrative, tables, words
from .curves import accuracy_chart, average_charts
from .frames import ReportError
from .latency import latency
from .results import Results, load_results, number
from .style import INSTALL, Chart
from .timeline import JOINED, timelines
from .worst import worst

NAME = "report.html"


class UnwritableReport(ReportError):
    """The report is made, but cannot be written."""


def write_report(out: Path) -> Path:
    """Write report.html into a replay's folder.

    Parameters
    ----------
    out : Path
        Holds frames.parquet and summary.json, and thumbnails where there are any.

    Returns
    -------
    Path
        Of the report. An older one is replaced only once the new one is complete.

    Raises
    ------
    ReportError
        When the folder lacks what a report needs, and where a library is missing; the message
        says what to do.
    UnwritableReport
        When the folder cannot be written to.
    """
    try:
        page = render(load_results(Path(out)))
    except ImportError as error:
        raise ReportError(f"a report needs more libraries ({error}): {INSTALL}") from error
    path = Path(out) / NAME
    part = path.with_suffix(".part")
    try:
        part.write_text(page, encoding="utf-8", errors="replace")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UnwritableReport(f"cannot write {path}: {error.strerror or error}") from error
    return path


def render(results: Results) -> str:
    """Return the page."""
    import jinja2
    from bokeh.resources import Resources

    frames = results.frames
    required = max(0.0, number(results.setting("required_radius", 0)))
    lines = timelines(frames, required)
    delays = latency(results)
    accuracy, averages = accuracy_chart(results), average_charts(results)
    thumbnails, unreadable = worst(frames, results.folder)
    charts = [*(line.chart for line in lines), accuracy, *averages]
    charts += [delays.chart] if delays else []
    # Bokeh's core alone: no widgets, no tables, and no MathJax, which would load from the network.
    library = "\n".join(Resources(mode="inline", components=["bokeh"], log_level="error").js_raw)
    scripts = [library, _asset("charts.js")]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset("report.html.j2")).render(
        results=results,
        narrative=narrative,
        tables=tables,
        words=words,
        joined=JOINED,
        lines=lines,
        latency=delays,
        accuracy=accuracy,
        averages=averages,
        thumbnails=thumbnails,
        unreadable=unreadable,
        charts=script_json({chart.name: _item(chart) for chart in charts}),
        style=_asset("style.css"),
        scripts=scripts,
        hashes=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
    )


def _item(chart: Chart) -> Any:
    from bokeh.embed import json_item

    return json_item(chart.figure)


def script_json(value: Any) -> str:
    """Return JSON that stays inside its script element whatever it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _digest(script: str) -> str:
    """Return what the page's policy knows a script by: no other one runs."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")
