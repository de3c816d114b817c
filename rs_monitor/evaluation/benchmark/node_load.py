# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The node under a camera of one rate: what became of the frames, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..demo_summary import summarise

MOST_DROPPED = 0.05  # of the frames sent, up to which a rate counts as borne
_LATENCIES = {"median": 50.0, "p95": 95.0, "p99": 99.0, "p999": 99.9, "largest": 100.0}
_NEAR_ENOUGH = 1.1  # ratio of a rate that is not borne to one that is


def load_row(
    rate: float,
    sent: Sequence[dict[str, Any]],
    certificates: Sequence[dict[str, Any]],
    usage: dict[str, float],
) -> dict[str, Any]:
    """Return the numbers of one run.

    Parameters
    ----------
    rate : float
        Hertz that the camera was asked for.
    sent, certificates : sequence of dict
        Records of the camera and the listener.
    usage : dict
        cpu_seconds of the node while the camera played, resident_mb at its end.

    Returns
    -------
    dict
        rate and rate_sent in Hz; counts of frames sent, certificates, superseded,
        lost_in_transport and deadline_missed; dropped_share, that of the frames which got no
        answer in time for any of these reasons; latency percentiles from stamp to certificate in
        ms; n_median; cpu_seconds_per_second; resident_mb.
    """
    summary = summarise(sent, certificates, [], 0.0)
    seconds = sent[-1]["steady"] - sent[0]["steady"] if len(sent) > 1 else 0.0
    latencies = [1e3 * certificate["latency"] for certificate in certificates]
    unanswered = ("superseded", "lost_in_transport", "deadline_missed")
    dropped = sum(summary[name] for name in unanswered)
    return {
        "rate": rate,
        "rate_sent": (len(sent) - 1) / seconds if seconds else None,
        "frames_sent": len(sent),
        "certificates": len(certificates),
        **{name: summary[name] for name in unanswered},
        "other_statuses": summary["other_statuses"],
        "dropped_share": dropped / len(sent) if sent else 1.0,
        **{
            f"latency_{name}_ms": float(np.percentile(latencies, q)) if latencies else None
            for name, q in _LATENCIES.items()
        },
        "n_median": summary["n_median"],
        "cpu_seconds_per_second": usage["cpu_seconds"] / seconds if seconds else None,
        "resident_mb": usage["resident_mb"],
    }


def borne(row: dict[str, Any]) -> bool:
    """Whether the node answered all but 5 % of the frames in time, at about the asked rate."""
    return (
        row["dropped_share"] < MOST_DROPPED
        and row["rate_sent"] is not None
        and row["rate_sent"] * _NEAR_ENOUGH > row["rate"]
    )


def find_peak(
    load: Callable[[float], dict[str, Any]], low: float, high: float | None, most: float
) -> list[dict[str, Any]]:
    """Look for the largest rate that is borne, to a tenth.

    Parameters
    ----------
    load : callable
        Runs the node at a rate in Hz; returns `load_row`.
    low : float
        Hz that are borne, or so few that no less is tried.
    high : float or None
        Hz, known not to be borne.
    most : float
        No higher rate is tried.

    Returns
    -------
    list of dict
        The rows tried, in order.
    """
    rows = []
    while low < most and (high is None or high / low > _NEAR_ENOUGH):
        rate = min(2 * low, most) if high is None else (low * high) ** 0.5
        rows.append(load(rate))
        low, high = (rate, high) if borne(rows[-1]) else (low, rate)
    return rows


def load_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lay the rows out for people."""
    columns = (
        ("rate", "Hz", ".1f"), ("frames_sent", "sent", "d"), ("certificates", "answered", "d"),
        ("superseded", "supersed.", "d"), ("lost_in_transport", "lost", "d"),
        ("deadline_missed", "missed", "d"), ("latency_median_ms", "median", ".1f"),
        ("latency_p99_ms", "p99", ".1f"), ("latency_largest_ms", "largest", ".1f"),
        ("n_median", "n", ".0f"), ("cpu_seconds_per_second", "CPU s/s", ".2f"),
        ("resident_mb", "MB", ".0f"),
    )  # fmt: skip
    told = ["".join(f"{title:>10}" for _, title, _ in columns)]
    for row in rows:
        cells = ("-" if row[name] is None else f"{row[name]:{form}}" for name, _, form in columns)
        told.append("".join(f"{cell:>10}" for cell in cells))
    return told
