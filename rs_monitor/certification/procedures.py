# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From the votes of one frame to its certificate.

n is the sum of the votes and the invalid ones. It may follow the clock; it must not follow the
votes, which is what `curtailment` is for.
"""

from scipy.special import ndtri

from .bounds import clopper_pearson, least_votes
from .certificate import Certificate, Status
from .checks import MAX_SAMPLES, check_alpha, check_integer, check_positive, check_votes
from .least_n import least_n_two_stage
from .pairs import SinglePassPair
from .single_pass_table import SinglePassTable

#: Serves callers that bring no pair of their own; only `get` is called, so no thread starts.
EXACT_PAIRS = SinglePassTable()


def check_votes_and_n(counts, invalid):
    """Return the checked counts and invalid, and the n they make."""
    counts = check_votes("counts", counts)
    invalid = check_integer("invalid", invalid, low=0)
    n = int(counts.sum()) + invalid
    if n > MAX_SAMPLES:
        raise ValueError(f"counts and invalid must sum to at most {MAX_SAMPLES}, got {n}")
    return counts, invalid, n


def check_least_n(n, least, alpha):
    """Refuse an n below the fewest votes with which a procedure can certify at alpha."""
    if n < least:
        raise ValueError(
            f"n must be at least {least} at alpha={alpha}: with fewer votes no class could ever "
            f"be certified; got n={n}"
        )


def scalar_radius(p_lower, sigma):
    """`bounds.radius` for Python scalars without the checks: the form for a frame's hot path."""
    return sigma * float(ndtri(p_lower)) if p_lower > 0.5 else 0.0


def most_of_others(counts, class_id):
    """Return the most votes of any class but ``class_id``."""
    return int(max(counts[:class_id].max(initial=0), counts[class_id + 1 :].max(initial=0)))


def _fixed_n_certificate(
    procedure, counts, class_id, invalid, n, sigma, alpha, alpha_bound, required, n_selection=None
):
    """Certify ``class_id`` if it has the votes required, with Clopper-Pearson at alpha_bound."""
    votes_top = int(counts[class_id])
    p_lower = clopper_pearson(votes_top, n, alpha_bound)
    certified = votes_top >= required
    reason = ""
    if not certified:
        # A class taken from these same votes has no valid bound unless it is certified.
        subject, p_lower = ("top", 0.0) if n_selection is None else ("selected", p_lower)
        reason = f"{subject} class has {votes_top} of {n} votes, {required} are required"
    return Certificate(
        status=Status.CERTIFIED if certified else Status.ABSTAINED,
        class_id=class_id if certified else -1,
        radius=scalar_radius(p_lower, sigma) if certified else 0.0,
        radius_cap=scalar_radius(clopper_pearson(n, n, alpha_bound), sigma),
        p_lower=p_lower,
        alpha_bound=alpha_bound,
        votes_required=required,
        votes_top=votes_top,
        votes_runner_up=most_of_others(counts, class_id),
        votes_invalid=invalid,
        n_selection=n_selection or 0,
        n_used=n,
        n_drawn=n,
        sigma=sigma,
        alpha=alpha,
        procedure=procedure,
        reason=reason,
    )


def single_pass(counts, *, sigma, alpha, invalid=0, pair=None):
    """Certify the top class from the very votes that made it the top class; sound at alpha.

    The top class is certified if it has at least k_min votes, with its Clopper-Pearson bound taken
    at alpha' < alpha; `pairs` derives why that makes up for choosing the class by its votes.

    Parameters
    ----------
    counts : integer array [K]
        Votes of each of K >= 2 classes.
    sigma : float
        Standard deviation of the noise, finite, above 0; in the units of the pixels.
    alpha : float
        Bound of the probability, per frame, of an over-stated radius; strictly in (0, 1).
    invalid : int
        Samples whose logits were not finite: part of n, votes for no class.
    pair : SinglePassPair, optional
        The pair for this n and alpha, chosen without looking at the votes. The default is the
        exact one, computed on first use: give one where time matters.

    Returns
    -------
    Certificate

    Raises
    ------
    ValueError
        For an argument outside its range, an n that could never certify at alpha, or a pair made
        for another n or alpha.

    Examples
    --------
    >>> single_pass([2, 97, 1], sigma=0.25, alpha=0.001)
    Certificate(CERTIFIED: class 1, radius 0.288 of at most 0.3745, 97 of 100 votes; sigma 0.25, \
alpha 0.001, single_pass)
    >>> single_pass([38, 61, 1], sigma=0.25, alpha=0.001).reason
    'top class has 61 of 100 votes, 68 are required'
    """
    counts, invalid, n = check_votes_and_n(counts, invalid)
    sigma, alpha = check_positive("sigma", sigma), check_alpha(alpha)
    if pair is None:
        pair = EXACT_PAIRS.get(n, alpha)
    elif not isinstance(pair, SinglePassPair) or (pair.n, pair.alpha) != (n, alpha):
        raise ValueError(f"pair must be a SinglePassPair for n={n}, alpha={alpha}, got {pair!r}")
    return _fixed_n_certificate(
        "single_pass",
        counts,
        int(counts.argmax()),
        invalid,
        n,
        sigma,
        alpha,
        pair.alpha_bound,
        pair.k_min,
    )


