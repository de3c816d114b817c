# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""n, sigma, alpha, radius and a stream's false certificates: from some of them to the others.

Everything here is exact, but it plans: only `procedures` issue certificates.
"""

import math

from scipy.special import log_ndtr, ndtr

from .bounds import radius_cap
from .checks import check_alpha, check_integer, check_not_negative, check_positive
from .expectation import votes_and_level
from .least_n import LEAST_N
from .pairs import MAX_PAIR_SAMPLES

_SECONDS_AN_HOUR = 3600.0


def _check_procedure(procedure):
    if procedure not in LEAST_N:
        raise ValueError(f"procedure must be one of {', '.join(LEAST_N)}, got {procedure!r}")


def cap(n, sigma, alpha, procedure):
    """Largest radius that n votes can give: all of them for one class.

    Parameters
    ----------
    n : int
        Votes of the bound, at least 1.
    sigma : float
        Standard deviation of the noise, finite, above 0.
    alpha : float
        Error probability per frame, strictly between 0 and 1.
    procedure : {'single_pass', 'two_stage'}

    Returns
    -------
    float
        In the units of sigma; 0 where n can never certify.

    Raises
    ------
    ValueError
        For an argument outside its range, or an n above 1,000,000 with a single pass.

    Examples
    --------
    >>> [round(cap(100, 0.25, 0.001, name), 4) for name in ("single_pass", "two_stage")]
    [0.3745, 0.3751]
    """
    _check_procedure(procedure)
    n, sigma = check_integer("n", n, low=1), check_positive("sigma", sigma)
    if n < LEAST_N[procedure](alpha):
        return 0.0
    return radius_cap(n, sigma, votes_and_level(n, alpha, procedure)[1])


def least_n_for_radius(radius, sigma, alpha, procedure, most=MAX_PAIR_SAMPLES):
    """Smallest n whose cap reaches a radius.

    The single pass's level differs from n to n, so that its cap need not rise with n; every n is
    tried from the two-stage one on, whose level, alpha, is never less.

    Parameters
    ----------
    radius : float
        Wanted radius, 0 or above, in the units of sigma.
    sigma, alpha, procedure
        As for `cap`.
    most : int
        Largest n to consider, at most 1,000,000.

    Returns
    -------
    int or None
        None where it takes more than `most`.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> least_n_for_radius(0.5, 0.25, 0.001, "two_stage")
    301
    """
    _check_procedure(procedure)
    radius, sigma = check_not_negative("radius", radius), check_positive("sigma", sigma)
    most = check_integer("most", most, low=1, high=MAX_PAIR_SAMPLES)
    # alpha**(1/n) >= Phi(radius / sigma), but for rounding.
    log_p = float(log_ndtr(radius / sigma))
    estimate = math.log(check_alpha(alpha)) / log_p if log_p < 0 else math.inf
    if estimate > most + 2:
        return None
    n = max(LEAST_N[procedure](alpha), math.floor(estimate) - 2)
    while n <= most:
        if cap(n, sigma, alpha, procedure) >= radius:
            return n
        n += 1
    return None


def least_sigma_for_radius(radius, n, alpha, procedure):
    """Smallest sigma with which the cap of n votes reaches a radius.

    Parameters
    ----------
    radius : float
        Wanted radius, above 0.
    n, alpha, procedure
        As for `cap`.

    Returns
    -------
    float or None
        None where n can never certify.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(least_sigma_for_radius(0.5, 100, 0.001, "two_stage"), 4)
    0.3332
    """
    radius = check_positive("radius", radius)
    unit = cap(n, 1.0, alpha, procedure)
    if not unit:
        return None
    sigma = radius / unit
    while cap(n, sigma, alpha, procedure) < radius:
        sigma = math.nextafter(sigma, math.inf)
    return sigma


def least_alpha(n, procedure, radius=0.0, sigma=1.0):
    """Alpha from which on n votes can certify a radius.

    Parameters
    ----------
    n : int
        Votes of the bound.
    procedure
        As for `cap`.
    radius : float
        0 or above, in the units of sigma; 0: any certificate at all.
    sigma : float
        Standard deviation of the noise, finite, above 0.

    Returns
    -------
    float
        Can be 1 or more, for which no alpha will do. For a radius above 0 with a single pass
        this alpha is enough, but up to half of it may be.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> least_alpha(11, "single_pass") == 2**-10
    True
    """
    _check_procedure(procedure)
    z = check_not_negative("radius", radius) / check_positive("sigma", sigma)
    alpha = float(ndtr(z)) ** check_integer("n", n, low=1)
    # The level of a single pass is at least alpha / 2; a class fixed beforehand needs more than
    # 2**-n, strictly.
    return 2 * alpha if procedure == "single_pass" else math.nextafter(alpha, math.inf)


def alpha_per_frame(false_per_hour, frame_rate):
    """Error probability that a frame may spend for a stream to keep to its false certificates.

    Parameters
    ----------
    false_per_hour : float
        Over-stated radii tolerated in an hour, on average; above 0.
    frame_rate : float
        Certificates a second, above 0.

    Returns
    -------
    float
        Above 0; 1 or more where any alpha would do.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> f"{alpha_per_frame(1e-3, 25.0):.2g}"
    '1.1e-08'
    """
    false_per_hour = check_positive("false_per_hour", false_per_hour)
    return false_per_hour / (check_positive("frame_rate", frame_rate) * _SECONDS_AN_HOUR)


def false_certificates_per_hour(alpha, frame_rate):
    """Most over-stated radii in an hour, on average, that alpha a frame allows.

    Parameters
    ----------
    alpha : float
        Error probability per frame, strictly between 0 and 1.
    frame_rate : float
        Certificates a second, above 0.

    Returns
    -------
    float
        An expectation over all frames, abstentions included: not a share of those certified.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(false_certificates_per_hour(0.001, 25.0), 6)
    90.0
    """
    return check_alpha(alpha) * check_positive("frame_rate", frame_rate) * _SECONDS_AN_HOUR
