# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The single pass that bounds the runner-up too: a larger radius from the same votes.

`joint` derives why it is sound at alpha. Invalid samples are votes for no class. Here they may be
many, unlike where half of all votes is asked for: where they are more than the runner-up's votes
they count as those, which only lowers bounds.
"""

import functools

from .bounds import smallest, upper_tail
from .certificate import Certificate, Status
from .checks import check_alpha, check_positive
from .joint import joint_bound, runner_up_cap
from .least_n import SELECTION, least_n_runner_up
from .procedures import check_least_n, check_votes_and_n, most_of_others


def class_votes(runner_up, n, alpha):
    """Votes that the class test asks of the top class beside so many of the runner-up.

    Parameters
    ----------
    runner_up, n : int
        The former at most half of the latter.
    alpha : float
        As for `joint_bound`.

    Returns
    -------
    int
        n - runner_up + 1, more than there can be, where nothing is enough. To have so many need
        not be enough, where they do not bound the radius above 0.

    Examples
    --------
    >>> class_votes(0, 200, 0.001), class_votes(30, 200, 0.001)
    (16, 72)
    """
    return smallest(
        runner_up + 1,
        n - runner_up + 1,
        lambda k: 2 * upper_tail(k, k + runner_up, 0.5) <= alpha * SELECTION,
    )


class_votes = functools.lru_cache(maxsize=4096)(class_votes)


def runner_up_bound(top, second, invalid, n, alpha):
    """Return what the votes of one pass certify; the form for a frame's hot path, unchecked.

    Parameters
    ----------
    top, second, invalid, n : int
        Votes of the top class and of the runner-up, invalid samples, and all of them.
    alpha : float
        As for `runner_up`.

    Returns
    -------
    votes_required : int
        See `class_votes`.
    unit_radius : float
        In units of sigma; 0 where nothing is certified.
    p_lower : float
        Lower bound of the top class's probability; 0 where nothing is certified.

    Examples
    --------
    >>> required, radius, p_lower = runner_up_bound(82, 8, 0, 100, 0.001)
    >>> required, round(radius, 4), round(p_lower, 4)
    (35, 0.6313, 0.6245)
    """
    rival = max(second, invalid)
    required = class_votes(rival, n, alpha)
    if top < required:
        return required, 0.0, 0.0
    unit_radius, p_lower = joint_bound(top, rival, n, alpha)
    return (required, unit_radius, p_lower) if unit_radius > 0 else (required, 0.0, 0.0)


def runner_up(counts, *, sigma, alpha, invalid=0):
    """Certify the top class, its probability and the runner-up's bounded together; sound at alpha.

    Where the votes for others are spread over classes the radius is larger than that of
    `single_pass`, and a class with fewer than half of the votes can be certified. Where they are
    all for one class it is 1 to 2 % smaller where it is small, the cap by 0.3 % (n = 100 and 200,
    alpha 0.001), and a few votes more are required.

    Parameters
    ----------
    counts, sigma, alpha, invalid
        As for `single_pass`.

    Returns
    -------
    Certificate
        Where there are more invalid samples than votes of the runner-up, they are its votes.
        ``p_lower`` is of the joint bound and may be below 1/2; ``alpha_bound`` is the level of
        both together; ``votes_required`` is what the class test asks for beside the runner-up.

    Raises
    ------
    ValueError
        For an argument outside its range, or an n that could never certify at alpha.

    Examples
    --------
    >>> runner_up([5, 5, 82, 8], sigma=0.25, alpha=0.001)
    Certificate(CERTIFIED: class 2, radius 0.1578 of at most 0.3734, 82 of 100 votes; sigma 0.25, \
alpha 0.001, runner_up)
    >>> runner_up([38, 61, 1], sigma=0.25, alpha=0.001).reason
    'top class has 61 of 100 votes, beside 38 of the runner-up 63 are required'
    """
    counts, invalid, n = check_votes_and_n(counts, invalid)
    sigma, alpha = check_positive("sigma", sigma), check_alpha(alpha)
    check_least_n(n, least_n_runner_up(alpha), alpha)
    class_id = int(counts.argmax())
    top, second = int(counts[class_id]), most_of_others(counts, class_id)
    required, unit_radius, p_lower = runner_up_bound(top, second, invalid, n, alpha)
    reason = ""
    if unit_radius == 0:
        rival = f"{second} of the runner-up" if second >= invalid else f"{invalid} invalid ones"
        reason = f"top class has {top} of {n} votes, beside {rival} "
        if top < required:
            reason += f"{required} are required"
        else:
            reason += "too few to bound its lead above 0"
    return Certificate(
        status=Status.ABSTAINED if reason else Status.CERTIFIED,
        class_id=-1 if reason else class_id,
        radius=sigma * unit_radius,
        radius_cap=runner_up_cap(n, sigma, alpha),
        p_lower=p_lower,
        alpha_bound=alpha * (1 - SELECTION),
        votes_required=required,
        votes_top=top,
        votes_runner_up=second,
        votes_invalid=invalid,
        n_selection=0,
        n_used=n,
        n_drawn=n,
        sigma=sigma,
        alpha=alpha,
        procedure="runner_up",
        reason=reason,
    )
