# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rs_monitor.certification import LEAST_N, single_pass, two_stage
from rs_monitor.certification.planning import (
    alpha_per_frame,
    cap,
    false_certificates_per_hour,
    least_alpha,
    least_n_for_radius,
    least_sigma_for_radius,
)

PROCEDURES = st.sampled_from(["single_pass", "two_stage"])


def test_cap_is_that_of_the_certificate():
    single = single_pass([100, 0], sigma=0.25, alpha=0.001)
    double = two_stage([9, 1], [100, 0], sigma=0.25, alpha=0.001)
    assert cap(100, 0.25, 0.001, "single_pass") == single.radius_cap == single.radius
    assert cap(100, 0.25, 0.001, "two_stage") == double.radius_cap
    assert double.radius_cap == pytest.approx(0.375, abs=2e-4)


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage"])
def test_cap_is_0_where_nothing_can_be_certified(procedure):
    least = LEAST_N[procedure](0.001)
    assert cap(least - 1, 1.0, 0.001, procedure) == 0.0
    assert cap(least, 1.0, 0.001, procedure) > 0.0


@pytest.mark.parametrize(
    ("radius", "sigma", "alpha", "single", "double"),
    [(0.5, 0.25, 0.001, 301, 301), (0.5, 0.25, 1.1e-8, 797, 797), (0.0, 0.25, 0.001, 11, 10)],
)
def test_least_n_for_radius(radius, sigma, alpha, single, double):
    assert least_n_for_radius(radius, sigma, alpha, "single_pass") == single
    assert least_n_for_radius(radius, sigma, alpha, "two_stage") == double


@settings(max_examples=60, deadline=None)
@given(z=st.floats(0, 2.4), alpha=st.floats(1e-6, 0.3), procedure=PROCEDURES)
def test_least_n_is_the_first_of_all_whose_cap_reaches_it(z, alpha, procedure):
    n = least_n_for_radius(z / 4, 0.25, alpha, procedure)
    assert cap(n, 0.25, alpha, procedure) >= z / 4
    # Not only the one before: the single pass's cap need not rise with n.
    for smaller in range(max(1, n - 15), n):
        assert cap(smaller, 0.25, alpha, procedure) < max(z / 4, 1e-300)


def test_no_n_within_reach():
    assert least_n_for_radius(2.0, 0.25, 0.001, "two_stage") is None
    assert least_n_for_radius(100.0, 0.25, 0.001, "single_pass") is None
    assert least_n_for_radius(0.5, 0.25, 0.001, "two_stage", most=300) is None
    assert least_n_for_radius(0.5, 0.25, 0.001, "two_stage", most=301) == 301


@settings(max_examples=60, deadline=None)
@given(radius=st.floats(1e-3, 5), n=st.integers(12, 400), procedure=PROCEDURES)
@example(radius=0.41, n=100, procedure="single_pass")  # the quotient is a rounding too small
def test_least_sigma(radius, n, procedure):
    sigma = least_sigma_for_radius(radius, n, 0.001, procedure)
    assert cap(n, sigma, 0.001, procedure) >= radius
    assert cap(n, sigma * (1 - 1e-12), 0.001, procedure) < radius


def test_no_sigma_helps_too_few_samples():
    assert least_sigma_for_radius(0.5, 9, 0.001, "two_stage") is None


@settings(max_examples=60, deadline=None)
@given(n=st.integers(5, 300), z=st.floats(0, 2), procedure=PROCEDURES)
def test_least_alpha_is_enough(n, z, procedure):
    alpha = least_alpha(n, procedure, z / 4, 0.25) * (1 + 1e-9)
    if alpha < 0.5:
        assert cap(n, 0.25, alpha, procedure) >= z / 4
        assert cap(n, 0.25, alpha, procedure) > 0
    if procedure == "two_stage" and alpha < 0.5 and z > 0.01:
        assert cap(n, 0.25, alpha * (1 - 1e-6), procedure) < z / 4


@pytest.mark.parametrize("n", [3, 11, 28, 40])
def test_least_alpha_is_where_least_n_changes(n):
    for procedure, least_n in LEAST_N.items():
        assert least_n(least_alpha(n, procedure)) == n
        assert least_n(math.nextafter(least_alpha(n, procedure), 0)) == n + 1


