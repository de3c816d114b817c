# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.certification import Status, runner_up, single_pass, two_stage
from rs_monitor.safety import ConsumerRule, Verdict, radii_by_class

MODEL = "0123456789abcdef" * 4
RULE = ConsumerRule(max_age=0.2, required_radius=0.2, sigma=0.25, model_id=MODEL, max_alpha=0.001)


def message(votes=(190, 10), **fields):
    certificate = single_pass(list(votes), sigma=0.25, alpha=0.001)
    values = dataclasses.asdict(certificate) | {
        "abstain": certificate.abstain,
        "class_name": "stop",
        "model_id": MODEL[:12],
        "status": int(certificate.status),
        "reason": "why",
        "reference_distance": 0.0,
    }
    return types.SimpleNamespace(**(values | fields))


def verdict(age=0.1, rule=RULE, **fields):
    judgement = rule.judge(message(**fields), age)
    assert bool(judgement.reason) == (judgement.verdict is not Verdict.PASSED)
    return judgement.verdict


def test_a_good_certificate_passes():
    assert verdict() is Verdict.PASSED
    assert verdict(age=-0.1) is Verdict.PASSED
    for procedure in (two_stage([9, 1], [190, 10], sigma=0.25, alpha=0.001),):
        fields = dataclasses.asdict(procedure) | {"status": 1}
        fields.pop("reason")
        assert verdict(**fields) is Verdict.PASSED


def of_runner_up(counts=(150, 10, *[5] * 8), **more):
    fields = dataclasses.asdict(runner_up(list(counts), sigma=0.25, alpha=0.001))
    fields.pop("reason")
    return fields | {"status": 1} | more


def test_a_certificate_that_bounds_the_runner_up_is_computed_again():
    rule = dataclasses.replace(RULE, required_radius=0.15)
    single = single_pass([150, 50], sigma=0.25, alpha=0.001)
    assert single.radius < 0.15 < of_runner_up()["radius"]
    assert verdict(rule=rule, **of_runner_up()) is Verdict.PASSED
    minority = of_runner_up((80, 12, *[12] * 9))
    assert minority["p_lower"] < 0.5
    assert verdict(rule=dataclasses.replace(RULE, required_radius=0.01), **minority) is (
        Verdict.PASSED
    )


@pytest.mark.parametrize(
    "more",
    [
        {"votes_runner_up": 12},  # its radius is less
        {"votes_top": 149},
        {"votes_invalid": 12},
        {"procedure": "single_pass"},
        {"procedure": "two_stage"},
        {"alpha": 0.0005},
        {"alpha": 5e-324, "alpha_bound": 5e-324},
        {"n_used": 210},
        {"votes_runner_up": 140, "votes_required": 0, "n_used": 1000, "radius": 0.0},
    ],
)
def test_a_joint_bound_that_its_votes_do_not_give(more):
    assert verdict(**of_runner_up(**more)) is Verdict.FOREIGN


@pytest.mark.parametrize("age", [0.21, -0.21, math.nan, math.inf])
def test_age(age):
    assert verdict(age=age) is Verdict.NO_EVIDENCE


@pytest.mark.parametrize(
    "status", [s for s in Status if s not in (Status.CERTIFIED, Status.ABSTAINED)]
)
def test_a_status_that_says_nothing(status):
    judgement = RULE.judge(message(status=int(status), reason="it broke"), 0.1)
    assert judgement.verdict is Verdict.NO_EVIDENCE
    assert judgement.reason == f"{status.name}: it broke"


def test_a_status_nobody_knows():
    assert verdict(status=200) is Verdict.NO_EVIDENCE


def test_what_is_valid_but_too_little():
    assert verdict(votes=(101, 99)) is Verdict.INSUFFICIENT
    assert verdict(votes=(135, 65)) is Verdict.INSUFFICIENT
    strict = dataclasses.replace(RULE, required_radius_by_class={"stop": 0.4, "yield": 0.1})
    assert verdict(rule=strict) is Verdict.INSUFFICIENT
    assert verdict(rule=strict, class_name="yield") is Verdict.PASSED
    assert verdict(rule=strict, class_name="other") is Verdict.PASSED
    nothing = dataclasses.replace(RULE, required_radius=math.nan)
    assert verdict(rule=nothing) is Verdict.INSUFFICIENT


