# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame is certified with: noise, level, samples, procedure, and their bounds."""

from __future__ import annotations

import dataclasses

from .certification import PROCEDURES
from .frames import Region

# Inclusive bounds, far beyond what is of use: they keep arithmetic and waiting times sane.
SIGMA_RANGE = (1e-3, 10.0)
ALPHA_RANGE = (1e-12, 0.5)
MAX_N = 100_000


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one frame is certified with.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise on pixels in [0, 1], within `SIGMA_RANGE`.
    alpha : float
        Probability, per frame, of an over-stated radius that is accepted, within `ALPHA_RANGE`.
    n : int
        Samples of the bound; 0 for as many as fit before the deadline, `MAX_N` at most.
    procedure : str
        "single_pass", "two_stage" or "runner_up".
    n_selection : int
        Samples that choose the class in the two-stage procedure, >= 1.
    roi : Region or None
        Part of the frame that is classified; None for all of it.

    Raises
    ------
    ValueError
        For a value out of range, or an n that could never certify at this alpha.
    """

    sigma: float = 0.25
    alpha: float = 0.001
    n: int = 0
    procedure: str = "single_pass"
    n_selection: int = 32
    roi: Region | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in (
            ("sigma", SIGMA_RANGE),
            ("alpha", ALPHA_RANGE),
            ("n", (0, MAX_N)),
            ("n_selection", (1, MAX_N)),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be in the range {low} to {high}, got {value}")
        if self.procedure not in PROCEDURES:
            raise ValueError(
                f"procedure must be one of {', '.join(PROCEDURES)}, got {self.procedure!r}"
            )
        if 0 < self.n < self.least_n:
            raise ValueError(
                f"n = {self.n} could never certify at alpha = {self.alpha:g} with "
                f"{self.procedure}: it takes at least {self.least_n} (or 0: as many as fit)"
            )

    @property
    def least_n(self) -> int:
        """Fewest votes of the bound with which a frame can be certified at all."""
        return PROCEDURES[self.procedure](self.alpha)

    def passes_needed(self, chunk: int) -> int:
        """Return the forward passes of so many samples without which a frame is lost."""
        passes = -(-self.least_n // chunk)
        return passes + -(-self.n_selection // chunk) if self.procedure == "two_stage" else passes
