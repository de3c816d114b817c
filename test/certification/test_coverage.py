# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How often the radius is over-stated, by simulation with fixed seeds and by enumeration."""

import functools
import itertools

import numpy as np
import pytest
from scipy.stats import beta, multinomial, norm

from rs_monitor.certification import (
    SinglePassPair,
    lower_bound,
    single_pass,
    single_pass_pair,
    standin_pair,
    two_stage,
)
from rs_monitor.certification.procedures import algorithm1_unsound

SIGMA = 0.25
CASES = [(n, alpha) for alpha in (0.05, 0.001) for n in (11, 50, 100, 1000)]
# The one-sided limits at 99.9 %.
LIMIT = 1e-3


def lower_limit(errors, trials):
    return 0.0 if errors == 0 else beta.ppf(LIMIT, errors, trials - errors + 1)


def upper_limit(errors, trials):
    return beta.ppf(1 - LIMIT, errors + 1, trials - errors)


def worst_p(pair):
    """The probability of the top class at which the radius is over-stated most often."""
    return lower_bound(pair.k_min, pair.n, pair.alpha_bound) * (1 - 1e-9)


def overstated(certify, counts, probabilities):
    """Which rows of counts [T, K] get a radius beyond the true one, or a class without one."""
    true_radius = np.where(
        np.asarray(probabilities) >= 0.5, SIGMA * norm.ppf(probabilities), -np.inf
    )
    # A certificate depends on the top class and its votes: one row of each kind is enough.
    kinds = np.column_stack([counts.argmax(axis=1), counts.max(axis=1)])
    _, first, kind = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    answers = []
    for row in counts[first]:
        certificate = certify(row)
        wrong = not certificate.abstain and (
            certificate.radius > true_radius[certificate.class_id]
        )
        answers.append(wrong)
    return np.array(answers)[kind.reshape(-1)]


def distributions(p):
    """Two and many classes, the top one at p: the rest in one, mostly in one, and spread."""
    return {
        "two": [p, 1 - p],
        "one rival": [0.0005] * 4 + [1 - p - 0.004, p] + [0.0005] * 4,
        "spread": [p] + [(1 - p) / 9] * 9,
    }


@pytest.mark.simulation
@pytest.mark.parametrize("shape", ["two", "one rival", "spread"])
@pytest.mark.parametrize(("n", "alpha"), CASES)
def test_single_pass_overstates_at_most_at_alpha(n, alpha, shape):
    pair = single_pass_pair(n, alpha)
    probabilities = distributions(worst_p(pair))[shape]
    trials = 400_000 if shape == "two" else 200_000
    counts = np.random.default_rng([n, round(1 / alpha)]).multinomial(n, probabilities, trials)
    certify = functools.partial(single_pass, sigma=SIGMA, alpha=alpha, pair=pair)
    errors = int(overstated(certify, counts, probabilities).sum())
    assert lower_limit(errors, trials) <= alpha
    if shape == "two":
        # It is the worst case indeed: alpha is used up, and this simulation would show an excess.
        assert upper_limit(errors, trials) >= alpha


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "alpha"), CASES)
def test_single_pass_where_no_class_reaches_one_half(n, alpha):
    pair = single_pass_pair(n, alpha)
    trials = 200_000
    certify = functools.partial(single_pass, sigma=SIGMA, alpha=alpha, pair=pair)
    for probabilities in ([0.499, 0.499, 0.002], [0.49] + [0.051] * 10):
        counts = np.random.default_rng(n).multinomial(n, probabilities, trials)
        errors = int(overstated(certify, counts, probabilities).sum())
        assert lower_limit(errors, trials) <= alpha