@pytest.mark.parametrize(
    "fields",
    [
        {"model_id": "0" * 12},
        {"model_id": ""},
        {"model_id": MODEL},
        {"sigma": 0.5},
        {"sigma": math.nan},
        {"alpha": 0.01},
        {"alpha": math.nan},
        {"abstain": True},
        {"class_id": -1},
        {"class_name": ""},
        {"procedure": "trust_me"},
        {"votes_top": 201},
        {"votes_top": 100},
        {"votes_runner_up": 100},
        {"votes_invalid": 1000},
        {"n_used": 0},
        {"n_used": 1000},
        {"alpha_bound": 0.0},
        {"alpha_bound": 0.002},
        {"alpha_bound": math.nan},
        {"radius": 0.45},
        {"radius": math.inf},
        {"radius": math.nan},
        {"radius": -0.1},
        {"reference_distance": 0.1},
        {"reference_distance": math.nan},
        {"reference_distance": -0.1},
        {"reference_distance": math.inf, "radius": 0.0},
    ],
)
def test_what_must_not_be_built_on(fields):
    assert verdict(**fields) is Verdict.FOREIGN


def test_a_joint_bound_without_a_radius_is_nothing_to_build_on():
    anything = ConsumerRule(max_age=0.2, model_id=MODEL)
    tiny = of_runner_up((1000, 0), alpha=1e-200, alpha_bound=1e-200, radius=0.0)
    assert verdict(rule=anything, **tiny) is Verdict.FOREIGN
    weak = of_runner_up((128, 71, 1), votes_required=0, radius=0.01)
    assert verdict(rule=anything, **weak | {"class_id": 0}) is Verdict.FOREIGN


def test_levels_that_cannot_be():
    assert verdict(votes=(101, 99), alpha=0.0) is Verdict.FOREIGN
    anything = ConsumerRule(max_age=0.2, model_id=MODEL)
    assert verdict(rule=anything, radius=0.0, alpha=math.nextafter(1, 0)) is Verdict.PASSED
    assert verdict(rule=anything, radius=0.0, alpha=1.0) is Verdict.FOREIGN
    of_two = {"procedure": "two_stage", "n_selection": 10, "radius": 0.0}
    assert verdict(rule=anything, alpha=0.9, **of_two) is Verdict.PASSED
    for alpha in (1.0, 1.5):
        lenient = dataclasses.replace(anything, max_alpha=2.0)
        assert verdict(rule=lenient, alpha=alpha, **of_two) is Verdict.FOREIGN
    assert verdict(rule=anything, radius=0.0, sigma=0.0) is Verdict.FOREIGN


def test_nothing_passes_while_the_model_is_unknown():
    rule = dataclasses.replace(RULE, model_id="")
    assert verdict(rule=rule) is Verdict.FOREIGN
    assert verdict(rule=rule, model_id="") is Verdict.FOREIGN


def test_what_a_frame_is_away_from_the_sampled_one_is_lost_of_the_radius():
    anything = dataclasses.replace(RULE, required_radius=0.0)
    left = message().radius - 0.1
    assert verdict(rule=anything, reference_distance=0.1, radius=left) is Verdict.PASSED
    assert verdict(rule=anything, reference_distance=0.1, radius=left + 1e-6) is Verdict.FOREIGN
    assert verdict(rule=anything, reference_distance=9.0, radius=0.0) is Verdict.PASSED


def test_any_sigma():
    rule = dataclasses.replace(RULE, sigma=None)
    assert verdict(rule=rule) is Verdict.PASSED
    assert verdict(rule=rule, sigma=math.inf) is Verdict.FOREIGN


@given(
    st.integers(0, 300), st.integers(0, 300), st.floats(allow_nan=True), st.floats(0, 1),
    st.floats(allow_nan=True),
)  # fmt: skip
def test_no_radius_passes_that_its_votes_do_not_give(top, n, radius, alpha_bound, sigma):
    rule = dataclasses.replace(RULE, required_radius=0.0, sigma=None)
    fields = {"votes_top": top, "votes_runner_up": 0, "n_used": n, "radius": radius}
    fields |= {"alpha_bound": alpha_bound, "sigma": sigma, "votes_required": 0}
    judged = rule.judge(message(**fields), 0.0)
    if judged.verdict is Verdict.PASSED:
        cap = sigma * 40  # Phi^-1 of the largest float below 1 is 8.3
        assert 0 <= radius <= cap and 0 < top <= n and alpha_bound <= 0.001


