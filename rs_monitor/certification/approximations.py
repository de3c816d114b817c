# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's closed formulas: planning aids, never certificates.

Each of them speaks of what to expect before a vote is counted, given the true probability p of
the top class, which nobody knows; some over-state it. Nothing that issues a certificate may import
this module. Equation numbers are those of Seferis, Burton & Kollias, "Randomized Smoothing
(almost) in Real Time?".

The paper's z_a is the two-sided quantile (3.2905 at alpha = 0.001), while the bound that is really
used, Clopper-Pearson, is one-sided (3.0902). Errors below are against the exact expectation over
Bin(n, p) with that bound; `rs_monitor figures` draws them.
"""

import math

import numpy as np
from scipy.special import beta, ndtri

from .checks import check_alpha, check_positive

#: Exponent and scale of Shore's approximation (eq. 11).
SHORE_EXPONENT = 0.135
SHORE_SCALE = 1 / 0.1975

#: Eq. 17 as the paper prints it: the average radius without bound, and the loss per z_a/sqrt(n).
PRINTED_AVERAGE = 0.796
PRINTED_LOSS = 1.603


def _as_given(array):
    return float(array) if np.ndim(array) == 0 else array


def _check_p(p, low, high_included):
    array = np.asarray(p)
    below = np.less_equal if high_included else np.less
    if array.dtype.kind not in "fiu" or not np.all((array >= low) & below(array, 1)):
        raise ValueError(f"p must lie in [{low:g}, 1{']' if high_included else ')'}, got {p!r}")
    return array.astype(np.float64)


def _check_n(n):
    array = np.asarray(n)
    if array.dtype.kind not in "iu" or not np.all(array >= 1):
        raise ValueError(f"n must hold integers, at least 1, got {n!r}")
    return array.astype(np.float64)


def two_sided_quantile(alpha):
    """The paper's z_a, the 1 - alpha/2 quantile of the standard normal distribution.

    Parameters
    ----------
    alpha : float
        Strictly between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For alpha outside (0, 1).

    Examples
    --------
    >>> round(two_sided_quantile(0.001), 4)
    3.2905
    """
    return -float(ndtri(check_alpha(alpha) / 2))


def shore_quantile(p):
    """Shore's approximation of the normal quantile, (p**.135 - (1-p)**.135)/.1975 (eq. 11).

    Error at most 0.011 from p = 1/2 to 0.99, 0.020 at 0.999, 0.116 at 0.9999, and it is bounded by
    5.06 where the quantile is not.

    Parameters
    ----------
    p : float or float array
        In [1/2, 1].

    Returns
    -------
    float or float64 array

    Raises
    ------
    ValueError
        For p outside [1/2, 1].

    Notes
    -----
    Shore (1982), Simple approximations for the inverse cumulative function, the density function
    and the loss integral of the normal distribution.

    Examples
    --------
    >>> round(shore_quantile(0.975), 2)
    1.97
    """
    p = _check_p(p, 0.5, True)
    return _as_given(SHORE_SCALE * (p**SHORE_EXPONENT - (1 - p) ** SHORE_EXPONENT))


def approximate_bound(p, n, alpha):
    """Lower bound to expect of n votes, p - z_a sqrt(p (1-p) / n) (eq. 3).

    A normal approximation: too small in the middle, where z_a is the wrong quantile, and too large
    near p = 1, where the vote count is far from normal.

    Parameters
    ----------
    p : float or float array
        True probability of the class, in [0, 1].
    n : int or integer array
        Votes, at least 1. p and n broadcast.
    alpha : float
        Strictly between 0 and 1.

    Returns
    -------
    float or float64 array
        At most p; below 0 where n is small.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(approximate_bound(0.99, 100, 0.001), 4)
    0.9573
    """
    z = two_sided_quantile(alpha)
    p, n = _check_p(p, 0.0, True), _check_n(n)
    return _as_given(p - z * np.sqrt(p * (1 - p) / n))


def approximate_radius(p, n, alpha, sigma):
    """Radius to expect of n votes, sigma * ndtri(eq. 3), 0 where that is below 1/2 (eqs. 4, 10).

    Over-states near p = 1: at n = 100, alpha = 0.001 and p = 0.99 it gives 1.72 sigma where 1.37
    sigma is to be expected and no outcome gives more than 1.50 sigma. Infinite at p = 1.

    Parameters
    ----------
    p, n, alpha
        As for `approximate_bound`.
    sigma : float
        Standard deviation of the noise, above 0; pixels in [0, 1].

    Returns
    -------
    float or float64 array
        In the units of sigma.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(approximate_radius(0.99, 100, 0.001, 1.0), 2)
    1.72
    """
    sigma = check_positive("sigma", sigma)
    bound = np.clip(approximate_bound(p, n, alpha), 0.0, 1.0)
    return _as_given(sigma * np.maximum(ndtri(bound), 0.0))


def closed_form_radius(p, n, alpha, sigma):
    """Eq. 4 with Shore's quantile, to first order in z_a/sqrt(n) (eqs. 5, 14), as printed.

    Holds neither near p = 1/2 (negative, where the radius is 0) nor near p = 1, where it falls
    to minus infinity although the radius grows: expanding (1 - p + d)**.135 in d needs d < 1 - p,
    that is n > z_a**2 p / (1 - p).

    Parameters
    ----------
    p : float or float array
        In [1/2, 1).
    n, alpha, sigma
        As for `approximate_radius`.

    Returns
    -------
    float or float64 array
        In the units of sigma; not clipped at 0.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(closed_form_radius(0.9, 1000, 0.001, 1.0), 2)
    1.09
    """
    z, sigma = two_sided_quantile(alpha), check_positive("sigma", sigma)
    p, n = _check_p(p, 0.5, False), _check_n(n)
    power = SHORE_EXPONENT - 0.5
    loss = p**power * np.sqrt(1 - p) + np.sqrt(p) * (1 - p) ** power
    first_order = SHORE_SCALE * SHORE_EXPONENT * z / np.sqrt(n) * loss
    return _as_given(sigma * (shore_quantile(p) - first_order))


def average_radius_constants():
    """The two constants of eq. 17, recomputed: the integrals of eq. 16 in closed form.

    Returns
    -------
    tuple of float
        Average of Shore's quantile for p uniform on [1/2, 1], and the loss per z_a/sqrt(n). The
        paper prints 0.796 and 1.603.

    Examples
    --------
    >>> [round(value, 4) for value in average_radius_constants()]
    [0.797, 1.6089]
    """
    e = SHORE_EXPONENT
    average = 2 * SHORE_SCALE * (1 - 2 * 0.5 ** (e + 1)) / (e + 1)
    # The second term of the integrand on [1/2, 1] is the first one mirrored: together they are the
    # integral of p**(e - 1/2) (1-p)**(1/2) over [0, 1].
    return average, 2 * SHORE_SCALE * e * float(beta(e + 0.5, 1.5))


def average_radius(n, alpha, sigma):
    """Average radius for p uniform on [1/2, 1], sigma (a - b z_a/sqrt(n)) (eq. 17, recomputed).

    Parameters
    ----------
    n, alpha, sigma
        As for `approximate_radius`.

    Returns
    -------
    float or float64 array
        In the units of sigma; negative below n = 45 at alpha = 0.001.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(average_radius(1000, 0.001, 1.0), 3)
    0.63
    """
    z, sigma = two_sided_quantile(alpha), check_positive("sigma", sigma)
    average, loss = average_radius_constants()
    return _as_given(sigma * (average - loss * z / np.sqrt(_check_n(n))))


def remaining_share(n, alpha):
    """Share of the average radius that n votes leave, 1 - 2 z_a/sqrt(n) (eqs. 6, 18).

    For p uniform on [1/2, 1], which no classifier's p is, and always below the exact share there:
    at n = 100 and alpha = 0.001 it gives 0.342 where 0.486 remains. Negative below n = 44.

    Parameters
    ----------
    n, alpha
        As for `approximate_bound`.

    Returns
    -------
    float or float64 array
        Below 1.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(remaining_share(100, 0.001), 3), remaining_share(43, 0.001) < 0
    (0.342, True)
    """
    z = two_sided_quantile(alpha)
    return _as_given(1 - 2 * z / np.sqrt(_check_n(n)))


def least_n_of_remaining_share(alpha):
    """The least n at which eq. 6 is not negative, ceil(4 z_a**2).

    Parameters
    ----------
    alpha : float
        Strictly between 0 and 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For alpha outside (0, 1).

    Examples
    --------
    >>> least_n_of_remaining_share(0.001)
    44
    """
    return math.ceil(4 * two_sided_quantile(alpha) ** 2)
