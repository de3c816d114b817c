# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The diagnostic `Input`: whether images come, as often as expected, and can be used."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ...certification import Status
from ..configuration import Configuration
from .judgement import faults, rounded, silence
from .report import Finding, Level, Report, make_report
from .statistics import Summary


@dataclasses.dataclass(frozen=True)
class Camera:
    """One publisher on the image topic.

    Attributes
    ----------
    name : str
        Full name of its node.
    problem : str
        Why no image can come from it; "" when some can.
    """

    name: str
    problem: str = ""


def judge_input(
    summary: Summary, configuration: Configuration, topic: str, cameras: Sequence[Camera]
) -> Report:
    """Tell of the images and of who sends them."""
    window, total = summary.window, summary.total
    period = configuration["timing.frame_period"]
    values = {
        "topic": topic,
        "publishers": len(cameras),
        "publishers with incompatible QoS or type": sum(bool(c.problem) for c in cameras),
        "QoS mismatches met": summary.mismatches,
        "rate (Hz)": round(summary.rate, 2),
        "expected rate (Hz)": 1 / period,
        "encoding": summary.encoding or None,
        "size": summary.size or None,
        "age of the last image (s)": rounded(summary.image_age),
        "window (s)": summary.span,
        "images in window": window.images,
        "images": total.images,
        "lost in window": window.lost,
        "lost": total.lost,
        "superseded in window": window.superseded,
        "superseded": total.superseded,
        "stale in window": window.statuses[Status.STALE_INPUT],
        "stale": total.statuses[Status.STALE_INPUT],
        "undecodable in window": window.undecodable,
        "undecodable": total.undecodable,
    }
    if summary.listening is None:
        idle = Finding(Level.STALE, f"not subscribed to {topic}: the node is not active")
        return make_report([idle], "", values)
    silent_for = summary.listening if summary.image_age is None else summary.image_age
    if silent_for > silence(configuration):
        said = f"no image for {silent_for:.1f} s: {_why(topic, cameras)}"
        if window.lost:
            said += f"; {window.lost} lost by DDS"
        return make_report([Finding(Level.ERROR, said)], "", values)
    if summary.image_age is None:
        waiting = Finding(Level.STALE, f"waiting for the first image on {topic}")
        return make_report([waiting], "", values)
    findings = [
        Finding(Level.WARN, f"publisher {camera.name}: {camera.problem}")
        for camera in cameras
        if camera.problem
    ]
    least = configuration["diagnostics.min_rate_fraction"] / period
    if summary.settled and summary.rate < least:
        said = f"{summary.rate:.1f} Hz, {1 / period:.1f} Hz are expected (timing.frame_period)"
        findings.append(Finding(Level.WARN, said))
    stale, frames = window.statuses[Status.STALE_INPUT], window.certificates
    findings += [
        faults(window.lost, window.lost + window.images, "lost by DDS", configuration),
        faults(stale, frames, "stale", configuration),
        faults(window.undecodable, frames, f"undecodable ({summary.encoding})", configuration),
    ]
    # A camera faster than the node loses no certificate: of that a warning is enough.
    superseded = faults(window.superseded, window.superseded + frames, "superseded", configuration)
    if superseded:
        findings.append(dataclasses.replace(superseded, level=Level.WARN))
    return make_report(
        findings, f"{summary.rate:.1f} Hz {summary.encoding} {summary.size}".strip(), values
    )


def _why(topic: str, cameras: Sequence[Camera]) -> str:
    """Return why no image comes."""
    if not cameras:
        return f"no publisher on {topic}"
    fitting = [camera.name for camera in cameras if not camera.problem]
    if fitting:
        return f"nothing comes from {', '.join(fitting)}"
    return "; ".join(f"publisher {camera.name}: {camera.problem}" for camera in cameras)
