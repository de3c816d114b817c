# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import beta, binom, norm

from rs_monitor.certification import (
    SinglePassPair,
    least_n_single_pass,
    lower_bound,
    overstatement_probability,
    pairs,
    single_pass_pair,
    standin_pair,
)

# The table of the statistics the project rests on, at alpha = 0.001.
TABLE = {
    11: (11, "6.128e-04"),
    25: (22, "9.963e-04"),
    50: (38, "9.817e-04"),
    100: (68, "9.639e-04"),
    200: (126, "9.838e-04"),
    500: (292, "9.931e-04"),
    1000: (559, "9.920e-04"),
}
# Loss of expected radius against Algorithm 1, as the table prints it.
LOSS = {
    11: "-69",
    25: "-3.4",
    50: "-0.8",
    100: "-0.45",
    200: "-0.21",
    500: "-0.09",
    1000: "-0.05",
}


def reference_supremum(n, k_min, alpha_bound):
    """By brute force: every vote count, on a grid and just below every bound."""
    k = np.arange(n + 1)
    bounds = np.zeros(n + 1)
    bounds[1:] = beta.ppf(alpha_bound, k[1:], n - k[1:] + 1)
    p = np.concatenate([np.linspace(0.5, 1, 1001), bounds[bounds > 0.5] * (1 - 1e-12)])[:, None]
    top_overstated = (k >= k_min) & (bounds > p)
    wrong_top = k >= k_min
    probability = (binom.pmf(k, n, p) * top_overstated).sum(axis=1)
    probability += (binom.pmf(k, n, 1 - p) * wrong_top).sum(axis=1)
    return probability.max()


def expected_radius(n, k_min, alpha_bound):
    """Up to the factor 2/(n+1), over p uniform on [1/2, 1]."""
    k = np.arange(k_min, n + 1)
    radii = np.maximum(norm.ppf(beta.ppf(alpha_bound, k, n - k + 1)), 0)
    return float(beta.sf(0.5, k + 1, n - k + 1) @ radii)


