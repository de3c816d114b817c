# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The average certified radius that each log lets one expect at each number of samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...certification.expectation import expected_radii, radii_by_votes
from .discovery import FoundLogs

#: The paper's numbers of samples and those of its benchmark (15 and 80), with some between.
NS = (15, 25, 50, 80, 100, 200, 500, 1_000, 10_000, 100_000)

#: Plain Clopper-Pearson, the paper's bound.
PROCEDURE = "two_stage"


@dataclasses.dataclass(frozen=True)
class Point:
    """One average.

    Attributes
    ----------
    radius, error : float
        Average certified radius (wrong and abstained images count 0), and its standard error.
    images : int
    log : pathlib.Path
    """

    radius: float
    error: float
    images: int
    log: Path


#: By n, for one log.
Curve = dict[int, Point]


@dataclasses.dataclass(frozen=True)
class Curves:
    """All averages: by setting, sigma and n."""

    by_setting: dict[str, dict[float, Curve]]

    def of(self, setting: str) -> dict[float, Curve]:
        """Return a setting's curves by ascending sigma; empty without logs."""
        return self.by_setting.get(setting, {})


def compute_curves(
    found: FoundLogs, alpha: float, each: Callable[[], object] = lambda: None
) -> Curves:
    """Compute the average certified radius of every log at every n of `NS` up to its own.

    Parameters
    ----------
    found : FoundLogs
    alpha : float
        Of the certificates; the logs' own may be another.
    each : callable
        Called after every log.
    """
    by_setting: dict[str, dict[float, Curve]] = {}
    for setting in found.settings():
        for log in found.of(setting):
            curve = {}
            for n in NS:
                if n > log.n:
                    continue
                values = np.where(
                    log.correct,
                    expected_radii(log.p_hat, radii_by_votes(n, log.sigma, alpha, PROCEDURE)),
                    0.0,
                )
                error = float(values.std(ddof=1) / np.sqrt(len(values)))
                curve[n] = Point(float(values.mean()), error, len(log), log.path)
            by_setting.setdefault(setting, {})[log.sigma] = curve
            each()
    return Curves(by_setting)
