# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.certification import (
    Status,
    curtailed,
    lower_bound,
    radius,
    radius_cap,
    single_pass,
    single_pass_pair,
)

QUESTION = dict(n_fixed=100, required_radius=0.1, sigma=0.25, alpha=0.001)


def test_success_is_said_as_soon_as_it_is_decided():
    pair = single_pass_pair(100, 0.001)
    radii = radius(lower_bound(np.arange(101), 100, pair.alpha_bound), 0.25)
    required = int(np.argmax(radii >= 0.1))
    undecided = curtailed([0, required - 1], **QUESTION)
    assert undecided.status is Status.ABSTAINED and undecided.radius == 0.0
    assert undecided.reason.endswith("undecided")

    certificate = curtailed([0, required], **QUESTION)
    assert (certificate.status, certificate.class_id) == (Status.CERTIFIED, 1)
    assert certificate.radius == 0.1
    assert lower_bound(required, 100, pair.alpha_bound) >= certificate.p_lower > 0.5
    assert radius(certificate.p_lower, 0.25) == pytest.approx(0.1)
    assert certificate.votes_required == required
    assert (certificate.n_used, certificate.n_drawn) == (100, required)
    assert certificate.alpha_bound == pair.alpha_bound
    assert certificate.radius_cap == radius_cap(100, 0.25, pair.alpha_bound)


def test_never_more_than_the_required_radius():
    assert curtailed([0, 100], **QUESTION).radius == 0.1
    assert curtailed([0, 100], **QUESTION | dict(required_radius=0)).radius == 0.0
    assert curtailed([0, 68], **QUESTION | dict(required_radius=0)).class_id == 1
    assert curtailed([0, 67], **QUESTION | dict(required_radius=0)).abstain


def test_failure_is_told_from_indecision():
    def reachable(certificate):
        left = certificate.n_used - certificate.n_drawn
        return certificate.votes_top + left >= certificate.votes_required

    for others, decided in ((19, "undecided"), (20, "out of reach")):
        certificate = curtailed([others, 50], **QUESTION, invalid=0)
        assert certificate.abstain and certificate.reason.endswith(decided)
        assert reachable(certificate) == (decided == "undecided")
        assert curtailed([0, 50], **QUESTION, invalid=others).reason.endswith(decided)
    assert curtailed([0, 0], **QUESTION).reason.endswith("undecided")


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([12, 40, 100]),
    st.sampled_from([0.05, 0.001]),
    st.floats(0, 1),
    st.floats(0.5, 1),
)
def test_a_success_at_any_look_is_one_of_the_full_single_pass(seed, n, alpha, fraction, p):
    # Certifying at a look implies the claim at n_fixed, so that its soundness carries over.
    cap = radius_cap(n, 0.5, single_pass_pair(n, alpha).alpha_bound)
    required = fraction * cap
    rng = np.random.default_rng(seed)
    rest = (1 - p) / 3
    cast = rng.choice(4, size=n, p=[p, rest, rest, rest])
    tally = np.cumsum(np.eye(4, dtype=np.int64)[cast], axis=0)
    # The last column stands for invalid votes.
    looks = [
        curtailed(
            row[:3],
            n_fixed=n,
            required_radius=required,
            sigma=0.5,
            alpha=alpha,
            invalid=int(row[3]),
        )
        for row in tally
    ]
    full = single_pass(tally[-1, :3], sigma=0.5, alpha=alpha, invalid=int(tally[-1, 3]))
    succeeds = not full.abstain and full.radius >= required
    certified = [not look.abstain for look in looks]
    assert certified == sorted(certified)
    assert certified[-1] == succeeds
    if succeeds:
        first = looks[certified.index(True)]
        assert (first.class_id, first.radius) == (full.class_id, required)
    reachable = [not look.reason.endswith("out of reach") for look in looks]
    assert reachable == sorted(reachable, reverse=True)
    assert reachable[-1] == succeeds


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (dict(n_fixed=99), "^n_fixed must be at least the 100 votes"),
        (dict(n_fixed=100.0), "^n_fixed must"),
        (dict(n_fixed=True), "^n_fixed must"),
        (dict(n_fixed=0), "^n_fixed must"),
        (dict(required_radius=-0.1), "^required_radius must"),
        (dict(required_radius=math.nan), "^required_radius must"),
        (dict(required_radius=math.inf), "^required_radius must"),
        (dict(required_radius=True), "^required_radius must"),
        (dict(required_radius=False), "^required_radius must"),
        (dict(required_radius="0"), "^required_radius must"),
        (dict(required_radius=None), "^required_radius must"),
        (dict(required_radius=0.375), "^required_radius must be at most 0.37"),
        (dict(sigma=0), "^sigma must"),
        (dict(alpha=1), "^alpha must"),
        (dict(invalid=1), "^n_fixed must be at least the 101 votes"),
    ],
)
def test_bad_arguments_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        curtailed([3, 97], **QUESTION | change)


