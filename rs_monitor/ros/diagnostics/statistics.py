# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What came from the camera and what became of it: in all, and in the last seconds."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter

import numpy as np

from ...certification import Status
from .window import CAPACITY, SlidingWindow

PERCENTILES = (50.0, 95.0, 99.0, 99.9)
_DECIDED = (Status.CERTIFIED, Status.ABSTAINED)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one accepted frame: the part of its certificate that is counted.

    Attributes
    ----------
    status : int
        A Status.
    latency, budget : float
        Seconds from reception to publishing, and those there were.
    radius, radius_cap : float
    n_used : int
    superseded_total : int
        Frames replaced so far by newer ones; begins anew when the node is configured.
    """

    status: int
    latency: float
    budget: float
    radius: float
    radius_cap: float
    n_used: int
    superseded_total: int


@dataclasses.dataclass(frozen=True)
class Counts:
    """Of the last seconds, or since the start.

    Attributes
    ----------
    images, lost, superseded : int
        Images that came, that the middleware lost, that newer ones replaced.
    late : int
        Certificates published after their deadline, those that say so (missed) left out.
    statuses : Counter
        Certificates by Status.
    """

    images: int = 0
    lost: int = 0
    superseded: int = 0
    late: int = 0
    statuses: Counter[int] = dataclasses.field(default_factory=Counter)

    @property
    def certificates(self) -> int:
        """Certificates of any status."""
        return sum(self.statuses.values())

    @property
    def undecodable(self) -> int:
        """Frames of an encoding that is not read, or broken ones."""
        return self.statuses[Status.UNSUPPORTED_ENCODING] + self.statuses[Status.INVALID_INPUT]


@dataclasses.dataclass(frozen=True)
class Summary:
    """The statistics at one moment; times in seconds.

    Attributes
    ----------
    span : float
        Of the sliding window.
    window, total : Counts
        In the window, and since the start.
    listening : float or None
        Since the subscription began; None without one.
    image_age : float or None
        Since the last image of this subscription came; None before the first.
    unanswered : float or None
        Since the first image after the last certificate came; None when there is none.
    rate : float
        Images per second.
    settled : bool
        Whether images have come for as long as the window is, so that the rate may be judged.
    encoding, size : str
        Of the last image.
    mismatches : int
        Publishers with an incompatible QoS that were met since the start.
    latencies : tuple of float
        At PERCENTILES, and the largest; empty without certificates.
    radius : float or None
        Mean of the certified frames.
    n_used, radius_cap : float or None
        Medians over the frames that were certified or abstained.
    """

    span: float
    window: Counts = Counts()
    total: Counts = Counts()
    listening: float | None = None
    image_age: float | None = None
    unanswered: float | None = None
    rate: float = 0.0
    settled: bool = False
    encoding: str = ""
    size: str = ""
    mismatches: int = 0
    latencies: tuple[float, ...] = ()
    radius: float | None = None
    n_used: float | None = None
    radius_cap: float | None = None


class FrameStatistics:
    """Counts frames; any thread may feed and ask. Times are of the steady clock, in seconds.

    Parameters
    ----------
    capacity : int
        Frames that the sliding window holds at most.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._lock = threading.Lock()
        self._images = SlidingWindow(0, capacity)
        self._lost = SlidingWindow(1, capacity)
        self._outcomes = SlidingWindow(7, capacity)
        self._totals = Counter[str]()
        self._statuses = Counter[int]()
        self._listening: float | None = None
        self._first_image: float | None = None
        self._last_image: float | None = None
        self._unanswered: float | None = None
        self._superseded = 0  # as the last certificate had it
        self._encoding = self._size = ""

    def listen(self, now: float) -> None:
        """Begin a subscription: the sliding window starts empty."""
        with self._lock:
            self._listening = now
            self._first_image = self._last_image = self._unanswered = None
            for window in (self._images, self._lost, self._outcomes):
                window.clear()

    def leave(self) -> None:
        """End the subscription."""
        with self._lock:
            self._listening = self._unanswered = None

    def image(self, now: float, encoding: str, size: str) -> None:
        """Count an image that came."""
        with self._lock:
            self._images.append(now)
            self._totals["images"] += 1
            self._encoding, self._size = encoding, size
            self._last_image = now
            if self._first_image is None:
                self._first_image = now
            if self._unanswered is None:
                self._unanswered = now

    def lost(self, now: float, count: int) -> None:
        """Count images that the middleware has lost."""
        with self._lock:
            self._lost.append(now, count)
            self._totals["lost"] += count

    def mismatch(self, count: int) -> None:
        """Count publishers whose QoS does not fit."""
        with self._lock:
            self._totals["mismatches"] += count

    def outcome(self, now: float, outcome: Outcome) -> None:
        """Count a certificate that was published."""
        missed = outcome.status == Status.DEADLINE_MISSED
        late = outcome.latency > outcome.budget and not missed
        with self._lock:
            begun_anew = outcome.superseded_total < self._superseded
            superseded = outcome.superseded_total - (0 if begun_anew else self._superseded)
            self._superseded = outcome.superseded_total
            self._outcomes.append(
                now,
                outcome.status,
                outcome.latency,
                late,
                outcome.radius,
                outcome.radius_cap,
                outcome.n_used,
                superseded,
            )
            self._totals["superseded"] += superseded
            self._totals["late"] += late
            self._statuses[outcome.status] += 1
            self._unanswered = None

    def summary(self, now: float, span: float) -> Summary:
        """Return the statistics at `now` over the last `span` seconds."""
        with self._lock:
            images = self._images.since(now - span)[:, 0]
            lost = self._lost.since(now - span)
            outcomes = self._outcomes.since(now - span)
            first, totals = self._first_image, Counter(self._totals)
            whole = len(images) < self._images.capacity
            total = Counts(
                totals["images"],
                totals["lost"],
                totals["superseded"],
                totals["late"],
                Counter(self._statuses),
            )
            known = Summary(
                span,
                total=total,
                listening=_age(now, self._listening),
                image_age=_age(now, self._last_image),
                unanswered=_age(now, self._unanswered),
                encoding=self._encoding,
                size=self._size,
                mismatches=totals["mismatches"],
            )
        _, status, latency, late, radius, cap, n_used, superseded = outcomes.T
        decided, certified = np.isin(status, _DECIDED), status == Status.CERTIFIED
        values, numbers = np.unique(status, return_counts=True)
        found = Counter({int(value): int(number) for value, number in zip(values, numbers)})
        settled = first is not None and now - first >= span
        return dataclasses.replace(
            known,
            window=Counts(
                len(images), int(lost[:, 1].sum()), int(superseded.sum()), int(late.sum()), found
            ),
            rate=_rate(images, now, span if settled and whole else None),
            settled=settled,
            latencies=_percentiles(latency),
            radius=float(radius[certified].mean()) if certified.any() else None,
            n_used=float(np.median(n_used[decided])) if decided.any() else None,
            radius_cap=float(np.median(cap[decided])) if decided.any() else None,
        )


def _age(now: float, then: float | None) -> float | None:
    return None if then is None else max(0.0, now - then)


def _rate(times: np.ndarray, now: float, span: float | None) -> float:
    """Return images per second over `span`; None: since the first of these images."""
    if span is not None:
        return len(times) / span
    if len(times) < 2 or now <= times[0]:
        return 0.0
    return (len(times) - 1) / (now - float(times[0]))


def _percentiles(latency: np.ndarray) -> tuple[float, ...]:
    if len(latency) == 0:
        return ()
    return (*(float(value) for value in np.percentile(latency, PERCENTILES)), float(latency.max()))
