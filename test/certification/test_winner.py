# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The procedure runner_up."""

import functools
import itertools

import numpy as np
import pytest
from scipy.stats import beta, binom, multinomial, norm

from rs_monitor.certification import (
    LEAST_N,
    SELECTION,
    Status,
    least_n_runner_up,
    runner_up,
    runner_up_bound,
    single_pass,
)
from rs_monitor.certification.joint import joint_bound
from rs_monitor.certification.winner import class_votes


def true_radii(probabilities):
    """Of each class, in units of sigma; -inf where it is not the most probable one."""
    p = np.asarray(probabilities, float)
    others = np.array([np.delete(p, k).max() for k in range(p.size)])
    radii = (norm.ppf(p) - norm.ppf(others)) / 2
    return np.where(p >= others, radii, -np.inf)


@functools.lru_cache
def outcomes(n, classes):
    """All votes of so many classes, the last of them being invalid ones."""
    return np.array([c for c in itertools.product(range(n + 1), repeat=classes) if sum(c) == n])


def simplex(classes, steps):
    """Distributions on a grid, descending, and ties with a little less besides."""
    grid = [
        np.array(parts) / steps
        for parts in itertools.product(range(steps + 1), repeat=classes)
        if sum(parts) == steps and list(parts[:-1]) == sorted(parts[:-1], reverse=True)
    ]
    return [p for p in grid if p[0] > 0]


@pytest.mark.parametrize(
    ("n", "classes", "alpha"),
    [(12, 4, 0.05), (16, 4, 0.3), (20, 3, 0.05), (24, 4, 0.05), (36, 3, 0.01), (44, 3, 0.001)],
)
def test_the_radius_is_overstated_at_most_at_alpha_whatever_the_probabilities(n, classes, alpha):
    counts = outcomes(n, classes)  # the last are votes for no class
    certificates = [
        runner_up(row[:-1], sigma=1.0, alpha=alpha, invalid=int(row[-1])) for row in counts
    ]
    certified = np.array([c.status == Status.CERTIFIED for c in certificates])
    radius = np.array([c.radius for c in certificates])
    class_id = np.array([c.class_id for c in certificates])
    assert certified.any()
    most, most_wrong_class = 0.0, 0.0
    # The worst cases: two classes, just below what so many votes for the one claim.
    edges = norm.cdf(np.unique(radius[certified])) * (1 - 1e-9)
    worst = [np.array([p, 1 - p] + [0.0] * (classes - 2)) for p in edges]
    for p in simplex(classes, 40 if classes == 3 else 20) + worst:
        chance = multinomial.pmf(counts, n, p)
        true = true_radii(p[:-1])
        over = certified & (radius > np.append(true, np.inf)[class_id] + 1e-12)
        most = max(most, chance[over].sum())
        best = np.append(p[:-1] == p[:-1].max(), False)
        # Of equally probable classes the first is the right one, the others are not.
        wrong = certified & (class_id != best.argmax())
        most_wrong_class = max(most_wrong_class, chance[wrong].sum())
    assert 0.6 * alpha < most <= alpha  # a procedure that is not sound would show
    assert most_wrong_class <= SELECTION * alpha


@pytest.mark.simulation
@pytest.mark.parametrize("alpha", [0.05, 0.001])
@pytest.mark.parametrize(
    "probabilities",
    [
        [0.9, 0.04, 0.03, 0.03],
        [0.6, 0.1, 0.1, 0.1, 0.1],
        [0.4, 0.2, 0.2, 0.2],
        [0.35, 0.3, 0.2, 0.15],
        [0.7, 0.3],
        [0.02] * 20 + [0.6],
    ],
)
def test_simulation_at_two_hundred_votes(probabilities, alpha):
    trials = 300_000
    rows = np.random.default_rng(17).multinomial(200, probabilities, trials)
    top = rows.argmax(axis=1)
    others = rows.copy()
    others[np.arange(trials), top] = -1
    kinds = np.column_stack([top, rows.max(axis=1), others.max(axis=1)])
    kinds, times = np.unique(kinds, axis=0, return_counts=True)
    true = true_radii(probabilities)
    errors = 0
    for (class_id, votes, second), count in zip(kinds.tolist(), times.tolist()):
        _, radius, _ = runner_up_bound(votes, second, 0, 200, alpha)
        errors += count * (radius > max(true[class_id], 0.0))
    # The one-sided lower limit at 99.9 %.
    assert errors == 0 or beta.ppf(1e-3, errors, trials - errors + 1) <= alpha


@pytest.mark.parametrize(("n", "loss"), [(50, 0.006), (100, 0.004), (200, 0.003), (1000, 0.002)])
def test_what_it_costs_where_all_other_votes_are_one_class_s(n, loss):
    single = [single_pass([k, n - k], sigma=1, alpha=0.001).radius for k in (n, round(0.95 * n))]
    mine = [runner_up([k, n - k], sigma=1, alpha=0.001).radius for k in (n, round(0.95 * n))]
    for ours, theirs in zip(mine, single):
        assert theirs * (1 - 3 * loss) <= ours <= theirs
    assert mine[0] >= single[0] * (1 - loss)


