# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The average certified radius that each log lets one expect at each number of samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from ...certification import least_n_two_stage
from ..prediction import predict
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
    """Compute the average certified radius of every log at every n of `NS` that it allows.

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
            ns = [n for n in NS if least_n_two_stage(alpha) <= n <= log.n]
            table = predict(log, ns=ns, alpha=alpha, procedure=PROCEDURE, radii=())
            by_setting.setdefault(setting, {})[log.sigma] = {
                row["n"]: Point(
                    row["average_certified_radius"], row["standard_error"], len(log), log.path
                )
                for row in table
            }
            each()
    return Curves(by_setting)
