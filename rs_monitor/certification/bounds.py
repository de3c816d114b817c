# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Lower confidence bounds of a binomial probability, and the L2 radius they certify."""

import functools
from bisect import bisect_left

import numpy as np
from scipy.special import betainc, betaincinv, ndtri

from .checks import check_alpha, check_integer, check_positive

#: Least uniform used by the randomised bound: below it the bound at k = n runs away to 1.
RANDOMIZATION_FLOOR = 0.01

# A bound of 1 would mean an infinite radius; rounding must not make one of (1 - 1e-16)**(1/n).
_BELOW_ONE = 1.0 - 2.0**-53

# Relative error in alpha from which on the inverse is replaced.
_INVERSE_TOLERANCE = 1e-9


def upper_tail(k, n, p):
    """P[Bin(n, p) >= k] for 1 <= k <= n; unchecked, broadcasts."""
    # betainc(n, 1, p) is p**n, but not to the last bit in every SciPy.
    return np.where(np.equal(k, n), np.power(p, n, dtype=np.float64), betainc(k, n - k + 1, p))


def bisect(function, target, low, high):
    """The largest p in [low, high] with function(p) <= target, for arrays; function rises.

    Errs towards low, where function(low) <= target is taken for granted.
    """
    # 53 halvings of an interval within [0, 1] leave a rounding error.
    for _ in range(53):
        middle = (low + high) / 2
        below = function(middle) <= target
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def smallest(low, high, holds):
    """The smallest k in low..high - 1 from which on `holds(k)`, an integer; high if none."""
    return low + bisect_left(range(low, high), True, key=holds)


def _beta_quantile(k, n, alpha):
    """The p with P[Bin(n, p) >= k] = alpha, for 1 <= k <= n; unchecked, broadcasts."""
    p = betaincinv(k, n - k + 1, alpha)
    # The inverse of SciPy before 1.12 (Ubuntu 24.04 has 1.11) is off by up to 100 % in alpha where
    # alpha is small and n large; later ones by 4e-8 at spots, and they fail below alpha = 1e-100.
    exact = np.abs(betainc(k, n - k + 1, p) - alpha) <= _INVERSE_TOLERANCE * alpha
    if np.all(exact):
        return p
    k, n, alpha, p = np.broadcast_arrays(k, n, alpha, p)
    k, n, alpha, p = k[~exact], n[~exact], alpha[~exact], p.copy()
    p[~exact] = bisect(lambda q: betainc(k, n - k + 1, q), alpha, np.zeros(k.shape), 1.0)
    return p


def clopper_pearson(k, n, alpha):
    """`lower_bound` for Python scalars without the checks: the form for a frame's hot path."""
    if k == 0:
        return 0.0
    if k == n:
        return min(alpha ** (1.0 / n), _BELOW_ONE)
    return min(float(_beta_quantile(k, n, alpha)), _BELOW_ONE)


def clopper_pearson_array(k, n, alpha):
    """`lower_bound` for arrays without the checks."""
    bound = _beta_quantile(np.maximum(k, 1), n, alpha)
    bound = np.where(np.equal(k, 0), 0.0, np.where(np.equal(k, n), alpha ** (1.0 / n), bound))
    return np.minimum(bound, _BELOW_ONE)


def least_votes(n, alpha):
    """The smallest k with LCB(k) > 1/2 for n votes; n + 1 where there is none. Unchecked."""
    return smallest(1, n + 1, lambda k: clopper_pearson(k, n, alpha) > 0.5)


# Not decorators, here and elsewhere: what is decorated is out of mutmut's reach.
least_votes = functools.lru_cache(maxsize=4096)(least_votes)


def _check_trials(k, n):
    k, n = np.asarray(k), np.asarray(n)
    for name, value in (("k", k), ("n", n)):
        if value.dtype.kind not in "iu":
            raise ValueError(f"{name} must hold integers, got {value!r}")
    if not np.all(n >= 1):
        raise ValueError(f"n must be at least 1, got {n.min()}")
    if not np.all((k >= 0) & (k <= n)):
        raise ValueError(f"k must lie in 0..n, got k={k!r} and n={n!r}")
    return k.astype(np.int64), n.astype(np.int64)


def _check_open_unit(name, value):
    array = np.asarray(value)
    if array.dtype.kind != "f" or not np.all((array > 0) & (array < 1)):
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value!r}")
    return array.astype(np.float64)


def _as_given(array):
    return float(array) if array.ndim == 0 else array


