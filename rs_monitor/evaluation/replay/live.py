# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a live run recorded, frame by frame: a row each, answered or not."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...certification import Status
from .certify import PART_COLUMNS
from .columns import LIVE, MESSAGE, unanswered
from .plan import Point, Stream

LIVE_COLUMNS = PART_COLUMNS | LIVE
_MILLISECONDS = 1000.0


def live_rows(
    stream: Stream,
    point: Point,
    sent: Sequence[dict[str, Any]],
    certificates: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Join the frames that were sent with the certificates that came.

    Parameters
    ----------
    stream : Stream
    point : Point
    sent : sequence of dict
        The camera's records, in order.
    certificates : sequence of dict
        The listener's records.

    Returns
    -------
    list of dict
        A row for every frame. `latency_ms` is from publishing the image to hearing its
        certificate, on the steady clock of this machine; null without one. A frame without a
        certificate is `missing`; it is `superseded` when the node counted so many frames that a
        newer one replaced before the next certificate, and lost on the way otherwise.
    """
    waiting: dict[int, deque[dict[str, Any]]] = {}
    for certificate in certificates:
        waiting.setdefault(certificate["stamp_ns"], deque()).append(certificate)
    rows: list[dict[str, Any]] = []
    unheard: list[dict[str, Any]] = []  # rows since the last certificate
    superseded = 0
    for frame in sent:
        row = {
            "topic": stream.topic,
            "index": frame["index"],
            "log_time_ns": frame["log_time_ns"],
            "point": 0,
            "n": point.n,
            "resolution": point.resolution,
            "superseded": False,
        }
        answers = waiting.get(frame["stamp_ns"])
        if answers:
            answer = answers.popleft()
            row |= {name: answer[name] for name in MESSAGE}
            row["latency_ms"] = (answer["steady"] - frame["steady"]) * _MILLISECONDS
            replaced = answer["superseded_total"] - superseded
            for one in unheard[len(unheard) - min(replaced, len(unheard)) :]:
                one["superseded"] = True
            superseded, unheard = answer["superseded_total"], []
        else:
            row |= unanswered(frame["stamp_ns"], frame["frame_id"])
            unheard.append(row)
        row["missing"] = not row["sequence"]
        row["top_class"] = row["class_id"]
        rows.append(row)
    return rows


class Timing:
    """Sums up what became of the frames of live runs, and how fast."""

    def __init__(self) -> None:
        self._latencies: list[float] = []
        self._sent = self._superseded = self._lost = self._late = 0

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Take the rows of a run."""
        for row in rows:
            self._sent += 1
            self._superseded += row["superseded"]
            self._lost += row["missing"] and not row["superseded"]
            self._late += row["status"] == Status.DEADLINE_MISSED.name
            if not row["missing"]:
                self._latencies.append(row["latency_ms"])

    def result(self) -> dict[str, Any]:
        """Return counts and latencies; None where there is nothing to tell."""
        heard = self._latencies
        return {
            "frames_sent": self._sent,
            "certificates_received": len(heard),
            "superseded": self._superseded,
            "lost_in_transport": self._lost,
            "deadline_missed": self._late,
            "latency_median_ms": float(np.median(heard)) if heard else None,
            "latency_p99_ms": float(np.percentile(heard, 99)) if heard else None,
        }