def test_streams():
    alpha = alpha_per_frame(1e-3, 25.0)
    assert f"{alpha:.2g}" == "1.1e-08"
    assert (LEAST_N["single_pass"](alpha), LEAST_N["two_stage"](alpha)) == (28, 27)
    assert false_certificates_per_hour(alpha, 25.0) == pytest.approx(1e-3, rel=1e-12)
    assert false_certificates_per_hour(0.001, 25.0) == pytest.approx(90)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: cap(0, 1.0, 0.001, "two_stage"), "n must"),
        (lambda: cap(100, 0.0, 0.001, "two_stage"), "sigma"),
        (lambda: cap(100, 1.0, 1.0, "two_stage"), "alpha"),
        (lambda: cap(100, 1.0, 0.001, "guess"), "procedure"),
        (lambda: least_n_for_radius(-1.0, 1.0, 0.001, "two_stage"), "radius"),
        (lambda: least_n_for_radius(1.0, 1.0, 0.001, "two_stage", most=2**40), "most"),
        (lambda: least_sigma_for_radius(0.0, 100, 0.001, "two_stage"), "radius"),
        (lambda: least_alpha(0, "two_stage"), "n must"),
        (lambda: alpha_per_frame(0.0, 25.0), "false_per_hour"),
        (lambda: alpha_per_frame(1.0, float("inf")), "frame_rate"),
        (lambda: false_certificates_per_hour(0.001, 0.0), "frame_rate"),
    ],
)
def test_wrong_arguments(call, name):
    with pytest.raises(ValueError, match=name):
        call()


def test_the_defaults_ask_for_any_certificate_in_units_of_sigma():
    for procedure in LEAST_N:
        assert least_alpha(40, procedure) == least_alpha(40, procedure, 0.0, 0.3)
        assert least_alpha(40, procedure, 0.5) == least_alpha(40, procedure, 0.5, 1.0)


def test_the_largest_n_that_is_looked_at():
    for procedure, least_n in LEAST_N.items():
        least = least_n(0.001)
        assert least_n_for_radius(0.0, 1.0, 0.001, procedure, most=least) == least
        assert least_n_for_radius(0.0, 1.0, 0.001, procedure, most=least - 1) is None
        assert least_n_for_radius(0.0, 1.0, 0.001, procedure, most=1) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: cap(100, 1.0, 0.001, "guess"),
            "procedure must be one of single_pass, two_stage, got 'guess'",
        ),
        (
            lambda: least_n_for_radius(1.0, 1.0, 0.001, "guess"),
            "procedure must be one of single_pass, two_stage, got 'guess'",
        ),
        (
            lambda: least_alpha(9, None),
            "procedure must be one of single_pass, two_stage, got None",
        ),
        (lambda: cap(0, 1.0, 0.001, "two_stage"), "n must lie in 1..4294967295, got 0"),
        (
            lambda: cap(9, -1.0, 0.001, "two_stage"),
            "sigma must be a finite number above 0, got -1.0",
        ),
        (
            lambda: least_n_for_radius(-1.0, 1.0, 0.001, "two_stage"),
            "radius must be a finite number, 0 or above, got -1.0",
        ),
        (
            lambda: least_n_for_radius(1.0, 0.0, 0.001, "two_stage"),
            "sigma must be a finite number above 0, got 0.0",
        ),
        (
            lambda: least_n_for_radius(1.0, 1.0, 2.0, "two_stage"),
            "alpha must be a number strictly between 0 and 1, got 2.0",
        ),
        (
            lambda: least_n_for_radius(1.0, 1.0, 0.001, "two_stage", most=10**6 + 1),
            "most must lie in 1..1000000, got 1000001",
        ),
        (
            lambda: least_n_for_radius(1.0, 1.0, 0.001, "two_stage", most=0),
            "most must lie in 1..1000000, got 0",
        ),
        (
            lambda: least_sigma_for_radius(0.0, 9, 0.001, "two_stage"),
            "radius must be a finite number above 0, got 0.0",
        ),
        (
            lambda: least_alpha(9, "two_stage", -1.0),
            "radius must be a finite number, 0 or above, got -1.0",
        ),
        (
            lambda: least_alpha(9, "two_stage", 1.0, 0.0),
            "sigma must be a finite number above 0, got 0.0",
        ),
        (lambda: least_alpha(0, "two_stage"), "n must lie in 1..4294967295, got 0"),
        (
            lambda: alpha_per_frame(0.0, 25.0),
            "false_per_hour must be a finite number above 0, got 0.0",
        ),
        (
            lambda: alpha_per_frame(1.0, 0.0),
            "frame_rate must be a finite number above 0, got 0.0",
        ),
        (
            lambda: false_certificates_per_hour(0.001, 0.0),
            "frame_rate must be a finite number above 0, got 0.0",
        ),
        (
            lambda: false_certificates_per_hour(1.0, 25.0),
            "alpha must be a number strictly between 0 and 1, got 1.0",
        ),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_a_radius_that_is_just_reached_is_reached():
    for procedure in LEAST_N:
        radius = cap(100, 0.25, 0.001, procedure)
        assert least_n_for_radius(radius, 0.25, 0.001, procedure) == 100
        assert least_sigma_for_radius(radius, 100, 0.001, procedure) == 0.25
