# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What became of every frame that a camera sent: the numbers of a live run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..certification import Status

_NANOSECONDS = 1_000_000_000
_WARM = _NANOSECONDS  # after the first frame: deadline misses before are counted apart
_MOST_UNSEEN, _MOST_LATE = 0.01, 0.001  # of the frames sent; late: after the first second
_LIMITS = f"superseded, lost <= {_MOST_UNSEEN:.0%}, late <= {_MOST_LATE:.1%}"
_ANSWERS = (Status.CERTIFIED.name, Status.ABSTAINED.name)
_NAMED = (*_ANSWERS, Status.DEADLINE_MISSED.name)


def summarise(
    sent: Sequence[dict[str, Any]],
    certificates: Sequence[dict[str, Any]],
    labels: Sequence[str],
    n_idle: float,
) -> dict[str, Any]:
    """Join the certificates with the frames that were sent.

    Parameters
    ----------
    sent : sequence of dict
        The camera's records: frame, stamp_ns.
    certificates : sequence of dict
        The listener's records.
    labels : sequence of str
        Class of every frame of the recording; empty where unknown.
    n_idle : float
        Median samples a frame in-process and idle.

    Returns
    -------
    dict
        Counts; latencies in ms; radii at the network's input in [0, 1] pixels; shares in
        [0, 1]; None where there is nothing to tell. `every_frame_accounted` is true when the
        certificates belong to distinct frames that were sent, none of those published is
        missing, and the other frames are superseded or lost in transport.
    """
    frames = {record["stamp_ns"]: record["frame"] for record in sent}
    accepted = max((c["sequence"] for c in certificates), default=0)
    superseded = max((c["superseded_total"] for c in certificates), default=0)
    lost = len(sent) - accepted - superseded
    answered = {c["stamp_ns"] for c in certificates}
    statuses = Counter(c["status"] for c in certificates)
    certified = [c for c in certificates if c["status"] == Status.CERTIFIED.name]
    warm = min(frames, default=0) + _WARM
    late = [c for c in certificates if c["status"] == Status.DEADLINE_MISSED.name]
    latencies = [1e3 * c["latency"] for c in certificates]
    n_median = _median([c["n_used"] for c in certificates if c["status"] in _ANSWERS])
    summary: dict[str, Any] = {
        "frames_sent": len(sent),
        "certificates_received": len(certificates),
        "superseded": superseded,
        "lost_in_transport": lost,
        "certified": statuses[Status.CERTIFIED.name],
        "abstained": statuses[Status.ABSTAINED.name],
        "deadline_missed": len(late),
        "deadline_missed_after_first_second": sum(c["stamp_ns"] >= warm for c in late),
        "other_statuses": {k: v for k, v in sorted(statuses.items()) if k not in _NAMED},
        "safe": sum(c["safe"] for c in certificates),
        "latency_median_ms": _median(latencies),
        "latency_p99_ms": float(np.percentile(latencies, 99)) if latencies else None,
        "n_median": n_median,
        "n_idle_median": n_idle or None,
        "n_ratio": n_median / n_idle if n_median and n_idle else None,
        "radius_mean": float(np.mean([c["radius"] for c in certified])) if certified else None,
        "every_frame_accounted": (
            0 < len(certificates) == accepted == len(answered)
            and answered <= frames.keys()
            and lost >= 0
        ),
    }
    late_share = summary["deadline_missed_after_first_second"] / max(1, len(sent))
    unseen_share = (superseded + lost) / max(1, len(sent))
    summary["within_limits"] = unseen_share <= _MOST_UNSEEN and late_share <= _MOST_LATE
    if labels:
        right = sum(
            c["class_name"] == labels[frames[c["stamp_ns"]] % len(labels)]
            for c in certified
            if c["stamp_ns"] in frames
        )
        summary["certified_right_share"] = right / len(certified) if certified else None
        summary["frames_certified_right_share"] = right / len(sent) if sent else None
    return summary


def table(summary: dict[str, Any], held_aside: dict[str, Any]) -> str:
    """Lay the summary out for people.

    Parameters
    ----------
    summary : dict
        From `summarise`.
    held_aside : dict
        `evaluation` of the model's card: what the model does on real images.
    """
    sent = summary["frames_sent"]
    rows = [
        ("frames sent", f"{sent}"),
        ("certificates received", f"{summary['certificates_received']}"),
        ("superseded by a newer frame", _count(summary["superseded"], sent)),
        ("lost in transport", _count(summary["lost_in_transport"], sent)),
        ("certified", _count(summary["certified"], sent)),
        ("abstained", _count(summary["abstained"], sent)),
        ("deadline misses", _count(summary["deadline_missed"], sent)),
        ("  after the first second", f"{summary['deadline_missed_after_first_second']}"),
    ]
    rows += [(f"status {name}", _count(n, sent)) for name, n in summary["other_statuses"].items()]
    rows += [
        ("safe by the consumer rule", _count(summary["safe"], sent)),
        ("image to certificate, median", _number(summary["latency_median_ms"], ".1f", " ms")),
        ("image to certificate, p99", _number(summary["latency_p99_ms"], ".1f", " ms")),
        ("n used, median", _number(summary["n_median"], ".0f")),
        ("n in-process and idle, median", _number(summary["n_idle_median"], ".0f")),
        ("  ratio", _number(summary["n_ratio"], ".2f")),
        ("certified radius, mean", _number(summary["radius_mean"], ".3f")),
    ]
    if "certified_right_share" in summary:
        rows += [
            ("certified class is right", _number(summary["certified_right_share"], ".1%")),
            ("frames certified right", _number(summary["frames_certified_right_share"], ".1%")),
        ]
    conditions = [f"{k} {held_aside[k]:g}" for k in ("images", "sigma", "n") if k in held_aside]
    conditions += [held_aside["procedure"]] if "procedure" in held_aside else []
    conditions += [f"precision {held_aside['precision']}"] if "precision" in held_aside else []
    accuracy, radius = (
        _number(held_aside[name], form) if name in held_aside else "not in the card"
        for name, form in (("smoothed_accuracy", ".1%"), ("average_certified_radius", ".3f"))
    )
    rows += [
        ("on real held-aside tracks", ", ".join(conditions)),
        ("  smoothed accuracy", accuracy),
        ("  average certified radius", radius),
        (_LIMITS, "yes" if summary["within_limits"] else "NO: was the machine busy?"),
        ("every frame accounted for", "yes" if summary["every_frame_accounted"] else "NO"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}".rstrip() for name, value in rows)


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _count(count: int, sent: int) -> str:
    return f"{count} ({count / sent:.1%})" if sent else f"{count}"


def _number(value: Any, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if isinstance(value, int | float) else "-"