@pytest.mark.parametrize(
    ("text", "radii"),
    [
        ("", {}),
        (" stop = 0.3 ,yield=0,", {"stop": 0.3, "yield": 0.0}),
        ("a=b=1e-3", {"a=b": 0.001}),
    ],
)
def test_radii_by_class(text, radii):
    assert radii_by_class(text) == radii


@pytest.mark.parametrize(
    "text", ["stop", "stop=", "=0.3", "stop=-1", "stop=nan", "a=1,a=2", "a=inf"]
)
def test_radii_that_cannot_be_read(text):
    with pytest.raises(ValueError, match="a|stop|0.3"):
        radii_by_class(text)


@pytest.mark.parametrize(
    ("rule", "fields", "age", "reason"),
    [
        ({}, {}, 0.3, "stamped 0.300 s ago"),
        ({}, {"status": 200, "reason": ""}, 0.1, "status 200"),
        ({}, {"status": 3, "reason": "6 ms late: "}, 0.1, "DEADLINE_MISSED: 6 ms late"),
        ({}, {"status": 3, "reason": "CUDA: XX"}, 0.1, "DEADLINE_MISSED: CUDA: XX"),
        ({}, {"votes": (101, 99)}, 0.1, "ABSTAINED"),
        ({"required_radius": 0.5}, {"radius": 0.25}, 0.1, "radius 0.25 below 0.5"),
        ({}, {"model_id": "0" * 12}, 0.1, "model is not 0123456789ab"),
        ({"model_id": ""}, {}, 0.1, "model is not known"),
        ({}, {"sigma": 0.5}, 0.1, "sigma is not 0.25"),
        ({}, {"alpha": 0.01}, 0.1, "alpha 0.01 is above 0.001"),
        ({}, {"class_id": -1}, 0.1, "CERTIFIED, but it abstains"),
        ({}, {"procedure": "curtailed"}, 0.1, "procedure 'curtailed' is not known"),
        ({}, {"votes_invalid": 1}, 0.1, "its votes do not add up"),
        ({}, {"votes_top": 9, "votes_required": 0}, 0.1, "its votes certify nothing: 9 of 200"),
        ({}, {"alpha_bound": 0.002}, 0.1, "alpha_bound, alpha or sigma is out of range"),
    ],
)
def test_reasons(rule, fields, age, reason):
    judgement = dataclasses.replace(RULE, **rule).judge(message(**fields), age)
    assert judgement.reason == reason


def test_a_radius_that_its_votes_do_not_give_is_named_with_what_they_give():
    given = message().radius
    judgement = RULE.judge(message(radius=0.45), 0.1)
    assert judgement.reason == f"its radius 0.45 is not what its votes give ({given:.6g})"


def test_what_is_at_its_limit_passes():
    good = message()
    assert verdict(age=0.2) is verdict(age=-0.2) is Verdict.PASSED
    exactly = dataclasses.replace(RULE, required_radius=good.radius)
    assert verdict(rule=exactly) is Verdict.PASSED
    more = dataclasses.replace(RULE, required_radius=math.nextafter(good.radius, 1))
    assert verdict(rule=more) is Verdict.INSUFFICIENT
    anything = dataclasses.replace(RULE, required_radius=0.0)
    assert verdict(rule=anything, radius=0.0) is Verdict.PASSED
    assert verdict(radius=good.radius * (1 + 5e-10)) is Verdict.PASSED
    assert verdict(radius=good.radius * (1 + 3e-9)) is Verdict.FOREIGN
    assert verdict(votes_required=good.votes_top) is Verdict.PASSED
    assert verdict(votes_required=good.votes_top + 1) is Verdict.FOREIGN
    assert verdict(votes_runner_up=9, votes_invalid=1) is Verdict.PASSED
    assert verdict(alpha_bound=good.alpha) is Verdict.FOREIGN  # Algorithm 1 of the paper
    assert verdict(class_id=0) is Verdict.PASSED


