# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a replay at each point of its sweep."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...certification import Status
from ..accuracy import RADII, clustered_error
from .expectation import Expectation
from .labels import UNKNOWN
from .plan import Plan, Point

_ANSWERS = (Status.CERTIFIED.name, Status.ABSTAINED.name)


class PointSummary:
    """Takes the frames at one point of the sweep, and sums them up.

    Frames that abstain or fail count with a radius of 0; with a label, those certified as
    another class do too (Zhai et al. 2020, average certified radius).

    Parameters
    ----------
    plan : Plan
    point : Point
    exact : bool
        Whether votes of the largest n are there, from which a smaller one is an expectation over
        its sub-draws; else the certificates as published count.
    """

    def __init__(self, plan: Plan, point: Point, exact: bool) -> None:
        self._point, self._two_stage = point, plan.procedure == "two_stage"
        self._selection = plan.n_selection if self._two_stage else 0
        self._total = plan.ns[-1]
        self._expect: Expectation | None = None
        if exact:
            self._expect = Expectation(
                point.n, plan.ns[-1], point.sigma, plan.alpha, plan.procedure, self._selection
            )
        self._statuses: Counter[str] = Counter()
        # Compact, since there is one of each for every frame.
        self._clusters, self._radii = array("q"), array("d")
        self._labelled, self._smoothed = array("q"), array("d")  # cluster; class is right
        self._cap = 0.0  # the most that a frame could have had
        self._values = array("d")  # of each frame: radius, then whether each of RADII is reached
        self._right = self._wrong = 0

    def add(
        self,
        row: Mapping[str, Any],
        largest: Mapping[str, Any],
        label: int,
        cluster: int,
    ) -> None:
        """Take a frame.

        Parameters
        ----------
        row : mapping
            Its columns.
        largest : mapping
            Its columns at the largest n, whose votes count.
        label : int
        cluster : int
            Frames of one cluster depend on each other.
        """
        self._statuses[row["status"]] += 1
        certified = row["status"] == Status.CERTIFIED.name
        right = certified and row["class_id"] == label
        self._clusters.append(cluster)
        votes, chosen = largest.get("votes"), largest["top_class"]
        if votes is not None and chosen == UNKNOWN:
            votes = None  # no class was chosen
        self._radii.append(self._radius(row, largest, votes))
        if label == UNKNOWN:
            return
        self._right += right
        self._wrong += certified and not right
        self._labelled.append(cluster)
        self._smoothed.append(row["top_class"] == label)
        if self._expect is None:
            radius = row["radius"] if right else 0.0
            self._values.extend([radius, *(float(right and radius >= r) for r in RADII)])
            self._cap = max(self._cap, row["radius_cap"])
        else:
            mine = 0
            if votes is not None and not (self._two_stage and chosen != label):
                mine = votes[label]
            self._values.extend(self._expect(np.array([mine]), *self._invalid(largest, votes))[0])

    def _radius(
        self, row: Mapping[str, Any], largest: Mapping[str, Any], votes: Sequence[int] | None
    ) -> float:
        if self._expect is None:
            return row["radius"]
        if votes is None:
            return 0.0
        classes = [votes[largest["top_class"]]] if self._two_stage else [k for k in votes if k]
        found = self._expect(np.array(classes, np.int64), *self._invalid(largest, votes))
        return float(found[:, 0].sum())

    def _invalid(self, largest: Mapping[str, Any], votes: Sequence[int] | None) -> tuple[int, int]:
        """Return how many votes were invalid, and how many of the selection besides."""
        if votes is None:
            return 0, 0
        invalid = self._total - sum(votes)
        if largest["status"] in _ANSWERS:
            return invalid, self._selection - largest["n_selection"]
        return invalid, largest["votes_invalid"] - invalid  # a failure counts them together

    @property
    def labelled(self) -> int:
        """Frames with a label."""
        return len(self._labelled)

    def result(self) -> dict[str, Any]:
        """Return the numbers; None where there is nothing to tell."""
        clusters = np.array(self._clusters)
        result: dict[str, Any] = {
            "sigma": self._point.sigma,
            "resolution": self._point.resolution,
            "n": self._point.n,
            "frames": len(self._radii),
            "certified": self._statuses[Status.CERTIFIED.name],
            "abstained": self._statuses[Status.ABSTAINED.name],
            "failures": {k: v for k, v in sorted(self._statuses.items()) if k not in _ANSWERS},
            "average_radius": _mean(self._radii),
            "average_radius_standard_error": _error(np.array(self._radii), clusters),
            "labelled": len(self._labelled),
            "certified_right": self._right if self._labelled else None,
            "certified_wrong": self._wrong if self._labelled else None,
            "average_certified_radius": None,
            "standard_error": None,
            "smoothed_accuracy": None,
            "smoothed_accuracy_standard_error": None,
            "certified_accuracy": None,
        }
        if not self._labelled:
            return result
        groups, smoothed = np.array(self._labelled), np.array(self._smoothed)
        values = np.array(self._values).reshape(len(groups), -1)
        result |= {
            "average_certified_radius": _mean(values[:, 0]),
            "standard_error": _error(values[:, 0], groups),
            "smoothed_accuracy": _mean(smoothed),
            "smoothed_accuracy_standard_error": _error(smoothed, groups),
        }
        if self._expect is not None:
            radii = self._expect.radii
        else:
            radii = [r for r in RADII if r < self._cap]
        result["certified_accuracy"] = {
            f"{r:g}": float(values[:, 1 + i].mean()) for i, r in enumerate(radii)
        }
        return result


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _error(values: np.ndarray, clusters: np.ndarray) -> float | None:
    """Return the standard error of the mean; None for fewer than two clusters."""
    error = clustered_error(values, clusters) if len(values) else math.nan
    return error if math.isfinite(error) else None
