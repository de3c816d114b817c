# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math
import pickle

import pytest

from rs_monitor.certification import Certificate, Status

CERTIFIED = dict(
    status=Status.CERTIFIED,
    class_id=14,
    radius=0.25,
    radius_cap=0.375,
    p_lower=0.84,
    alpha_bound=9.6e-4,
    votes_required=68,
    votes_top=97,
    votes_runner_up=2,
    votes_invalid=1,
    n_selection=0,
    n_used=100,
    n_drawn=100,
    sigma=0.25,
    alpha=0.001,
    procedure="single_pass",
)
ABSTAINED = CERTIFIED | dict(
    status=Status.ABSTAINED,
    class_id=-1,
    radius=0.0,
    p_lower=0.0,
    votes_top=61,
    reason="top class has 61 of 100 votes, 68 are required",
)


def test_status_numbers_are_those_of_the_message():
    assert [(status.name, status.value) for status in Status] == [
        ("UNKNOWN", 0),
        ("CERTIFIED", 1),
        ("ABSTAINED", 2),
        ("DEADLINE_MISSED", 3),
        ("STALE_INPUT", 4),
        ("UNSUPPORTED_ENCODING", 5),
        ("ENGINE_ERROR", 6),
        ("INVALID_INPUT", 7),
    ]


def test_a_certificate_is_a_frozen_value():
    certificate = Certificate(**CERTIFIED)
    assert not certificate.abstain
    assert certificate.reason == "" and math.isnan(certificate.randomization)
    assert pickle.loads(pickle.dumps(certificate)) == certificate == Certificate(**CERTIFIED)
    assert certificate != Certificate(**CERTIFIED | dict(radius=0.2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        certificate.radius = 1.0
    with pytest.raises(TypeError):
        Certificate(*CERTIFIED.values())


def test_repr_says_what_matters():
    assert repr(Certificate(**CERTIFIED)) == (
        "Certificate(CERTIFIED: class 14, radius 0.25 of at most 0.375, 97 of 100 votes; "
        "sigma 0.25, alpha 0.001, single_pass)"
    )
    assert repr(Certificate(**ABSTAINED)) == (
        "Certificate(ABSTAINED: top class has 61 of 100 votes, 68 are required; "
        "sigma 0.25, alpha 0.001, single_pass)"
    )


def test_rounding_may_carry_the_radius_over_the_cap_but_nothing_else():
    Certificate(**CERTIFIED | dict(radius=0.375 + 1e-12))
    with pytest.raises(ValueError, match="radius"):
        Certificate(**CERTIFIED | dict(radius=0.376))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (dict(status=1), "status"),
        (dict(class_id=-1), "class_id"),
        (dict(reason="why"), "reason"),
        (dict(status=Status.ABSTAINED), "class_id"),
        (dict(status=Status.UNKNOWN), "class_id"),
        (dict(radius=-0.1), "radius"),
        (dict(radius=math.nan), "radius"),
        (dict(radius=math.inf, radius_cap=math.inf), "radius"),
        (dict(p_lower=1.0), "p_lower"),
        (dict(p_lower=math.nan), "p_lower"),
        (dict(alpha_bound=0.002), "alpha_bound"),
        (dict(alpha_bound=math.nan), "alpha_bound"),
        (dict(sigma=0.0), "sigma"),
        (dict(sigma=math.inf), "sigma"),
        (dict(alpha=1.0), "alpha"),
        (dict(n_selection=-1), "n_selection"),
        (dict(votes_invalid=-1), "votes_invalid"),
        (dict(votes_invalid=2), "votes_"),
        (dict(votes_required=98), "votes_top"),
        (dict(n_used=96), "votes_top"),
    ],
)
def test_contradicting_fields_are_refused_when_certified(change, named):
    with pytest.raises(ValueError, match=named):
        Certificate(**CERTIFIED | change)


@pytest.mark.parametrize("change", [dict(class_id=14), dict(radius=0.1), dict(reason="")])
def test_an_abstention_holds_no_class_and_no_radius(change):
    assert Certificate(**ABSTAINED).abstain
    with pytest.raises(ValueError, match="class_id, radius and reason"):
        Certificate(**ABSTAINED | change)


