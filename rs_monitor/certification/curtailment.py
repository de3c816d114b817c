# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The curtailed test: is the radius large enough, asked while the votes come in."""

import functools

from scipy.special import ndtr

from .bounds import clopper_pearson, smallest
from .certificate import Certificate, Status
from .checks import check_alpha, check_integer, check_not_negative, check_positive
from .procedures import EXACT_PAIRS, check_votes_and_n, most_of_others, scalar_radius


def _votes_for_radius(pair, required_radius, sigma):
    """The smallest k >= k_min whose radius reaches the one required; n + 1 where there is none."""

    def reaches(k):
        bound = clopper_pearson(k, pair.n, pair.alpha_bound)
        return scalar_radius(bound, sigma) >= required_radius

    return smallest(pair.k_min, pair.n + 1, reaches)


_votes_for_radius = functools.lru_cache(maxsize=4096)(_votes_for_radius)


def curtailed(counts, *, n_fixed, required_radius, sigma, alpha, invalid=0):
    """Ask "is the radius at least required_radius?" of n_fixed votes, as early as it is decided.

    May be called again and again while votes come in: votes not drawn yet count against every
    class, so that a success stays one, and a success among the n_fixed votes is one of
    `single_pass` at n_fixed. It is therefore sound at alpha however often it is called, which
    `single_pass` on growing counts would not be. For the same reason it says required_radius and
    never more. Failure is decided, and drawing may stop, once
    ``votes_top + (n_used - n_drawn) < votes_required``.

    Parameters
    ----------
    counts : integer array [K]
        Votes drawn so far.
    n_fixed : int
        Votes to draw at most, fixed before any is drawn.
    required_radius : float
        L2, in the units of sigma: >= 0 and at most what n_fixed equal votes certify.
    sigma, alpha, invalid
        As for `single_pass`.

    Returns
    -------
    Certificate
        CERTIFIED with radius = required_radius, or ABSTAINED: undecided yet, or failed.

    Raises
    ------
    ValueError
        For an argument outside its range, more votes than n_fixed, an n_fixed that could never
        certify at alpha, or a radius it could never reach.

    Examples
    --------
    >>> curtailed([0, 85], n_fixed=100, required_radius=0.1, sigma=0.25, alpha=0.001).radius
    0.1
    """
    counts, invalid, n_drawn = check_votes_and_n(counts, invalid)
    sigma, alpha = check_positive("sigma", sigma), check_alpha(alpha)
    required_radius = check_not_negative("required_radius", required_radius)
    n_fixed = check_integer("n_fixed", n_fixed, low=1)
    if n_drawn > n_fixed:
        raise ValueError(
            f"n_fixed must be at least the {n_drawn} votes drawn so far, got {n_fixed}"
        )
    pair = EXACT_PAIRS.get(n_fixed, alpha)
    cap = scalar_radius(clopper_pearson(n_fixed, n_fixed, pair.alpha_bound), sigma)
    if required_radius > cap:
        raise ValueError(
            f"required_radius must be at most {cap}, what n_fixed={n_fixed} equal votes certify "
            f"at sigma={sigma}, alpha={alpha}; got {required_radius}"
        )
    required = _votes_for_radius(pair, required_radius, sigma)

    class_id = int(counts.argmax())
    votes_top = int(counts[class_id])
    left = n_fixed - n_drawn
    certified = votes_top >= required
    reason = ""
    if not certified:
        reason = f"top class has {votes_top} votes, {required} of {n_fixed} are required, "
        reason += (
            f"{left} are still to be drawn: "
            f"{'undecided' if votes_top + left >= required else 'out of reach'}"
        )
    return Certificate(
        status=Status.CERTIFIED if certified else Status.ABSTAINED,
        class_id=class_id if certified else -1,
        radius=required_radius if certified else 0.0,
        radius_cap=cap,
        p_lower=float(ndtr(required_radius / sigma)) if certified else 0.0,
        alpha_bound=pair.alpha_bound,
        votes_required=required,
        votes_top=votes_top,
        votes_runner_up=most_of_others(counts, class_id),
        votes_invalid=invalid,
        n_selection=0,
        n_used=n_fixed,
        n_drawn=n_drawn,
        sigma=sigma,
        alpha=alpha,
        procedure="curtailed",
        reason=reason,
    )
