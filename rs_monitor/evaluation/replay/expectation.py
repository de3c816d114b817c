# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame's votes at the largest n say about a smaller one."""

from __future__ import annotations

import numpy as np

from ...certification.expectation import radii_by_votes
from ..accuracy import RADII, expected_by_votes


class Expectation:
    """Expected radius and certification at n, given a class's votes among `total` samples.

    Parameters
    ----------
    n, total : int
        n <= total.
    sigma, alpha : float
    procedure : str
    """

    def __init__(self, n: int, total: int, sigma: float, alpha: float, procedure: str) -> None:
        self._n, self._total = n, total
        radii = radii_by_votes(n, sigma, alpha, procedure)
        self.radii = [r for r in RADII if r < radii[-1]]
        # Column 0: the radius; then, for each of RADII, whether it is reached.
        reached = [((radii > 0) & (radii >= r)).astype(float) for r in self.radii]
        self._values = np.stack([radii, *reached], axis=1)
        self._known: dict[int, np.ndarray] = {}

    def __call__(self, votes: np.ndarray) -> np.ndarray:
        """Return float [len(votes), 1 + len(radii)] for integer votes [N]."""
        kinds, inverse = np.unique(votes, return_inverse=True)
        new = np.array([kind for kind in kinds if int(kind) not in self._known], dtype=np.int64)
        if len(new):
            values = expected_by_votes(new, self._n, self._total, self._values)
            self._known |= {int(kind): value for kind, value in zip(new, values)}
        return np.stack([self._known[int(kind)] for kind in kinds])[inverse]