def lower_bound(k, n, alpha):
    """One-sided Clopper-Pearson lower confidence bound of a binomial probability.

    If k ~ Bin(n, p), the bound exceeds p with probability at most alpha, whatever p is. The class
    whose votes are counted must have been chosen without looking at them.

    Parameters
    ----------
    k : int or integer array
        Successes, 0..n.
    n : int or integer array
        Trials, at least 1. All three arguments broadcast.
    alpha : float or float array
        Error probability, strictly between 0 and 1.

    Returns
    -------
    float or float64 array
        In [0, 1): 0 at k = 0, alpha**(1/n) at k = n, else the alpha quantile of
        Beta(k, n - k + 1).

    Raises
    ------
    ValueError
        For a bool or float k or n, k outside 0..n, n < 1, alpha outside (0, 1).

    Notes
    -----
    Clopper & Pearson (1934). The same as ``proportion_confint(k, n, alpha=2*alpha,
    method="beta")[0]`` of statsmodels, which Cohen et al. (2019) use.

    Examples
    --------
    >>> round(lower_bound(99, 100, 0.001), 4)
    0.9114
    """
    k, n = _check_trials(k, n)
    return _as_given(clopper_pearson_array(k, n, _check_open_unit("alpha", alpha)))


def randomized_lower_bound(k, n, alpha, u):
    """Randomised Clopper-Pearson lower confidence bound (Stevens 1950), an opt-in.

    The p at which P[X > k] + u P[X = k] = alpha for X ~ Bin(n, p). With u uniform on [0, 1],
    independent of the votes, the left side is uniform at the true p, so the bound exceeds p with
    probability alpha exactly; a larger u gives a smaller bound, so flooring u can only lower that
    probability. u = 1 is `lower_bound`. The uniform must be fresh for every frame, and logged
    beside the certificate, or nobody can recompute the bound.

    Parameters
    ----------
    k, n, alpha
        As for `lower_bound`, and as there the class must be fixed beforehand: the single pass
        does not use this bound.
    u : float or float array
        Uniform on [0, 1]. Values below max(0.01, 2 alpha) are raised to that: the bound at k = n
        is (alpha/u)**(1/n) and must stay clear of 1, where the radius is infinite.

    Returns
    -------
    float or float64 array
        In [0, 1), at least `lower_bound`.

    Raises
    ------
    ValueError
        As `lower_bound`, and for u outside [0, 1].

    Examples
    --------
    >>> round(randomized_lower_bound(99, 100, 0.001, 0.25), 4)
    0.9228
    """
    k, n = _check_trials(k, n)
    alpha = _check_open_unit("alpha", alpha)
    u = np.asarray(u)
    if u.dtype.kind != "f" or not np.all((u >= 0) & (u <= 1)):
        raise ValueError(f"u must be a float in 0..1, got {u!r}")
    u = np.minimum(np.maximum(u, np.maximum(RANDOMIZATION_FLOOR, 2 * alpha)), 1.0)
    k, n, alpha, u = np.broadcast_arrays(k, n, alpha, u)

    def rejected(p):
        return u * upper_tail(k, n, p) + (1 - u) * upper_tail(k + 1, n, p)

    # At k = 0 and k = n this is not defined; what comes of it is not used.
    root = bisect(rejected, alpha, clopper_pearson_array(k, n, alpha), 1.0)
    bound = np.where(k == n, (alpha / u) ** (1.0 / n), np.where(k == 0, 0.0, root))
    return _as_given(bound)


def radius(p_lower, sigma):
    """Certified L2 radius sigma * ndtri(p_lower); 0 where p_lower <= 1/2 (paper, eq. 2).

    Parameters
    ----------
    p_lower : float or float array
        Lower bound of the top class's probability, in [0, 1).
    sigma : float
        Standard deviation of the noise, finite, above 0; in the units of the pixels.

    Returns
    -------
    float or float64 array
        Finite, >= 0, in the units of sigma.

    Raises
    ------
    ValueError
        For p_lower outside [0, 1) (at 1 the radius would be infinite) or a bad sigma.

    Examples
    --------
    >>> round(radius(lower_bound(99, 100, 0.001), 0.25), 4)
    0.3373
    """
    sigma = check_positive("sigma", sigma)
    p = np.asarray(p_lower)
    if p.dtype.kind not in "fiu" or not np.all((p >= 0) & (p < 1)):
        raise ValueError(f"p_lower must lie in [0, 1), got {p_lower!r}")
    return _as_given(np.asarray(sigma * np.maximum(ndtri(p), 0.0)))


def radius_cap(n, sigma, alpha_bound):
    """Largest radius n votes can certify: all n for one class, sigma * ndtri(alpha_bound**(1/n)).

    Parameters
    ----------
    n : int
        Votes behind the bound, at least 1.
    sigma : float
        Standard deviation of the noise, finite, above 0.
    alpha_bound : float
        Error probability of the Clopper-Pearson bound, strictly between 0 and 1.

    Returns
    -------
    float
        Finite, >= 0, in the units of sigma; 0 where n can never certify.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(radius_cap(100, 1.0, 0.001), 2)
    1.5
    """
    n = check_integer("n", n, low=1)
    return radius(clopper_pearson(n, n, check_alpha(alpha_bound)), sigma)