@pytest.mark.simulation
@pytest.mark.parametrize(("n", "alpha"), [(11, 0.05), (100, 0.05), (100, 0.001), (1000, 0.001)])
def test_two_stage_and_the_standin_overstate_at_most_at_alpha(n, alpha):
    trials = 200_000
    standin = standin_pair(n, alpha)
    k = np.arange(n // 2, n + 1)
    just_below_a_bound = lower_bound(k, n, alpha)[lower_bound(k, n, alpha) > 0.5][0] * (1 - 1e-9)
    rng = np.random.default_rng(n)
    for p in (worst_p(standin), just_below_a_bound):
        counts = rng.multinomial(n, [p, 1 - p], trials)
        certify = functools.partial(single_pass, sigma=SIGMA, alpha=alpha, pair=standin)
        assert lower_limit(overstated(certify, counts, [p, 1 - p]).sum(), trials) <= alpha

        # The class the selection chose is tested; each of the two is chosen about half the time.
        selection = rng.multinomial(31, [p, 1 - p], trials)
        wrong = np.zeros(trials, dtype=bool)
        for selected in (0, 1):
            rows = selection.argmax(axis=1) == selected
            certify = functools.partial(
                two_stage, np.eye(2, dtype=int)[selected], sigma=SIGMA, alpha=alpha
            )
            wrong[rows] = overstated(certify, counts[rows], [p, 1 - p])
        assert lower_limit(wrong.sum(), trials) <= alpha


@pytest.mark.simulation
@pytest.mark.parametrize("n", [50, 100, 200, 1000])
def test_algorithm_1_overstates_more_often_than_alpha(n):
    alpha, trials = 0.001, 1_000_000
    bounds = lower_bound(np.arange(n + 1), n, alpha)
    p = bounds[bounds > 0.5][0] * (1 - 1e-9)
    counts = np.random.default_rng(n).multinomial(n, [p, 1 - p], trials)
    certify = functools.partial(algorithm1_unsound, sigma=SIGMA, alpha=alpha)
    assert lower_limit(overstated(certify, counts, [p, 1 - p]).sum(), trials) > alpha


def compositions(n, classes):
    bars = itertools.combinations(range(n + classes - 1), classes - 1)
    edges = np.array([(-1, *bar, n + classes - 1) for bar in bars])
    return np.diff(edges, axis=1) - 1


@pytest.mark.parametrize(
    ("n", "classes", "alpha"), [(8, 3, 0.05), (14, 3, 0.05), (9, 4, 0.05), (12, 3, 0.001)]
)
def test_single_pass_is_sound_by_enumeration_of_every_outcome(n, classes, alpha):
    pair = single_pass_pair(n, alpha)
    counts = compositions(n, classes)
    certify = functools.partial(single_pass, sigma=SIGMA, alpha=alpha, pair=pair)
    rng = np.random.default_rng(n)
    tops = np.concatenate([[worst_p(pair), 0.5, 0.499], rng.uniform(1 / classes, 1, 60)])
    worst = 0.0
    for top in tops:
        for weights in ([1] + [0] * (classes - 2), rng.dirichlet(np.ones(classes - 1))):
            probabilities = np.append(top, (1 - top) * np.asarray(weights))
            mass = multinomial.pmf(counts, n, probabilities)
            worst = max(worst, mass @ overstated(certify, counts, probabilities))
    assert 0.999 * alpha <= worst <= alpha


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("n", "alpha", "trials"), [(11, 0.001, 400_000), (100, 0.001, 100_000), (50, 0.05, 40_000)]
)
def test_a_linear_classifier_keeps_at_least_the_certified_radius(n, alpha, trials):
    """Real noise through a real classifier whose smoothed radius is its distance to the plane."""
    pair = single_pass_pair(n, alpha)
    rng = np.random.default_rng(n)
    features = 4
    weights = rng.normal(size=(features, 3)).astype(np.float32)
    # A third class that never wins where the noise goes.
    bias = np.array([0, 0, -1000], np.float32)
    normal = weights[:, 0] - weights[:, 1]
    exact_radius = SIGMA * norm.ppf(worst_p(pair)) * (1 - 1e-6)
    image = (exact_radius * normal / (normal @ normal) ** 0.5).astype(np.float32)

    counts = []
    for _ in range(20):
        noise = rng.standard_normal((trials // 20, n, features), dtype=np.float32)
        classes = np.argmax((image + SIGMA * noise) @ weights + bias, axis=-1)
        counts.append(np.stack([(classes == c).sum(axis=1) for c in range(3)], axis=1))
    counts = np.concatenate(counts)

    p = norm.cdf(exact_radius / SIGMA)
    certify = functools.partial(single_pass, sigma=SIGMA, alpha=alpha, pair=pair)
    errors = int(overstated(certify, counts, [p, 1 - p, 0.0]).sum())
    assert errors > 0
    assert lower_limit(errors, trials) <= alpha <= 1.5 * upper_limit(errors, trials)


@pytest.mark.simulation
def test_the_simulation_would_notice_a_wrong_pair():
    """The same check on Algorithm 1's numbers dressed as a pair, made behind the class's back."""
    pair = object.__new__(SinglePassPair)
    for name, value in dict(n=100, alpha=0.001, k_min=66, alpha_bound=0.001, exact=True).items():
        object.__setattr__(pair, name, value)
    p = worst_p(pair)
    counts = np.random.default_rng(0).multinomial(100, [p, 1 - p], 400_000)
    certify = functools.partial(single_pass, sigma=SIGMA, alpha=0.001, pair=pair)
    assert lower_limit(overstated(certify, counts, [p, 1 - p]).sum(), 400_000) > 0.001
