# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a frame's votes at the largest n say about a smaller one."""

from __future__ import annotations

import numpy as np

from ...certification.expectation import radii_by_votes
from ...sampling import most_invalid
from ..accuracy import RADII, expected_of_draws


class Expectation:
    """Expected radius and certification at n, given a class's votes among `total` samples.

    Of the samples, the class's votes and the invalid ones among n are hypergeometric; with too
    many invalid ones a frame fails, whatever its votes.

    Parameters
    ----------
    n, total : int
        n <= total.
    sigma, alpha : float
    procedure : str
    n_selection : int
        Samples drawn besides, to choose the class.
    """

    def __init__(
        self, n: int, total: int, sigma: float, alpha: float, procedure: str, n_selection: int = 0
    ) -> None:
        self._n, self._total = n, total
        self._allowed = most_invalid(n + n_selection)
        radii = radii_by_votes(n, sigma, alpha, procedure)
        self.radii = [r for r in RADII if r < radii[-1]]
        # Column 0: the radius; then, for each of RADII, whether it is reached.
        reached = [((radii > 0) & (radii >= r)).astype(float) for r in self.radii]
        self._values = np.stack([radii, *reached], axis=1)
        self._known: dict[tuple[int, int, int], np.ndarray] = {}

    def __call__(self, votes: np.ndarray, invalid: int = 0, selection: int = 0) -> np.ndarray:
        """Return the expectations.

        Parameters
        ----------
        votes : numpy.ndarray
            int [N].
        invalid, selection : int
            Invalid ones among the `total` samples, and among those that chose the class.

        Returns
        -------
        numpy.ndarray
            float [N, 1 + len(radii)].
        """
        kinds, inverse = np.unique(votes, return_inverse=True)
        keys = [(int(kind), invalid, selection) for kind in kinds]
        new = [key[0] for key in keys if key not in self._known]
        if new:
            values = self._expected(np.array(new, np.int64), invalid, self._allowed - selection)
            self._known |= {(kind, *keys[0][1:]): value for kind, value in zip(new, values)}
        return np.stack([self._known[key] for key in keys])[inverse]

    def _expected(self, votes: np.ndarray, invalid: int, allowed: int) -> np.ndarray:
        return expected_of_draws(votes, invalid, allowed, self._n, self._total, self._values)
