# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The sound single pass: how many votes to ask for, and at which level to bound them.

The single pass takes the class and its bound from the same n votes: it certifies the top class
when it has at least k_min votes, with the Clopper-Pearson bound LCB(k) at level alpha'.

How often is the radius over-stated? Let class A have probability p >= 1/2. Then A is over-stated
when LCB(k_A) > p, and any other class when it has k_min votes. P[Bin(n, q) >= k_min] is convex in
q and 0 at q = 0 where k_min > n/2 and q <= 1/2, so that one other class of probability 1 - p is
the worst; where no class reaches 1/2, two classes of 1/2 each are, which is the case p = 1/2.

Between two neighbouring bounds the probability is P[k_A >= k] + P[Bin(n, 1-p) >= k_min] with some
k >= k_min. Its derivative has the sign of (p/(1-p))**(k + k_min - 1 - n) minus a constant: it
falls, then rises, and its supremum is at an end. Just below LCB(k) it is
alpha' + P[Bin(n, 1 - LCB(k)) >= k_min], largest at k = k_min; just above LCB(k-1) it is less than
just below. At k = k_min the constant is 1, so that it rises all the way from p = 1/2 to the first
bound. With LCB(k_min) >= 1/2 the supremum over everything is therefore

    alpha' + P[Bin(n, 1 - LCB(k_min)) >= k_min].
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, ndtri

from .bounds import bisect, clopper_pearson, clopper_pearson_array, smallest, upper_tail
from .checks import check_alpha, check_integer
from .least_n import least_n_single_pass

#: Largest n a pair is searched for: ten times the field's usual 100,000, about a second's work.
MAX_PAIR_SAMPLES = 1_000_000

# Relative rounding error of the special functions, generously. The search aims this much below
# alpha; the stand-in may meet alpha exactly, and a check of it must allow for that.
_ROUNDING = 1e-9


def overstatement_probability(n, k_min, alpha_bound):
    """Largest probability, over every class distribution, of over-stating the radius.

    Parameters
    ----------
    n, k_min : int
        Votes drawn, and votes of the top class from which on it is certified, n/2 < k_min <= n.
    alpha_bound : float
        Level of the Clopper-Pearson bound, with LCB(k_min) >= 1/2.

    Returns
    -------
    float
        The supremum derived above; attained as p rises to LCB(k_min).

    Examples
    --------
    Algorithm 1 of the paper at alpha = 0.001 and n = 100:

    >>> round(overstatement_probability(100, 66, 0.001), 6)
    0.0018
    """
    at = clopper_pearson(k_min, n, alpha_bound)
    return alpha_bound + float(upper_tail(k_min, n, 1.0 - at))