def test_an_n_fixed_that_could_never_certify_is_refused():
    for n_fixed in (1, 10):
        with pytest.raises(ValueError, match="^n must lie in 11"):
            curtailed([0, 1], **QUESTION | dict(n_fixed=n_fixed))
    with pytest.raises(ValueError, match="^counts must"):
        curtailed([5], **QUESTION)


def test_an_abstention_in_full():
    certificate = curtailed([3, 60, 2], **QUESTION, invalid=4)
    required = certificate.votes_required
    assert certificate.status is Status.ABSTAINED and certificate.class_id == -1
    assert (certificate.radius, certificate.p_lower) == (0.0, 0.0)
    assert (certificate.votes_top, certificate.votes_runner_up) == (60, 3)
    assert (certificate.votes_invalid, certificate.n_selection) == (4, 0)
    assert (certificate.n_used, certificate.n_drawn) == (100, 69)
    assert (certificate.sigma, certificate.alpha) == (0.25, 0.001)
    assert certificate.procedure == "curtailed"
    assert certificate.reason == (
        f"top class has 60 votes, {required} of 100 are required, 31 are still to be drawn: "
        "undecided"
    )
    assert curtailed([40, 5], **QUESTION).reason == (
        f"top class has 40 votes, {required} of 100 are required, 55 are still to be drawn: "
        "undecided"
    )


def test_a_success_in_full():
    certificate = curtailed([1, 3, 90], **QUESTION, invalid=2)
    assert (certificate.class_id, certificate.votes_top, certificate.votes_runner_up) == (2, 90, 3)
    assert (certificate.votes_invalid, certificate.n_selection) == (2, 0)
    assert (certificate.sigma, certificate.alpha, certificate.reason) == (0.25, 0.001, "")
    assert certificate.procedure == "curtailed"


def test_the_cap_itself_may_be_required():
    cap = radius_cap(100, 0.25, single_pass_pair(100, 0.001).alpha_bound)
    question = QUESTION | dict(required_radius=cap)
    assert curtailed([0, 100], **question).radius == cap
    certificate = curtailed([1, 99], **question)
    assert certificate.abstain and certificate.votes_required == 100
    more = math.nextafter(cap, 1)
    with pytest.raises(ValueError) as error:
        curtailed([0, 100], **QUESTION | dict(required_radius=more))
    assert str(error.value) == (
        f"required_radius must be at most {cap}, what n_fixed=100 equal votes certify at "
        f"sigma=0.25, alpha=0.001; got {more}"
    )


def test_more_votes_than_n_fixed_in_full():
    assert not curtailed([3, 97], **QUESTION).abstain
    with pytest.raises(ValueError) as error:
        curtailed([3, 98], **QUESTION)
    assert str(error.value) == "n_fixed must be at least the 101 votes drawn so far, got 100"