def test_spread_votes_certify_more():
    spread, one = [150] + [5] * 10, [150, 50]
    certificate = runner_up(spread, sigma=0.25, alpha=0.001)
    assert certificate.radius > 2 * single_pass(spread, sigma=0.25, alpha=0.001).radius
    assert certificate.radius > 2 * runner_up(one, sigma=0.25, alpha=0.001).radius
    # A class with fewer than half of the votes.
    minority = runner_up([80] + [12] * 10, sigma=0.25, alpha=0.001)
    assert minority.status == Status.CERTIFIED
    assert 0 < minority.p_lower < 0.5


def test_what_a_certificate_says():
    c = runner_up([5, 5, 82, 6], sigma=0.5, alpha=0.001, invalid=2)
    radius, p_lower = joint_bound(82, 5, 100, 0.001)
    assert (c.class_id, c.radius, c.p_lower) == (
        2,
        0.5 * joint_bound(82, 6, 100, 0.001)[0],
        c.p_lower,
    )
    assert c.radius < 0.5 * radius
    assert c.p_lower <= p_lower
    assert (c.procedure, c.n_selection) == ("runner_up", 0)
    assert c.alpha_bound == 0.001 * (1 - SELECTION)
    assert (c.votes_top, c.votes_runner_up, c.votes_invalid, c.n_used, c.n_drawn) == (
        82,
        6,
        2,
        100,
        100,
    )
    assert c.votes_required == class_votes(6, 100, 0.001) <= 82


@pytest.mark.parametrize(("second", "n"), [(0, 200), (10, 200), (50, 200), (99, 200), (3, 1000)])
def test_the_votes_required_are_the_fewest_that_pass_the_class_test(second, n):
    required = class_votes(second, n, 0.001)

    def p_value(k):
        return 2 * binom.sf(k - 1, k + second, 0.5)

    if required <= n - second:
        assert p_value(required) <= SELECTION * 0.001
    assert p_value(required - 1) > SELECTION * 0.001


def test_abstentions_say_why():
    too_close = runner_up([110, 80, 10], sigma=0.25, alpha=0.001)
    assert too_close.status == Status.ABSTAINED
    assert too_close.reason == (
        "top class has 110 of 200 votes, beside 80 of the runner-up 121 are required"
    )
    assert (too_close.class_id, too_close.radius, too_close.p_lower) == (-1, 0.0, 0.0)
    # The class is clear, but not how far it is ahead.
    apart = runner_up([30, 1, 1, 1, 1], sigma=0.25, alpha=1e-6)
    assert apart.status == Status.ABSTAINED
    assert apart.reason == (
        "top class has 30 of 34 votes, beside 1 of the runner-up too few to bound its lead above 0"
    )
    assert (apart.radius, apart.p_lower) == (0.0, 0.0)
    none = runner_up([0, 0], sigma=0.25, alpha=0.001, invalid=50)
    assert (none.status, none.votes_invalid) == (Status.ABSTAINED, 50)


@pytest.mark.parametrize("alpha", [0.9, 0.3, 0.05, 0.001, 1.1e-8, 1e-12])
def test_the_least_n(alpha):
    least = least_n_runner_up(alpha)
    assert runner_up([least, 0], sigma=1, alpha=alpha).status == Status.CERTIFIED
    assert 2 * 0.5**least <= SELECTION * alpha < 2 * 0.5 ** (least - 1)
    with pytest.raises(ValueError, match=f"^n must be at least {least} at alpha.*n={least - 1}$"):
        runner_up([least - 1, 0], sigma=1, alpha=alpha)
    assert "runner_up" not in LEAST_N  # whose radius follows from the votes of one class


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sigma": 0}, "sigma"),
        ({"alpha": 1.0}, "alpha"),
        ({"invalid": -1}, "invalid"),
        ({"counts": [40]}, "counts"),
        ({"counts": [40.0, 2]}, "counts"),
        ({"counts": [40, -2]}, "counts"),
    ],
)
def test_bad_arguments_are_named(options, named):
    arguments = {"counts": [40, 2], "sigma": 0.25, "alpha": 0.001} | options
    with pytest.raises(ValueError, match=f"^{named} must"):
        runner_up(**arguments)


def test_invalid_samples_are_votes_against_every_class():
    assert runner_up_bound(120, 60, 20, 200, 0.001) == runner_up_bound(120, 20, 60, 200, 0.001)
    against = runner_up([120, 20], sigma=0.25, alpha=0.001, invalid=60)
    other = runner_up([120, 60], sigma=0.25, alpha=0.001, invalid=20)
    assert (against.status, other.status) == (Status.CERTIFIED, Status.CERTIFIED)
    assert (against.votes_runner_up, against.votes_invalid) == (20, 60)
    assert against.radius == other.radius == 0.25 * joint_bound(120, 60, 200, 0.001)[0]
    assert against.votes_required == other.votes_required
    many = runner_up([70, 10], sigma=0.25, alpha=0.001, invalid=50)
    assert many.reason == "top class has 70 of 130 votes, beside 50 invalid ones 81 are required"
    as_many = runner_up([70, 50], sigma=0.25, alpha=0.001, invalid=50)
    assert "beside 50 of the runner-up" in as_many.reason


@pytest.mark.parametrize("n", [40, 200, 1000])
def test_more_votes_are_required_beside_a_stronger_runner_up(n):
    required = [class_votes(second, n, 0.001) for second in range(n // 2)]
    reachable = [k for second, k in enumerate(required) if k <= n - second]
    assert reachable == sorted(reachable)
    assert len(reachable) > n // 6
    assert required[-1] > n - (n // 2 - 1)
