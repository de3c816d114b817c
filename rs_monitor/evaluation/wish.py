# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a plan starts from."""

from __future__ import annotations

import dataclasses

from .class_probabilities import ClassProbabilities
from .speed import Speed


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is given; None for what is not.

    Attributes
    ----------
    sigma, alpha, radius : float or None
        As for `planning.cap`.
    n : int or None
        Votes of the bound.
    frame_rate : float or None
        Frames a second.
    false_per_hour : float or None
        Over-stated radii tolerated in an hour, on average.
    speed : Speed or None
        Of the machine.
    probabilities : tuple of ClassProbabilities
        Each for its sigma; of one sigma several may be given.
    budget_fraction : float
        Part of the frame period that sampling may take.
    n_selection : int
        Samples that the two-stage procedure draws besides n.
    """

    sigma: float | None
    alpha: float | None
    n: int | None
    radius: float | None
    frame_rate: float | None
    false_per_hour: float | None
    speed: Speed | None
    probabilities: tuple[ClassProbabilities, ...]
    budget_fraction: float
    n_selection: int

    def extra(self, procedure: str) -> int:
        """Return the samples drawn besides those of the bound."""
        return self.n_selection if procedure == "two_stage" else 0

    def frame_rate_for(self, n: int, procedure: str) -> float | None:
        """Return the most frames a second with n votes on this machine."""
        if self.speed is None:
            return None
        return self.budget_fraction / self.speed.seconds(n + self.extra(procedure))
