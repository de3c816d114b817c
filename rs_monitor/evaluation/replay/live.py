# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a live run recorded, frame by frame: a row each, answered or not."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...certification import Status
from .certify import PART_COLUMNS
from .columns import LIVE, MESSAGE, unanswered
from .plan import Point, Stream

LIVE_COLUMNS = PART_COLUMNS | LIVE
UNTOLD = "its stamp repeats and frames of it were lost: their certificates cannot be told apart"
_MILLISECONDS = 1000.0


def places(
    sent: Sequence[dict[str, Any]], certificates: Sequence[dict[str, Any]]
) -> list[int | None]:
    """Return which frame each certificate is of, by its place among those sent.

    The stamp alone does not tell where it repeats. A certificate also says how many frames the
    node had received: as many as that, or more, were sent up to its frame. Of all ways to
    assign frames in order, the earliest and the latest are found; where they agree there is no
    other.

    Parameters
    ----------
    sent : sequence of dict
        The camera's records, in order.
    certificates : sequence of dict
        The listener's records, by `sequence`.

    Returns
    -------
    list of int or None
        None where it cannot be told.
    """
    of: dict[int, list[int]] = {}
    for place, frame in enumerate(sent):
        of.setdefault(frame["stamp_ns"], []).append(place)
    asked = [(of.get(c["stamp_ns"], []), c["sequence"] + c["superseded_total"])
             for c in certificates]  # fmt: skip
    first: list[int | None] = []
    before, received = -1, 0
    for candidates, number in asked:
        at = bisect.bisect_left(candidates, before + number - received)
        first.append(candidates[at] if at < len(candidates) else None)
        if first[-1] is not None:
            before, received = first[-1], number
    last: list[int | None] = []
    after, received = len(sent), asked[-1][1] + 1 if asked else 0
    for candidates, number in reversed(asked):
        at = bisect.bisect_right(candidates, after - (received - number)) - 1
        last.append(candidates[at] if at >= 0 else None)
        if last[-1] is not None:
            after, received = last[-1], number
    return [early if early == late else None for early, late in zip(first, reversed(last))]


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
        newer one replaced before the next certificate, and lost on the way otherwise. Where it
        cannot be told which frame of several with one stamp a certificate is of, none has it,
        and `reason` says so.
    """
    certificates = sorted(certificates, key=lambda one: one["sequence"])
    found = places(sent, certificates)
    answered = {at: one for at, one in zip(found, certificates) if at is not None}
    untold = {one["stamp_ns"] for at, one in zip(found, certificates) if at is None}
    rows: list[dict[str, Any]] = []
    unheard: list[dict[str, Any]] = []  # rows since the last certificate
    superseded = 0
    for place, frame in enumerate(sent):
        row = {
            "topic": stream.topic,
            "index": frame["index"],
            "log_time_ns": frame["log_time_ns"],
            "point": 0,
            "n": point.n,
            "resolution": point.resolution,
            "superseded": False,
        }
        answer = answered.get(place)
        if answer:
            row |= {name: answer[name] for name in MESSAGE}
            row["latency_ms"] = (answer["steady"] - frame["steady"]) * _MILLISECONDS
            replaced = answer["superseded_total"] - superseded
            for one in unheard[len(unheard) - min(replaced, len(unheard)) :]:
                one["superseded"] = True
            superseded, unheard = answer["superseded_total"], []
        else:
            row |= unanswered(frame["stamp_ns"], frame["frame_id"])
            if frame["stamp_ns"] in untold:
                row["reason"] = UNTOLD
            else:
                unheard.append(row)
        row["missing"] = not row["sequence"]
        row["top_class"] = row["class_id"]
        rows.append(row)
    return rows


class Timing:
    """Sums up what became of the frames of live runs, and how fast."""

    def __init__(self) -> None:
        self._latencies: list[float] = []
        self._sent = self._superseded = self._lost = self._untold = self._late = 0

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Take the rows of a run."""
        for row in rows:
            self._sent += 1
            untold = row["missing"] and row["reason"] == UNTOLD
            self._untold += untold
            self._superseded += row["superseded"]
            self._lost += row["missing"] and not row["superseded"] and not untold
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
            "not_attributed": self._untold,
            "deadline_missed": self._late,
            "latency_median_ms": float(np.median(heard)) if heard else None,
            "latency_p99_ms": float(np.percentile(heard, 99)) if heard else None,
        }

    def warning(self) -> str:
        """Return what is to be said about frames without a certificate, or ""."""
        what = []
        if self._superseded:
            what.append(f"{self._superseded} superseded: a newer one came before the node took it")
        if self._lost:
            what.append(f"{self._lost} lost in transport, the image or its certificate")
        if self._untold:
            what.append(f"{self._untold} not attributed: {UNTOLD}")
        if not what:
            return ""
        missing = self._superseded + self._lost + self._untold
        return (
            f"{missing} of {self._sent} frames have no certificate ({'; '.join(what)}): play "
            "slower (--rate), with fewer samples (--n; 0 follows the clock), or with less else "
            "to do for the machine"
        )
