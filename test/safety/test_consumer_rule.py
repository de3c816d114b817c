# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.certification import Status, single_pass, two_stage
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
    ],
)
def test_what_must_not_be_built_on(fields):
    assert verdict(**fields) is Verdict.FOREIGN


def test_nothing_passes_while_the_model_is_unknown():
    rule = dataclasses.replace(RULE, model_id="")
    assert verdict(rule=rule) is Verdict.FOREIGN
    assert verdict(rule=rule, model_id="") is Verdict.FOREIGN


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