def reference_pairs(n, alpha):
    """Every k_min with its largest alpha', each found on its own."""
    for k_min in range(n // 2 + 1, n + 1):
        if 2 * binom.sf(k_min - 1, n, 0.5) <= alpha:

            def excess(bound, k_min=k_min):
                lost = binom.sf(k_min - 1, n, 1 - beta.ppf(bound, k_min, n - k_min + 1))
                return bound + lost - alpha

            # The bound must be at least 1/2 at k_min, which alpha / 2 need not give.
            low = max(alpha / 2, binom.sf(k_min - 1, n, 0.5))
            yield k_min, brentq(excess, low, alpha, xtol=1e-18, rtol=1e-13)


@pytest.mark.parametrize("n", TABLE)
def test_the_table_is_reproduced(n):
    pair = single_pass_pair(n, 0.001)
    assert (pair.k_min, f"{pair.alpha_bound:.3e}") == TABLE[n]
    assert (pair.n, pair.alpha, pair.exact) == (n, 0.001, True)

    unsound_k_min = int(np.argmax(lower_bound(np.arange(n + 1), n, 0.001) > 0.5))
    unsound = expected_radius(n, unsound_k_min, 0.001)
    loss = 100 * (expected_radius(n, pair.k_min, pair.alpha_bound) / unsound - 1)
    decimals = len(LOSS[n].partition(".")[2])
    assert f"{loss:.{decimals}f}" == LOSS[n]


@pytest.mark.parametrize(
    ("n", "alpha"),
    [
        (n, alpha)
        for alpha, least in ((0.3, 3), (0.05, 6), (0.01, 8), (1e-3, 11), (1e-6, 21))
        for n in (least, 11, 12, 25, 40, 64, 100, 101, 150)
        if n >= least
    ]
    # Where two k_min are nearly as good.
    + [(115, 0.3), (53, 0.1), (23, 0.05), (127, 0.05), (33, 0.3), (42, 0.3)]
    + [(7, 0.5), (12, 0.9), (33, 0.5), (40, 0.5), (15, 1e-3), (30, 1e-6)],
)
def test_the_pair_is_sound_and_the_best(n, alpha):
    pair = single_pass_pair(n, alpha)
    worst = reference_supremum(n, pair.k_min, pair.alpha_bound)
    assert worst <= alpha
    assert worst == pytest.approx(
        overstatement_probability(n, pair.k_min, pair.alpha_bound), rel=1e-6, abs=0
    )
    assert reference_supremum(n, pair.k_min, pair.alpha_bound * 1.001) > alpha

    candidates = list(reference_pairs(n, alpha))
    values = [expected_radius(n, *candidate) for candidate in candidates]
    k_min, alpha_bound = candidates[int(np.argmax(values))]
    assert pair.k_min == k_min
    assert pair.alpha_bound == pytest.approx(alpha_bound, rel=1e-7, abs=0)

    standin = standin_pair(n, alpha)
    assert reference_supremum(n, standin.k_min, standin.alpha_bound) <= alpha * (1 + 1e-9)
    assert expected_radius(n, standin.k_min, standin.alpha_bound) <= max(values)
    assert (standin.alpha_bound, standin.exact) == (alpha / 2, False)


@settings(deadline=None)
@given(st.floats(1e-12, 0.999), st.integers(0, 1500))
def test_every_pair_is_sound(alpha, extra):
    n = least_n_single_pass(alpha) + extra
    for pair in (single_pass_pair(n, alpha), standin_pair(n, alpha)):
        assert n / 2 < pair.k_min <= n
        assert lower_bound(pair.k_min, n, pair.alpha_bound) >= 0.5 - 1e-9
        worst = overstatement_probability(n, pair.k_min, pair.alpha_bound)
        assert worst <= alpha * (1 if pair.exact else 1 + 1e-9)
        # 2 P[Bin(n, 1/2) >= k_min]: no class reaches 1/2.
        assert 2 * binom.sf(pair.k_min - 1, n, 0.5) <= alpha * (1 + 1e-9)


@pytest.mark.parametrize(
    ("n", "supremum"),
    [(10, 1.954e-3), (50, 1.209e-3), (100, 1.800e-3), (200, 1.486e-3), (1000, 1.747e-3)],
)
def test_algorithm_1_is_unsound_by_enumeration(n, supremum):
    k_min = int(np.argmax(lower_bound(np.arange(n + 1), n, 0.001) > 0.5))
    assert reference_supremum(n, k_min, 0.001) == pytest.approx(supremum, abs=5e-7)
    assert overstatement_probability(n, k_min, 0.001) == pytest.approx(supremum, abs=5e-7)


@pytest.mark.parametrize("alpha", [1 - 2.0**-53, 1e-100])
def test_extreme_alphas_give_sound_pairs(alpha):
    n = least_n_single_pass(alpha) + 50
    pair = single_pass_pair(n, alpha)
    assert overstatement_probability(n, pair.k_min, pair.alpha_bound) <= alpha


@pytest.mark.parametrize("n", [0, -1, 1.0, 100.0, True, "100", None, float("nan"), 10**6 + 1])
def test_a_bad_n_is_refused(n):
    for search in (single_pass_pair, standin_pair):
        with pytest.raises(ValueError, match="^n must"):
            search(n, 0.001)


@pytest.mark.parametrize("alpha", [0, 1, 0.0, 1.0, -0.1, 2, float("nan"), "0.1", True, None])
def test_a_bad_alpha_is_refused(alpha):
    for call in (
        lambda: single_pass_pair(100, alpha),
        lambda: standin_pair(100, alpha),
    ):
        with pytest.raises(ValueError, match="^alpha must"):
            call()


def test_an_unsound_pair_cannot_be_made():
    SinglePassPair(100, 0.001, 68, 9.638e-4, exact=True)
    for k_min, alpha_bound in ((68, 9.65e-4), (66, 0.001), (66, 5e-4), (64, 5e-4), (50, 1e-4)):
        with pytest.raises(ValueError, match="k_min"):
            SinglePassPair(100, 0.001, k_min, alpha_bound, exact=True)


@pytest.mark.parametrize(
    ("n", "alpha"), [(2000, 0.3), (2000, 0.1), (2000, 0.05), (2000, 0.01), (100_000, 0.001)]
)
def test_the_search_does_not_try_every_k_min(monkeypatch, n, alpha):
    # At n = 100,000 there are 49,000 of them, and trying one takes milliseconds: minutes in all.
    rows = []

    def bounds(k, *arguments):
        rows.append(k)
        return lower_bound(k, *arguments)

    monkeypatch.setattr(pairs, "clopper_pearson_array", bounds)
    single_pass_pair(n, alpha)
    # The ceilings, the first k_min, and the best; one more for another rounding.
    assert 3 <= len(rows) <= 4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            (100, 0.001, 50, 1e-4),
            "k_min must lie in 51..100, got 50",
        ),
        ((100, 0.001, 101, 1e-4), "k_min must lie in 51..100, got 101"),
        ((0, 0.001, 1, 1e-4), "n must lie in 1..4294967295, got 0"),
        ((100, 1.0, 68, 1e-4), "alpha must be a number strictly between 0 and 1, got 1.0"),
        ((100, 0.001, 68, 0.0), "alpha must be a number strictly between 0 and 1, got 0.0"),
    ],
)
def test_a_pair_of_wrong_numbers(fields, message):
    with pytest.raises(ValueError) as error:
        SinglePassPair(*fields, exact=False)
    assert str(error.value) == message


def test_a_pair_whose_bound_starts_below_one_half_is_refused_though_it_is_rarely_wrong():
    # Both terms of the supremum are far below alpha, but it is derived for LCB(k_min) >= 1/2 only.
    assert overstatement_probability(100, 80, 1e-13) < 1e-6
    with pytest.raises(ValueError) as error:
        SinglePassPair(100, 0.001, 80, 1e-13, exact=False)
    at = lower_bound(80, 100, 1e-13)
    worst = overstatement_probability(100, 80, 1e-13)
    assert str(error.value) == (
        "k_min=80 with alpha_bound=1e-13 is not sound at n=100, alpha=0.001: over-stated with "
        f"probability {worst}, bound {at} at k_min"
    )
    SinglePassPair(100, 0.001, 80, float(binom.sf(79, 100, 0.5)) * (1 + 1e-9), exact=False)


def test_pairs_of_few_votes_and_large_alphas():
    # At n = 10 six votes are a majority: 2 P[Bin(10, 1/2) >= 6] is 0.754.
    assert standin_pair(10, 0.9).k_min == 6
    assert standin_pair(10, 0.75).k_min == 7
    assert standin_pair(4, 0.625).k_min == 3  # 2 P[Bin(4, 1/2) >= 3] is 0.625 exactly
    assert standin_pair(2, 0.5).k_min == single_pass_pair(2, 0.5).k_min == 2


def test_the_largest_n():
    assert standin_pair(10**6, 0.001).k_min == pytest.approx(501_646, abs=2)
    for search in (single_pass_pair, standin_pair):
        for n in (10, 10**6 + 1):
            with pytest.raises(ValueError) as error:
                search(n, 0.001)
            assert str(error.value) == (
                "n must lie in 11..1000000 for a single pass at alpha=0.001: with fewer than 11 "
                f"it could never certify; got {n}"
            )
