# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the paper's formulas approximate: exact expectations of plain Clopper-Pearson, sigma 1."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.special import betainc

from ...certification import lower_bound
from ...certification.expectation import expected_radii, radii_by_votes

#: Average of ndtri(p) for p uniform on [1/2, 1]: twice the normal density at 0.
UNIFORM_AVERAGE = math.sqrt(2 / math.pi)


def expected_bound(p: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Return the mean lower bound of k ~ Bin(n, p) votes for each of the row p."""
    return expected_radii(p, lower_bound(np.arange(n + 1), n, alpha))


def expected_radius(p: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Return the mean certified radius, in sigma, of k ~ Bin(n, p) votes for each of the row p."""
    return expected_radii(p, radii_by_votes(n, 1.0, alpha, "two_stage"))


@functools.lru_cache(maxsize=256)
def uniform_average(n: int, alpha: float) -> float:
    """Return the mean certified radius, in sigma, for p uniform on [1/2, 1]."""
    k = np.arange(n + 1)
    # The integral of P[k votes] over p in [1/2, 1] is P[Beta(k+1, n-k+1) > 1/2] / (n+1).
    weights = 2 * betainc(n - k + 1, k + 1, 0.5) / (n + 1)
    return float(weights @ radii_by_votes(n, 1.0, alpha, "two_stage"))