@dataclass(frozen=True, slots=True)
class SinglePassPair:
    """The two numbers of a sound single pass of n votes at error probability alpha.

    Attributes
    ----------
    n : int
    alpha : float
    k_min : int
        Votes the top class needs.
    alpha_bound : float
        alpha', the level of its Clopper-Pearson bound.
    exact : bool
        Whether it comes from the search or is the stand-in at alpha / 2.

    Raises
    ------
    ValueError
        When the pair is not sound at alpha.
    """

    n: int
    alpha: float
    k_min: int
    alpha_bound: float
    exact: bool

    def __post_init__(self):
        check_alpha(self.alpha)
        check_alpha(self.alpha_bound)
        check_integer("n", self.n, low=1)
        check_integer("k_min", self.k_min, low=self.n // 2 + 1, high=self.n)
        limit = self.alpha * (1 + _ROUNDING)
        at = clopper_pearson(self.k_min, self.n, self.alpha_bound)
        worst = overstatement_probability(self.n, self.k_min, self.alpha_bound)
        if at < 0.5 * (1 - _ROUNDING) or worst > limit:
            raise ValueError(
                f"k_min={self.k_min} with alpha_bound={self.alpha_bound} is not sound at "
                f"n={self.n}, alpha={self.alpha}: over-stated with probability {worst}, "
                f"bound {at} at k_min"
            )


def _check(n, alpha):
    alpha = check_alpha(alpha)
    n = check_integer("n", n, low=0)
    least = least_n_single_pass(alpha)
    if not least <= n <= MAX_PAIR_SAMPLES:
        raise ValueError(
            f"n must lie in {least}..{MAX_PAIR_SAMPLES} for a single pass at alpha={alpha}: with "
            f"fewer than {least} it could never certify; got {n}"
        )
    return n, alpha


def _smallest_k_min(n, alpha):
    """The smallest k with 2 P[Bin(n, 1/2) >= k] <= alpha."""
    return smallest(n // 2 + 1, n, lambda k: 2 * upper_tail(k, n, 0.5) <= alpha)


def _largest_alpha_bounds(n, k_min, alpha):
    """For each of the array k_min the largest sound alpha', rounded down by about `_ROUNDING`.

    In terms of L = LCB(k_min) the supremum is P[Bin(n, L) >= k_min] + P[Bin(n, 1-L) >= k_min],
    which rises with L from 1/2 on, and alpha' is its first term.
    """
    target = alpha * (1 - _ROUNDING)

    def worst(p):
        return upper_tail(k_min, n, p) + upper_tail(k_min, n, 1 - p)

    # Where 1/2 itself misses the target, by less than the margin, it is kept: it meets alpha.
    return upper_tail(k_min, n, bisect(worst, target, np.full(k_min.shape, 0.5), 1.0))


def _tail_sums(values):
    return np.cumsum(values[::-1])[::-1]


def _best_pair(n, alpha):
    """The (k_min, alpha') of the largest expected radius; proves it without trying them all.

    For one k, the radius as a function of alpha' is the quantile function of ndtri(P), P ~
    Beta(k, n-k+1), whose density is log-concave: where that density still rises at the radius for
    alpha, the quantile function is concave up to alpha and lies below its tangent there. Elsewhere
    it lies below its value at alpha. Both bound the objective from above, for all k_min at once.
    """
    k = np.arange(_smallest_k_min(n, alpha), n + 1)
    # The integral over p of P[k votes], up to a common factor: P[Beta(k+1, n-k+1) > 1/2].
    weights = betainc(n - k + 1, k + 1, 0.5)

    def expected_radius(index, alpha_bound):
        radii = ndtri(clopper_pearson_array(k[index:], n, alpha_bound))
        return float(weights[index:] @ np.maximum(radii, 0.0))

    p = clopper_pearson_array(k, n, alpha)
    radii = np.maximum(ndtri(p), 0.0)
    normal = np.exp(-(radii**2) / 2) / math.sqrt(2 * math.pi)
    rising = normal * ((k - 1) / p - (n - k) / (1 - p)) >= radii
    log_density = (k - 1) * np.log(p) + (n - k) * np.log1p(-p) - betaln(k, n - k + 1)
    slopes = np.where(rising, np.exp(-log_density) / normal, 0.0)
    ceilings, slopes = _tail_sums(weights * radii), _tail_sums(weights * slopes)

    first = expected_radius(0, _largest_alpha_bounds(n, k[:1], alpha)[0])
    ceilings = ceilings[ceilings * (1 + _ROUNDING) >= first]
    alpha_bounds = _largest_alpha_bounds(n, k[: ceilings.size], alpha)
    ceilings = ceilings - (alpha - alpha_bounds) * slopes[: ceilings.size]

    best = (-1.0, 0)
    for index in np.argsort(-ceilings).tolist():
        if ceilings[index] * (1 + _ROUNDING) < best[0]:
            break
        best = max(best, (expected_radius(index, alpha_bounds[index]), -index))
    return int(k[-best[1]]), float(alpha_bounds[-best[1]])


def single_pass_pair(n, alpha):
    """Search the sound pair (k_min, alpha') with the largest expected radius.

    For each k_min with 2 P[Bin(n, 1/2) >= k_min] <= alpha there is a largest sound alpha'. Of
    these pairs this is the one with the largest expected radius where the top class's probability
    is uniform on [1/2, 1]; of equal ones, that with the smaller k_min.

    Parameters
    ----------
    n : int
        Votes, from `least_n_single_pass` to 1,000,000. Takes about 2 ms at 300 and 50 ms at
        10,000.
    alpha : float
        Error probability per frame, strictly between 0 and 1.

    Returns
    -------
    SinglePassPair

    Raises
    ------
    ValueError
        For an n that could never certify at alpha or is too large, or alpha outside (0, 1).

    Examples
    --------
    >>> pair = single_pass_pair(100, 0.001)
    >>> pair.k_min, round(pair.alpha_bound, 7)
    (68, 0.0009639)
    """
    n, alpha = _check(n, alpha)
    return SinglePassPair(n, alpha, *_best_pair(n, alpha), exact=True)


def standin_pair(n, alpha):
    """Plain Clopper-Pearson at alpha / 2: always sound, slightly smaller radii, no search.

    At most alpha / 2 goes to the top class's bound and alpha / 2 to a wrong top class.

    Parameters
    ----------
    n, alpha
        As for `single_pass_pair`.

    Returns
    -------
    SinglePassPair
        With ``exact`` False.

    Raises
    ------
    ValueError
        As `single_pass_pair`.

    Examples
    --------
    >>> standin_pair(100, 0.001)
    SinglePassPair(n=100, alpha=0.001, k_min=67, alpha_bound=0.0005, exact=False)
    """
    n, alpha = _check(n, alpha)
    return SinglePassPair(n, alpha, _smallest_k_min(n, alpha), alpha / 2, exact=False)
