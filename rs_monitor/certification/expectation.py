# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a procedure is expected to certify, from its radius at every number of votes.

The class is taken as given: votes are those of one class, certified or not by their number.
"""

import functools
import math

import numpy as np
from scipy.special import betainc, gammaln, ndtri, xlog1py, xlogy

from .bounds import clopper_pearson_array, least_votes
from .checks import check_alpha, check_integer, check_positive
from .least_n import LEAST_N
from .procedures import EXACT_PAIRS

# Probability that may be left outside the counts summed over: below what a mean of radii shows.
_NEGLECTED = 1e-13

# Probabilities times counts that are worked on at once: 16 MB an array.
_BLOCK = 2_000_000


def votes_and_level(n, alpha, procedure):
    """How many of n votes a procedure asks of a class, and at which level it bounds them.

    Parameters
    ----------
    n : int
        Votes of the bound; ``two_stage`` draws its selection besides.
    alpha : float
        Error probability per frame, strictly between 0 and 1.
    procedure : {'single_pass', 'two_stage'}

    Returns
    -------
    required : int
        n + 1 where no number of votes is enough.
    alpha_bound : float

    Raises
    ------
    ValueError
        For an unknown procedure, an argument outside its range, or an n with which a single pass
        could never certify.

    Examples
    --------
    >>> votes_and_level(100, 0.001, "two_stage")
    (66, 0.001)
    """
    if procedure not in LEAST_N:
        raise ValueError(f"procedure must be one of {', '.join(LEAST_N)}, got {procedure!r}")
    if procedure == "single_pass":
        pair = EXACT_PAIRS.get(n, alpha)
        return pair.k_min, pair.alpha_bound
    n, alpha = check_integer("n", n, low=1), check_alpha(alpha)
    return least_votes(n, alpha), alpha


def _unit_radii(n, alpha, procedure):
    required, alpha_bound = votes_and_level(n, alpha, procedure)
    radii = np.zeros(n + 1)
    certified = np.arange(required, n + 1)
    radii[required:] = np.maximum(ndtri(clopper_pearson_array(certified, n, alpha_bound)), 0.0)
    radii.flags.writeable = False
    return radii


_unit_radii = functools.lru_cache(maxsize=32)(_unit_radii)


def radii_by_votes(n, sigma, alpha, procedure):
    """Certified radius for each number of votes 0..n; 0 where the procedure abstains.

    Parameters
    ----------
    n, alpha, procedure
        As for `votes_and_level`.
    sigma : float
        Standard deviation of the noise, finite, above 0.

    Returns
    -------
    float64 array [n + 1]
        Ascending, in the units of sigma.

    Raises
    ------
    ValueError
        As `votes_and_level`, and for a bad sigma.

    Examples
    --------
    >>> radii_by_votes(100, 0.25, 0.001, "two_stage")[[65, 100]].round(4)
    array([0.    , 0.3751])
    """
    return check_positive("sigma", sigma) * _unit_radii(n, alpha, procedure)


def _check_probabilities(p):
    p = np.asarray(p, dtype=np.float64)
    if p.ndim != 1 or not p.size or not np.all((p >= 0) & (p <= 1)):
        raise ValueError(f"p must be a row of probabilities in 0..1, got {p!r}")
    return p


def expected_radii(p, radii):
    """Expected radius for each probability: the mean of radii[k] over k ~ Bin(n, p).

    Parameters
    ----------
    p : float array [M]
        Probability that a noisy copy gets the class, in 0..1.
    radii : float array [n + 1]
        `radii_by_votes`.

    Returns
    -------
    float64 array [M]

    Raises
    ------
    ValueError
        For probabilities outside 0..1.

    Examples
    --------
    >>> expected_radii([0.5, 0.9, 1.0], radii_by_votes(100, 0.25, 0.001, "two_stage")).round(4)
    array([0.    , 0.1918, 0.3751])
    """
    p = _check_probabilities(p)
    radii = np.asarray(radii, dtype=np.float64)
    kinds, inverse = np.unique(p, return_inverse=True)
    n = radii.size - 1
    certified = np.flatnonzero(radii > 0)
    if not certified.size:
        return np.zeros(p.shape)
    # Bernstein's inequality: no more than _NEGLECTED lies further than this from the mean.
    size = math.log(2 / _NEGLECTED)
    reach = size / 3 + np.sqrt(size**2 / 9 + 2 * size * n * kinds * (1 - kinds))
    first = np.clip(np.floor(n * kinds - reach).astype(np.int64), certified[0], n + 1)
    last = np.clip(np.ceil(n * kinds + reach).astype(np.int64), -1, n)
    k = np.arange(n + 1)
    log_ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    means = np.zeros(kinds.shape)
    todo = np.flatnonzero(last >= first)
    start = 0
    while start < todo.size:
        # Neighbours have windows of about the same place and width.
        width = last[todo[start:]] - first[todo[start:]] + 1
        sizes = np.maximum.accumulate(width) * np.arange(1, width.size + 1)
        count = max(1, int(np.searchsorted(sizes, _BLOCK, "right")))
        part = todo[start : start + count]
        votes = first[part, None] + np.arange(int(width[:count].max()))
        inside = votes <= last[part, None]
        votes = np.minimum(votes, n)
        q = kinds[part, None]
        chance = np.exp(log_ways[votes] + xlogy(votes, q) + xlog1py(n - votes, -q))
        means[part] = np.sum(chance * radii[votes], axis=1, where=inside)
        start += count
    return means[inverse.reshape(p.shape)]


def certified_probabilities(p, radii, wanted):
    """Probability of a certificate of at least the wanted radius, for k ~ Bin(n, p) votes.

    Parameters
    ----------
    p, radii
        As for `expected_radii`.
    wanted : float
        >= 0; at 0 any certificate counts.

    Returns
    -------
    float64 array [M]

    Raises
    ------
    ValueError
        As `expected_radii`.

    Examples
    --------
    >>> radii = radii_by_votes(100, 0.25, 0.001, "two_stage")
    >>> certified_probabilities([0.5, 0.9, 1.0], radii, 0.25).round(4)
    array([0.    , 0.0576, 1.    ])
    """
    p = _check_probabilities(p)
    enough = np.flatnonzero((radii > 0) & (radii >= wanted))
    if not enough.size:
        return np.zeros(p.shape)
    n, least = len(radii) - 1, int(enough[0])
    return betainc(least, n - least + 1, p)