def test_one_vote_of_one_adds_up_where_it_certifies():
    rule = dataclasses.replace(RULE, required_radius=0.0, max_alpha=0.9)
    fields = {"votes_top": 1, "votes_runner_up": 0, "n_used": 1, "votes_required": 1}
    fields |= {"alpha": 0.5, "alpha_bound": 0.5, "procedure": "two_stage", "n_selection": 1}
    assert verdict(rule=rule, radius=0.0, **fields) is Verdict.PASSED
    assert verdict(rule=rule, radius=1e-9, **fields) is Verdict.FOREIGN
    fields |= {"alpha": 0.8, "alpha_bound": 0.8}
    assert verdict(rule=rule, radius=0.2, **fields) is Verdict.PASSED
    fields |= {"alpha": 0.4, "alpha_bound": 0.4}
    assert verdict(rule=rule, radius=0.0, **fields) is Verdict.FOREIGN


@pytest.mark.parametrize(
    ("n", "required", "level", "votes"),
    [
        (100, 66, 0.001, 66),  # Algorithm 1: over-stated with probability 0.0018
        (10, 10, 0.001, 10),
        (100, 51, 0.001, 66),
        (100, 50, 0.0005, 90),
        (100, 0, 0.0005, 90),
    ],
)
def test_a_single_pass_that_is_not_sound_does_not_pass(n, required, level, votes):
    rule = dataclasses.replace(RULE, required_radius=0.0)
    fields = {"n_used": n, "votes_required": required, "alpha_bound": level, "votes_top": votes}
    fields |= {"votes_runner_up": n - votes, "radius": 0.0}
    judgement = rule.judge(message(**fields), 0.1)
    assert judgement.verdict is Verdict.FOREIGN
    assert "not those of a sound single_pass" in judgement.reason
    fields |= {"procedure": "two_stage", "n_selection": 0}
    judgement = rule.judge(message(**fields), 0.1)
    assert judgement.reason == "two_stage, but no samples chose its class"
    assert verdict(rule=rule, **fields | {"n_selection": 10}) is Verdict.PASSED


@pytest.mark.parametrize(("top", "runner_up"), [(0, 200), (1, 0), (60, 140), (101, 99)])
def test_votes_that_certify_nothing_do_not_pass_where_no_radius_is_required(top, runner_up):
    rule = dataclasses.replace(RULE, required_radius=0.0)
    fields = {"votes_top": top, "votes_runner_up": runner_up, "votes_required": 0, "radius": 0.0}
    assert verdict(rule=rule, **fields) is Verdict.FOREIGN


@given(st.integers(11, 400), st.floats(1e-3, 0.5), st.integers(0, 400))
def test_what_is_certified_passes_where_no_radius_is_required(n, alpha, top):
    top = min(top, n)
    certificate = single_pass([top, n - top], sigma=0.25, alpha=alpha)
    if certificate.status == Status.CERTIFIED:
        rule = ConsumerRule(max_age=0.2, model_id=MODEL)
        fields = dataclasses.asdict(certificate) | {"status": int(certificate.status)}
        fields.pop("reason")
        assert verdict(rule=rule, **fields) is Verdict.PASSED


def test_a_rule_asks_for_a_model_and_an_age_and_nothing_else_by_default():
    rule = ConsumerRule(max_age=0.2)
    assert verdict(rule=rule) is Verdict.FOREIGN
    rule = dataclasses.replace(rule, model_id=MODEL)
    assert verdict(rule=rule, radius=0.0) is Verdict.PASSED
    assert (rule.required("stop"), rule.sigma, rule.max_alpha) == (0.0, None, 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=1, stop ,b=2", "'stop' must be LABEL=RADIUS with a radius >= 0"),
        ("a=inf", "'a=inf' must be LABEL=RADIUS with a radius >= 0"),
        ("a=1,a=2", "'a' is named twice"),
    ],
)
def test_radii_that_cannot_be_read_are_named(text, message):
    with pytest.raises(ValueError) as error:
        radii_by_class(text)
    assert str(error.value) == message
