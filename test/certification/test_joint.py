# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr, ndtri
from scipy.stats import binom, norm

from rs_monitor.certification import (
    SELECTION,
    Status,
    joint,
    least_n_runner_up,
    prepare,
    runner_up,
    runner_up_cap,
)
from rs_monitor.certification.joint import joint_bound

ALPHAS = st.sampled_from([0.3, 0.05, 0.01, 0.001, 1e-6])


@pytest.fixture(autouse=True)
def nothing_cached():
    """Each test computes what it needs: the cache holds for one process."""
    joint._cells.cache_clear()
    joint_bound.cache_clear()


def test_what_is_prepared_is_not_computed_again():
    prepare(0.003)
    joint_bound(90, 2, 100, 0.003)
    assert joint._cells.cache_info().misses == 1
    with pytest.raises(ValueError, match="^alpha must"):
        prepare(1.0)


@pytest.mark.parametrize("level", [0.5, 0.05, 0.00095, 1e-9])
def test_two_uniforms_hit_the_rejection_set_with_its_level(level):
    cells = joint._cells(level)
    for i in range(0, cells.z.size, 7):
        w1, w2, z = cells.w1[i], cells.w2[i], cells.z[i]
        assert w1**2 + w2**2 == pytest.approx(1)

        def hit(v, w1=w1, w2=w2, z=z):
            if v <= joint._ALONE * level:
                return 1.0
            return ndtr(-(z + w2 * min(ndtri(v), joint._CEILING)) / w1)

        alone = joint._ALONE * level
        ends = [alone, *(e for e in (1e-6, 1e-3, 0.05, ndtr(joint._CEILING)) if e > alone), 1.0]
        total = alone + sum(quad(hit, *pair, epsabs=0)[0] for pair in zip(ends, ends[1:]))
        assert total <= level * (1 + 1e-6)
        if level < 0.1:
            assert total == pytest.approx(level, rel=1e-5)


def rejected(p, t, top, second, n, alpha):
    """Whether votes reject the pair (p_T, t), as the module's docstring says."""
    level = alpha * (1 - SELECTION)
    cells = joint._cells(level)
    i = min(int(np.searchsorted(cells.right, t)), cells.right.size - 1)
    u, v = binom.sf(top - 1, n, p), binom.cdf(second, n - top, t)
    if v <= joint._ALONE * level:
        return True
    y = min(norm.ppf(v), joint._CEILING)
    return cells.w1[i] * norm.ppf(u) + cells.w2[i] * y <= -cells.z[i]


@st.composite
def votes(draw, most=400):
    n = draw(st.integers(1, most))
    top = draw(st.integers(1, n))
    return top, draw(st.integers(0, min(top, n - top))), n


@settings(deadline=None, max_examples=300)
@given(votes=votes(), alpha=ALPHAS, p=st.floats(1e-3, 0.999), t=st.floats(0.001, 0.999))
def test_no_pair_that_is_not_rejected_has_a_smaller_radius(votes, alpha, p, t):
    top, second, n = votes
    radius, p_lower = joint_bound(top, second, n, alpha)
    # Pairs near the bound tell most: the p that is just not rejected, by bisection.
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rejected(middle, t, top, second, n, alpha) else (low, middle)
    for value in (p, high * (1 + 1e-7)):
        if 0 < value < 1 and not rejected(value, t, top, second, n, alpha):
            mine = (norm.ppf(value) - norm.ppf(t * (1 - value))) / 2
            assert radius <= mine + 1e-6
            assert p_lower <= value + 1e-9


@settings(deadline=None)
@given(votes=votes(), alpha=ALPHAS)
def test_more_votes_for_the_runner_up_never_help(votes, alpha):
    top, second, n = votes
    assume(second > 0)
    fewer, p_fewer = joint_bound(top, second - 1, n, alpha)
    more, p_more = joint_bound(top, second, n, alpha)
    assert more <= fewer + 1e-9
    assert p_more <= p_fewer + 1e-9


def test_a_level_beyond_all_reason_gives_no_warning_and_no_radius():
    prepare(1e-300)
    with pytest.raises(ValueError, match="^n must be at least"):
        runner_up([100, 0], sigma=1, alpha=1e-300)
    assert joint_bound(100, 0, 100, 5e-324)[0] < 0
    least = least_n_runner_up(1e-150)
    hopeless = runner_up([least, 0], sigma=1, alpha=1e-150)
    assert (hopeless.status, hopeless.radius_cap) == (Status.ABSTAINED, 0.0)


def test_the_cap_checks_what_it_is_given():
    assert runner_up_cap(16, 0.5, 0.001) > 0 == runner_up_cap(15, 0.5, 0.001)
    assert runner_up_cap(1, 0.5, 0.001) == 0.0
    for name, wrong in {
        "n": (0, 1.0, 0.001),
        "sigma": (9, -1.0, 0.1),
        "alpha": (9, 1.0, 2.0),
    }.items():
        with pytest.raises(ValueError, match=f"^{name} must "):
            runner_up_cap(*wrong)


@settings(deadline=None, max_examples=50)
@given(votes=votes(), alpha=ALPHAS, sigma=st.floats(1e-3, 10))
def test_the_cap_is_what_equal_votes_give_and_nothing_gives_more(votes, alpha, sigma):
    top, second, n = votes
    assume(n >= least_n_runner_up(alpha))
    counts = [top, second, *[1] * (n - top - second)][: 2 + n - top - second]
    certificate = runner_up(counts, sigma=sigma, alpha=alpha)
    assert 0 <= certificate.radius <= certificate.radius_cap == runner_up_cap(n, sigma, alpha)
    whole = runner_up([0, n], sigma=sigma, alpha=alpha)
    assert (whole.class_id, whole.radius) == (1, certificate.radius_cap)


@pytest.mark.parametrize(
    ("top", "second", "n", "alpha", "radius", "p_lower"),
    [
        (200, 0, 200, 0.001, 1.8193718, 0.9467797),
        (160, 10, 200, 0.001, 0.8819169, 0.6650157),
        (160, 40, 200, 0.001, 0.5241557, 0.6650157),
        (80, 12, 200, 0.001, 0.3391012, 0.2633728),
        (45, 1, 50, 0.05, 1.0146502, 0.7717156),
        (9000, 500, 10_000, 1e-6, 1.3744175, 0.8788564),
    ],
)
def test_known_values(top, second, n, alpha, radius, p_lower):
    assert joint_bound(top, second, n, alpha) == pytest.approx((radius, p_lower), abs=1e-6)