@pytest.mark.parametrize("status", [status for status in Status if status != Status.CERTIFIED])
def test_a_failure_claims_nothing(status):
    certificate = Certificate.failure(
        status, "because", sigma=0.25, alpha=0.001, procedure="two_stage", n_drawn=8
    )
    assert certificate.abstain and certificate.status == status
    assert (certificate.class_id, certificate.radius, certificate.radius_cap) == (-1, 0.0, 0.0)
    assert (certificate.p_lower, certificate.n_used, certificate.n_drawn) == (0.0, 0, 8)
    assert certificate.reason == "because"


def test_a_failure_is_not_certified_and_has_a_reason():
    options = dict(sigma=0.25, alpha=0.001, procedure="single_pass")
    for status, reason in ((Status.CERTIFIED, "because"), (Status.ENGINE_ERROR, "")):
        with pytest.raises(ValueError, match="class_id, radius and reason"):
            Certificate.failure(status, reason, **options)
    with pytest.raises(ValueError, match="votes_"):
        Certificate.failure(Status.ENGINE_ERROR, "x", **options, n_drawn=3, votes_invalid=4)


def test_what_a_failure_holds():
    options = dict(sigma=0.25, alpha=0.001, procedure="two_stage")
    nothing = dict(
        class_id=-1,
        radius=0.0,
        radius_cap=0.0,
        p_lower=0.0,
        alpha_bound=0.0,
        votes_required=0,
        votes_top=0,
        votes_runner_up=0,
        n_selection=0,
        n_used=0,
    )
    status = Status.ENGINE_ERROR
    assert Certificate.failure(status, "x", **options) == Certificate(
        status=status, reason="x", votes_invalid=0, n_drawn=0, **nothing, **options
    )
    assert Certificate.failure(status, "x", n_drawn=9, votes_invalid=4, **options) == Certificate(
        status=status, reason="x", votes_invalid=4, n_drawn=9, **nothing, **options
    )


@pytest.mark.parametrize(
    "change",
    [
        dict(class_id=0),
        dict(radius=0.0),
        dict(radius_cap=0.25),
        dict(p_lower=0.0),
        dict(alpha_bound=0.001),
        dict(alpha_bound=0.0),
        dict(votes_invalid=0),
        dict(n_drawn=101),
        dict(votes_required=97),
        dict(votes_required=0),
        dict(n_used=97),
        dict(n_selection=1),
    ],
)
def test_what_is_at_its_limit_is_allowed(change):
    assert not Certificate(**CERTIFIED | change).abstain


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(status=1), "status must be a Status, got 1"),
        (
            dict(class_id=-1),
            "class_id, radius and reason must be (-1, 0, a reason) unless certified and "
            "(>= 0, a radius, '') when certified, got -1, 0.25, '' with <Status.CERTIFIED: 1>",
        ),
        (
            dict(radius=0.5),
            "radius must lie in 0..radius_cap, both finite, got 0.5 and 0.375",
        ),
        (dict(p_lower=-0.5), "p_lower must lie in [0, 1), got -0.5"),
        (dict(alpha_bound=-0.1), "alpha_bound must lie in 0..alpha, got -0.1"),
        (dict(n_drawn=99), "votes_* must sum to at most n_drawn=99, got 100"),
        (
            dict(votes_required=98),
            "votes_top must lie in votes_required..n_used when certified, got 98 <= 97 <= 100",
        ),
        *(
            (dict([(name, -1)]), f"{name} must not be negative, got -1")
            for name in (
                "votes_required",
                "votes_top",
                "votes_runner_up",
                "votes_invalid",
                "n_selection",
                "n_used",
                "n_drawn",
            )
        ),
        (dict(sigma=0.0), "sigma must be a finite number above 0, got 0.0"),
        (dict(alpha=0.0), "alpha must be a number strictly between 0 and 1, got 0.0"),
    ],
)
def test_what_is_wrong_is_said_in_full(change, message):
    with pytest.raises(ValueError) as error:
        Certificate(**CERTIFIED | change)
    assert str(error.value) == message


def test_the_tolerance_of_the_cap_is_relative_to_sigma():
    for sigma in (1e-6, 0.25, 1e6):
        fields = CERTIFIED | dict(sigma=sigma, radius_cap=1.5 * sigma)
        Certificate(**fields | dict(radius=(1.5 + 0.9e-9) * sigma))
        with pytest.raises(ValueError, match="^radius must lie"):
            Certificate(**fields | dict(radius=(1.5 + 1.2e-9) * sigma))