def two_stage(selection_counts, counts, *, sigma, alpha, invalid=0):
    """Choose the class by one set of votes, certify it by another (Algorithm 2); sound at alpha.

    Cohen et al. (2019), CERTIFY. The class with most selection votes, of equal ones that with the
    lowest index, is certified if its Clopper-Pearson bound at alpha exceeds 1/2.

    Parameters
    ----------
    selection_counts : integer array [K]
        Votes that choose the class, from noise independent of that behind ``counts``. Where all
        are 0, no sample being valid, the result is an abstention.
    counts : integer array [K]
        Votes that bound its probability.
    sigma, alpha, invalid
        As for `single_pass`; ``invalid`` goes with ``counts``.

    Returns
    -------
    Certificate
        ``votes_top`` are the votes of the selected class, ``n_used`` excludes the selection.

    Raises
    ------
    ValueError
        For an argument outside its range, or an n that could never certify at alpha.

    Examples
    --------
    >>> two_stage([1, 31, 0], [2, 97, 1], sigma=0.25, alpha=0.001).class_id
    1
    """
    selection_counts = check_votes("selection_counts", selection_counts)
    counts, invalid, n = check_votes_and_n(counts, invalid)
    sigma, alpha = check_positive("sigma", sigma), check_alpha(alpha)
    if selection_counts.shape != counts.shape:
        raise ValueError(
            f"selection_counts and counts must be of the same classes, got "
            f"{selection_counts.size} and {counts.size}"
        )
    check_least_n(n, least_n_two_stage(alpha), alpha)
    n_selection = int(selection_counts.sum())
    if n_selection == 0:
        return Certificate.failure(
            Status.ABSTAINED,
            "no selection vote is valid, so that no class is selected",
            sigma=sigma,
            alpha=alpha,
            procedure="two_stage",
            n_drawn=n,
            votes_invalid=invalid,
        )
    return _fixed_n_certificate(
        "two_stage",
        counts,
        int(selection_counts.argmax()),
        invalid,
        n,
        sigma,
        alpha,
        alpha,
        least_votes(n, alpha),
        n_selection,
    )


def algorithm1_unsound(counts, *, sigma, alpha, invalid=0):
    """Algorithm 1 of the paper as printed. UNSOUND: never let a robot rely on it.

    It takes the class and its Clopper-Pearson bound at the full alpha from the same votes. Where
    the top class's probability is just above 1/2, either of two classes may come out on top and
    be over-stated, and the two errors add up: at alpha = 0.001 the radius is over-stated with
    probability up to 0.00195 at n = 10, 0.00180 at n = 100, 0.00175 at n = 1000. Lemma C.1 of the
    paper, which says otherwise, does not hold. Kept only to reproduce the paper's figures; use
    `single_pass`.

    Parameters
    ----------
    counts, sigma, alpha, invalid
        As for `single_pass`.

    Returns
    -------
    Certificate
        Of which alpha does not hold.

    Raises
    ------
    ValueError
        For an argument outside its range, or an n that could never certify at alpha.
    """
    counts, invalid, n = check_votes_and_n(counts, invalid)
    sigma, alpha = check_positive("sigma", sigma), check_alpha(alpha)
    check_least_n(n, least_n_two_stage(alpha), alpha)
    return _fixed_n_certificate(
        "algorithm1_unsound",
        counts,
        int(counts.argmax()),
        invalid,
        n,
        sigma,
        alpha,
        alpha,
        least_votes(n, alpha),
    )
