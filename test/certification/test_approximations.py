# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import binom

import rs_monitor
from rs_monitor.certification import approximations as paper
from rs_monitor.certification import lower_bound, radius, radius_cap

ALPHA = 0.001
SOURCES = Path(rs_monitor.__file__).parent


def exact_radius(p, n):
    """By plain enumeration, in sigma."""
    k = np.arange(n + 1)
    return float(binom.pmf(k, n, p) @ radius(lower_bound(k, n, ALPHA), 1.0))


def test_constants_of_equation_17_by_quadrature():
    average, loss = paper.average_radius_constants()
    assert (round(average, 4), round(loss, 4)) == (0.7970, 1.6089)
    # z_a/sqrt(n) = 1 and 0: what eq. 5 integrates to, by eq. 15.
    z2 = paper.two_sided_quantile(ALPHA) ** 2
    many, few = 10**12, 10_000
    for n in (many, few):
        integral = 2 * quad(lambda p, n=n: paper.closed_form_radius(p, n, ALPHA, 1.0), 0.5, 1)[0]
        assert integral == pytest.approx(average - loss * math.sqrt(z2 / n), abs=1e-7)
        assert paper.average_radius(n, ALPHA, 0.25) == pytest.approx(0.25 * integral, abs=1e-7)


def test_equation_6_is_negative_below_44():
    n = np.arange(1, 200)
    share = paper.remaining_share(n, ALPHA)
    assert (share[n < 44] < 0).all() and (share[n >= 44] > 0).all()
    assert paper.least_n_of_remaining_share(ALPHA) == 44
    assert round(paper.remaining_share(100, ALPHA), 3) == 0.342


def test_equations_3_and_4_overstate_near_1():
    assert round(paper.two_sided_quantile(ALPHA), 4) == 3.2905
    assert round(paper.approximate_radius(0.99, 100, ALPHA, 1.0), 2) == 1.72
    assert round(exact_radius(0.99, 100), 2) == 1.37
    assert paper.approximate_radius(0.99, 100, ALPHA, 1.0) > radius_cap(100, 1.0, ALPHA)
    assert paper.approximate_radius(0.6, 100, ALPHA, 1.0) == 0
    assert paper.approximate_radius(1.0, 100, ALPHA, 1.0) == math.inf
    expected = 0.9 - paper.two_sided_quantile(ALPHA) * 0.3 / 10
    assert paper.approximate_bound(0.9, 100, ALPHA) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("top", "most"), [(0.99, 0.0111), (0.999, 0.0204), (0.9999, 0.1162)])
def test_error_of_shore(top, most):
    p = 1 - np.geomspace(1 - top, 0.5, 2001)
    error = np.abs(paper.shore_quantile(p) - ndtri(p)).max()
    assert 0.98 * most < error <= most


def test_equation_5_is_equation_12_to_first_order():
    p = np.array([0.55, 0.7, 0.9])
    shore = paper.shore_quantile(paper.approximate_bound(p, 10**8, ALPHA))
    assert paper.closed_form_radius(p, 10**8, ALPHA, 1.0) == pytest.approx(shore, abs=1e-6)
    # As printed, it falls where the radius grows.
    near = paper.closed_form_radius(np.array([0.99, 0.9999, 1 - 1e-9]), 100, ALPHA, 1.0)
    assert near[0] > near[1] > 0 > near[2] or near[0] > 0 > near[1] > near[2]
    assert paper.closed_form_radius(0.5, 100, ALPHA, 1.0) < 0


@given(st.floats(0.5, 0.999), st.integers(1, 10**6), st.floats(1e-9, 0.5), st.floats(0.01, 4))
def test_shapes_and_scale(p, n, alpha, sigma):
    for formula in (paper.approximate_radius, paper.closed_form_radius):
        one = formula(p, n, alpha, 1.0)
        assert isinstance(one, float)
        assert formula(p, n, alpha, sigma) == pytest.approx(sigma * one)
        grid = formula(np.full((2, 1), p), np.array([n, n, n]), alpha, 1.0)
        assert grid.shape == (2, 3) and grid == pytest.approx(one, rel=1e-9, abs=1e-12)
    assert paper.approximate_bound(p, n, alpha) <= p


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: paper.two_sided_quantile(1.0), "alpha"),
        (lambda: paper.shore_quantile(0.4), "p"),
        (lambda: paper.approximate_bound(1.1, 100, ALPHA), "p"),
        (lambda: paper.approximate_bound(float("nan"), 100, ALPHA), "p"),
        (lambda: paper.approximate_radius(0.9, 0, ALPHA, 1.0), "n"),
        (lambda: paper.approximate_radius(0.9, 10.0, ALPHA, 1.0), "n"),
        (lambda: paper.closed_form_radius(1.0, 100, ALPHA, 1.0), "p"),
        (lambda: paper.closed_form_radius(0.9, 100, ALPHA, 0.0), "sigma"),
        (lambda: paper.average_radius(0, ALPHA, 1.0), "n"),
        (lambda: paper.remaining_share(100, 0.0), "alpha"),
    ],
)
def test_a_bad_argument_is_named(call, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        call()


def test_nothing_that_certifies_imports_them():
    users = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(alias.name for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            if any("approximations" in name.split(".") for name in names):
                users.add(path.relative_to(SOURCES).as_posix())
    assert users, "the search itself is broken"
    assert all(user.startswith("evaluation/figures/") for user in users), users


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paper.shore_quantile(0.4), "p must lie in [0.5, 1], got 0.4"),
        (lambda: paper.approximate_bound(1.5, 9, ALPHA), "p must lie in [0, 1], got 1.5"),
        (
            lambda: paper.approximate_bound("0.5", 9, ALPHA),
            "p must lie in [0, 1], got '0.5'",
        ),
        (lambda: paper.closed_form_radius(1, 9, ALPHA, 1.0), "p must lie in [0.5, 1), got 1"),
        (
            lambda: paper.approximate_bound(0.5, 0, ALPHA),
            "n must hold integers, at least 1, got 0",
        ),
        (
            lambda: paper.average_radius(2.0, ALPHA, 1.0),
            "n must hold integers, at least 1, got 2.0",
        ),
        (
            lambda: paper.approximate_radius(0.9, 9, ALPHA, 0.0),
            "sigma must be a finite number above 0, got 0.0",
        ),
        (
            lambda: paper.closed_form_radius(0.9, 9, ALPHA, 0.0),
            "sigma must be a finite number above 0, got 0.0",
        ),
        (
            lambda: paper.average_radius(9, ALPHA, 0.0),
            "sigma must be a finite number above 0, got 0.0",
        ),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_the_ends_of_the_ranges_are_allowed():
    assert paper.shore_quantile(0.5) == 0.0 < paper.shore_quantile(1) == 1 / 0.1975
    assert paper.approximate_bound(0, 1, ALPHA) == 0.0
    assert paper.approximate_bound(1, 1, ALPHA) == 1.0
    assert paper.approximate_radius(0.0, 1, ALPHA, 1.0) == 0.0
    assert paper.remaining_share(1, 0.5) < 0
