# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm
from statsmodels.stats.proportion import proportion_confint

from rs_monitor.certification import lower_bound, radius, radius_cap, randomized_lower_bound
from rs_monitor.certification.bounds import clopper_pearson, least_votes, upper_tail

ALPHAS = st.floats(1e-12, 0.999)


@st.composite
def trials(draw):
    n = draw(st.integers(1, 2000))
    return draw(st.integers(0, n)), n


@pytest.mark.parametrize("alpha", [0.3, 0.05, 1e-3, 1.1e-8])
@pytest.mark.parametrize("n", [1, 2, 10, 27, 100, 1000, 10_000])
def test_lower_bound_agrees_with_statsmodels(n, alpha):
    k = np.arange(n + 1)
    expected = proportion_confint(k, n, alpha=2 * alpha, method="beta")[0]
    np.testing.assert_allclose(lower_bound(k, n, alpha), expected, rtol=0, atol=1e-12)
    for one in {0, n // 2, n - 1, n}:
        assert lower_bound(one, n, alpha) == pytest.approx(expected[one], abs=1e-12)


# The inverse in SciPy 1.11 returns .965 here, that of 1.17 a value 4e-8 off in alpha.
@pytest.mark.parametrize(("k", "alpha"), [(99_991, 1e-6), (99_001, 1e-6), (99_935, 1e-12)])
def test_lower_bound_where_scipys_inverse_fails(k, alpha):
    bound = lower_bound(k, 100_000, alpha)
    assert binom.sf(k - 1, 100_000, bound) == pytest.approx(alpha, rel=1e-8, abs=0)


def test_lower_bound_at_the_ends_is_exact():
    assert lower_bound(0, 100, 0.001) == 0.0
    assert lower_bound(100, 100, 0.001) == 0.001**0.01
    assert lower_bound(1, 1, 0.25) == 0.25
    n = np.arange(1, 2000)
    for alpha in (0.3, 0.001, 1.1e-8):
        np.testing.assert_array_equal(lower_bound(n, n, alpha), alpha ** (1.0 / n))


def test_lower_bound_stays_below_one_for_any_alpha():
    assert lower_bound(1000, 1000, 1 - 2.0**-53) < 1
    assert np.isfinite(radius(lower_bound(np.arange(1001), 1000, 1 - 2.0**-53), 1.0)).all()
    tiny = lower_bound(np.arange(1001), 1000, 5e-324)
    assert np.all((tiny >= 0) & (tiny < 0.5))


def test_lower_bound_broadcasts():
    k = np.array([[1], [5]])
    alpha = np.array([0.05, 0.01, 0.001])
    bounds = lower_bound(k, 10, alpha)
    assert bounds.shape == (2, 3) and bounds.dtype == np.float64
    assert bounds[1, 2] == pytest.approx(lower_bound(5, 10, 0.001), abs=1e-15)
    assert lower_bound(np.arange(3, dtype=np.uint8), 2, 0.1).shape == (3,)
    assert isinstance(lower_bound(np.int32(3), 10, 0.1), float)


@settings(deadline=None)
@given(trials(), ALPHAS)
def test_lower_bound_grows_with_k_and_alpha_and_shrinks_with_n(trial, alpha):
    k, n = trial
    bound = lower_bound(k, n, alpha)
    assert 0 <= bound <= 1
    assert lower_bound(k, n + 1, alpha) <= bound
    assert lower_bound(k + 1, n + 1, alpha) > bound
    assert lower_bound(k, n, alpha / 2) <= bound


@settings(deadline=None)
@given(trials(), ALPHAS)
def test_the_tail_at_the_lower_bound_is_alpha(trial, alpha):
    k, n = trial
    if k > 0:
        tail = binom.sf(k - 1, n, lower_bound(k, n, alpha))
        assert tail == pytest.approx(alpha, rel=1e-7, abs=0)


@pytest.mark.parametrize(
    "arguments",
    [
        (1.0, 10, 0.05),
        (True, 10, 0.05),
        (5, 10.0, 0.05),
        (5, True, 0.05),
        (-1, 10, 0.05),
        (11, 10, 0.05),
        (0, 0, 0.05),
        ([1, 11], 10, 0.05),
        (5, 10, 0),
        (5, 10, 1),
        (5, 10, 0.0),
        (5, 10, 1.0),
        (5, 10, -0.1),
        (5, 10, float("nan")),
        (5, 10, [0.1, 1.5]),
        (5, 10, "0.1"),
        ("5", 10, 0.1),
        (None, 10, 0.1),
    ],
)
def test_lower_bound_refuses(arguments):
    with pytest.raises(ValueError, match=r"^(k|n|alpha) must"):
        lower_bound(*arguments)


@settings(deadline=None)
@given(trials(), st.floats(1e-9, 0.4), st.floats(0, 1))
@example((1, 561), 1e-9, 0.5)
def test_randomized_bound_solves_its_equation(trial, alpha, u):
    k, n = trial
    bound = randomized_lower_bound(k, n, alpha, u)
    assert lower_bound(k, n, alpha) - 1e-12 <= bound < 1
    if k > 0:
        floored = max(u, 0.01, 2 * alpha)

        def tail(p):
            return binom.sf(k, n, p) + floored * binom.pmf(k, n, p)

        # A root found to rounding may lie below the exact one, which is sound, and never above.
        assert tail(bound) <= alpha * (1 + 1e-6)
        assert alpha * (1 - 1e-5) <= tail(bound + 1e-15)


def test_randomized_bound_is_plain_at_one_and_floored():
    k = np.arange(101)
    plain = lower_bound(k, 100, 0.001)
    np.testing.assert_allclose(randomized_lower_bound(k, 100, 0.001, 1.0), plain, atol=1e-12)
    assert randomized_lower_bound(100, 100, 0.001, 0.0) == pytest.approx(0.1**0.01)
    # 0 and 1 are the only integers that could pass for a uniform: more likely a mistake.
    for u in (-0.1, 1.1, float("nan"), 1, "1"):
        with pytest.raises(ValueError, match="^u must"):
            randomized_lower_bound(5, 10, 0.001, u)


@pytest.mark.parametrize(
    ("n", "alpha"),
    [
        (20, 0.05),
        pytest.param(50, 0.001, marks=pytest.mark.simulation),
        pytest.param(100, 0.001, marks=pytest.mark.simulation),
        pytest.param(200, 1e-6, marks=pytest.mark.simulation),
    ],
)
def test_randomized_bound_is_sound_by_enumeration(n, alpha):
    k = np.arange(n + 1)
    cells = 1000
    u = np.arange(cells) / cells
    floor = max(0.01, 2 * alpha)
    # The bound falls with u: a cell's left edge stands for all of it, from above.
    bounds = randomized_lower_bound(k[:, None], n, alpha, u)
    for p in np.linspace(0.5, 0.999, 150):
        mass = binom.pmf(k, n, p)
        exceeds = np.mean(bounds > p, axis=1)
        probability = mass @ exceeds
        assert probability <= alpha + mass @ (exceeds > 0) / cells
        # And it falls short of alpha by the floor only, where plain Clopper-Pearson wastes more.
        undecided = k[exceeds < 1].max()
        assert probability >= alpha * (1 - 1e-9) - floor * mass[undecided]


@settings(deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.floats(1e-6, 1e6))
def test_radius_is_the_scaled_quantile_and_never_negative(p, sigma):
    assert radius(p, sigma) == pytest.approx(sigma * max(norm.ppf(p), 0.0), rel=1e-9, abs=1e-300)


def test_radius_of_arrays():
    np.testing.assert_allclose(
        radius(np.array([0.0, 0.5, 0.9]), 0.5), [0, 0, 0.5 * 1.2815515655446004]
    )
    for p in (1, 1.0, -0.1, float("nan"), "0.5", [0.5, 1.0], True):
        with pytest.raises(ValueError, match="^p_lower must"):
            radius(p, 0.5)
    for sigma in (0, -1.0, float("inf"), float("nan"), "1", True, None):
        with pytest.raises(ValueError, match="^sigma must"):
            radius(0.9, sigma)


def test_radius_cap_of_statistics_md():
    caps = [radius_cap(n, 1.0, 0.001) for n in (100, 200, 1000)]
    np.testing.assert_allclose(caps, [1.50, 1.83, 2.46], atol=0.005)
    assert radius_cap(100, 1.0, 1.1e-8) == pytest.approx(0.96, abs=0.005)
    assert radius_cap(9, 1.0, 0.001) == 0.0 < radius_cap(10, 1.0, 0.001)
    for n in (0, -1, 10.0, True, 2**40):
        with pytest.raises(ValueError, match="^n must"):
            radius_cap(n, 1.0, 0.001)


@pytest.mark.parametrize("alpha", [1e-300, 1e-8, 0.001, 0.5, 0.9, 1 - 2.0**-53])
def test_the_form_for_scalars_is_the_same_bound(alpha):
    for n in (1, 2, 3, 40, 1000):
        k = np.arange(n + 1)
        bounds = [clopper_pearson(one, n, alpha) for one in k.tolist()]
        assert all(type(bound) is float and 0 <= bound < 1 for bound in bounds)
        np.testing.assert_allclose(bounds, lower_bound(k, n, alpha), rtol=1e-14)


@pytest.mark.parametrize("alpha", [0.9, 0.5, 0.3, 0.05, 0.001, 1.1e-8])
def test_least_votes_are_the_first_whose_bound_exceeds_one_half(alpha):
    for n in range(1, 60):
        enough = np.flatnonzero(lower_bound(np.arange(n + 1), n, alpha) > 0.5)
        assert least_votes(n, alpha) == (enough[0] if enough.size else n + 1)


def test_a_bound_of_one_half_is_not_enough():
    assert lower_bound(10, 10, 2.0**-10) == 0.5
    assert least_votes(10, 2.0**-10) == 11
    assert least_votes(10, 2.0**-10 * (1 + 1e-9)) == 10


def test_narrow_integers_do_not_overflow():
    wide, narrow = (np.array([0, 1, 200, 254, 255], kind) for kind in (np.int64, np.uint8))
    np.testing.assert_array_equal(
        lower_bound(narrow, np.uint8(255), 0.001), lower_bound(wide, 255, 0.001)
    )
    np.testing.assert_array_equal(
        randomized_lower_bound(narrow, np.uint8(255), 0.001, 0.5),
        randomized_lower_bound(wide, 255, 0.001, 0.5),
    )


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("alpha", [0.9, 0.6, 0.2])
def test_randomized_bound_of_few_votes_and_large_alphas(n, alpha):
    k = np.arange(n + 1)
    for u in (0.0, 0.3, 0.7, 1.0):
        floored = min(max(u, 0.01, 2 * alpha), 1.0)
        bound = randomized_lower_bound(k, n, alpha, u)
        assert bound[0] == 0 and bound[n] == pytest.approx((alpha / floored) ** (1 / n))
        tail = binom.sf(k, n, bound) + floored * binom.pmf(k, n, bound)
        np.testing.assert_allclose(tail[1:], alpha, rtol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lower_bound(1.5, 10, 0.05), "k must hold integers, got array(1.5)"),
        (lambda: lower_bound(1, 2.5, 0.05), "n must hold integers, got array(2.5)"),
        (lambda: lower_bound(0, [4, 0, 3], 0.05), "n must be at least 1, got 0"),
        (
            lambda: lower_bound(11, 10, 0.05),
            "k must lie in 0..n, got k=array(11) and n=array(10)",
        ),
        (
            lambda: lower_bound(5, 10, 1.0),
            "alpha must lie strictly between 0 and 1, got 1.0",
        ),
        (
            lambda: randomized_lower_bound(5, 10, 0.0, 0.5),
            "alpha must lie strictly between 0 and 1, got 0.0",
        ),
        (
            lambda: randomized_lower_bound(5, 10, 0.1, 1.5),
            "u must be a float in 0..1, got array(1.5)",
        ),
        (lambda: radius(1.0, 0.5), "p_lower must lie in [0, 1), got 1.0"),
        (lambda: radius(0.9, 0.0), "sigma must be a finite number above 0, got 0.0"),
        (lambda: radius_cap(0, 1.0, 0.1), "n must lie in 1..4294967295, got 0"),
        (
            lambda: radius_cap(9, 1.0, 1.5),
            "alpha must be a number strictly between 0 and 1, got 1.5",
        ),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_all_votes_for_one_class_have_the_probability_that_they_have():
    p = np.linspace(0.001, 0.999, 997)
    for n in (1, 7, 11, 100, 1000):
        np.testing.assert_array_equal(upper_tail(n, n, p), p**n)
    assert upper_tail(28, 28, 0.5) == 2.0**-28
    assert upper_tail(1, 2, 0.5) == 0.75
