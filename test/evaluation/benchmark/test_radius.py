# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import hashlib

import numpy as np
import pytest
from small_models import color_network, write_model

from rs_monitor.certification import runner_up_cap
from rs_monitor.certification.planning import cap
from rs_monitor.evaluation.benchmark.radius import radius_bought
from rs_monitor.evaluation.class_probabilities import ClassProbabilities
from rs_monitor.models import load_card, load_model

USUAL = {"sigma": 0.25, "alpha": 0.001, "procedure": "single_pass"}


@pytest.fixture
def model(tmp_path):
    """Return a model whose card was evaluated at n 100 and 200."""
    plain = load_model(load_card(write_model(tmp_path)))
    rows = [{"n": n, "average_certified_radius": r} for n, r in ((100, 0.2), (200, 0.3))]
    evaluation = USUAL | {"model_id": plain.model_id, "rows": rows}
    return load_model(load_card(write_model(tmp_path, evaluation=evaluation)))


@pytest.mark.parametrize(
    ("n", "at", "radius"), [(100, 100, 0.2), (199, 100, 0.2), (5000, 200, 0.3)]
)
def test_card_tells_what_fewer_samples_reached(model, n, at, radius):
    bought = radius_bought(n, model=model, **USUAL)
    assert (bought["source"], bought["at_n"]) == ("card", at)
    assert bought["average_certified_radius"] == radius < bought["cap"]


def test_int8_twin_has_an_evaluation_of_its_own(model, tmp_path):
    content = color_network(order=(0, 2, 1))
    (tmp_path / "int8.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rows = [{"n": 100, "average_certified_radius": 0.15}]
    evaluation = USUAL | {"model_id": digest[:12], "rows": rows}
    twin = {"onnx": "int8.onnx", "sha256": digest, "evaluation": evaluation}
    card = write_model(tmp_path, evaluation=model.card.details["evaluation"], int8=twin)
    both = load_model(load_card(card))
    for one, radius in ((both, 0.2), (both.twin, 0.15)):
        assert radius_bought(128, model=one, **USUAL)["average_certified_radius"] == radius


@pytest.mark.parametrize("change", [{"sigma": 0.5}, {"alpha": 0.01}, {"procedure": "two_stage"}])
def test_card_of_other_conditions_tells_nothing(model, change):
    bought = radius_bought(200, model=model, **(USUAL | change))
    assert (bought["source"], bought["average_certified_radius"]) == ("cap", None)


def test_of_runner_up_the_cap_is_told_and_what_a_card_has_of_it(model, tmp_path):
    mine = USUAL | {"procedure": "runner_up"}
    bought = radius_bought(200, model=model, **mine)
    assert (bought["source"], bought["cap"]) == ("cap", runner_up_cap(200, 0.25, 0.001))
    assert radius_bought(15, **mine)["average_certified_radius"] == 0.0
    rows = [{"n": 200, "average_certified_radius": 0.4}]
    theirs = mine | {"model_id": model.model_id, "rows": rows}
    both = model.card.details | {"evaluation_runner_up": theirs}
    card = dataclasses.replace(model.card, details=both)
    bought = radius_bought(300, model=dataclasses.replace(model, card=card), **mine)
    assert (bought["source"], bought["average_certified_radius"]) == ("card", 0.4)


def test_card_of_another_file_tells_nothing(model):
    other = dataclasses.replace(model, height=4)
    assert radius_bought(200, model=other, **USUAL)["source"] == "cap"


def test_certain_images_reach_the_cap():
    known = ClassProbabilities("log", 0.25, np.array([1.0, 1.0, 0.0, 0.0]), 100_000)
    bought = radius_bought(128, probabilities=known, **USUAL)
    assert bought["cap"] == cap(128, 0.25, 0.001, "single_pass")
    assert bought["average_certified_radius"] == pytest.approx(bought["cap"] / 2)
    with pytest.raises(ValueError, match=r"sigma 0\.25, not 0\.5"):
        radius_bought(128, probabilities=known, **(USUAL | {"sigma": 0.5}))


def test_few_samples_behind_a_log_do_not_promise_more():
    """Taken for the probabilities, shares of 200 votes would promise too much at n = 768."""
    rng = np.random.default_rng(3)
    p = rng.beta(20, 1, 4000)
    true = radius_bought(200, probabilities=ClassProbabilities("l", 0.25, p, 10**9), **USUAL)
    few = ClassProbabilities("log", 0.25, rng.binomial(200, p) / 200, 200)
    for n in (200, 768):
        told = radius_bought(n, probabilities=few, **USUAL)
        assert (told["source"], told["at_n"]) == ("log", 200)
        assert told["average_certified_radius"] == pytest.approx(
            true["average_certified_radius"], rel=2e-3
        )
    nothing = ClassProbabilities("log", 0.25, np.ones(3), 5)
    assert radius_bought(200, probabilities=nothing, **USUAL)["average_certified_radius"] == 0


def test_too_few_samples_buy_nothing():
    assert radius_bought(3, **USUAL)["cap"] == 0
