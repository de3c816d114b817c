# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0

import pytest
from certifying import KEY, frame
from small_models import color_network

from rs_monitor.certification import Status
from rs_monitor.engines import EngineError
from rs_monitor.frames import Region
from rs_monitor.settings import Settings


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage", "runner_up"])
def test_prefixes_are_what_certify_says_at_each_n(make, procedure):
    certifier = make()
    steps = [Settings(n=n, procedure=procedure, n_selection=20) for n in (16, 100, 150)]
    picture = frame(strong=110, weak=100)
    for step in steps:
        certifier.certify(picture, step, KEY)
    certifier._table.wait(60)
    for step, (result, votes, chosen) in zip(
        steps, certifier.certify_prefixes(picture, steps, KEY)
    ):
        assert result == certifier.certify(picture, step, KEY)
        assert votes.n == step.n
        assert chosen == 1
        assert result.certificate.votes_top == votes.counts[1]


def test_prefixes_of_a_frame_without_a_valid_vote(make):
    certifier = make(onnx_bytes=color_network(nan_above=0.6), reference=None)
    picture = frame("green", strong=255, weak=250)
    steps = [Settings(n=20), Settings(n=40)]
    for step, (result, votes, chosen) in zip(
        steps, certifier.certify_prefixes(picture, steps, KEY)
    ):
        assert result.certificate.status is Status.ENGINE_ERROR
        assert result.note == f"{step.n} of {step.n} samples have non-finite logits"
        assert result.certificate.n_drawn == result.certificate.votes_invalid == step.n
        assert result.model_id == certifier.engine.model.model_id
        assert (votes.n, votes.invalid, chosen) == (step.n, step.n, -1)


def test_prefixes_of_a_frame_that_cannot_be_cut(make):
    steps = [Settings(n=n, roi=Region(20, 0, 20, 4)) for n in (20, 40)]
    certifier = make()
    for step, (result, votes, chosen) in zip(
        steps, certifier.certify_prefixes(frame(), steps, KEY)
    ):
        assert result == certifier.certify(frame(), step, KEY)
        assert result.certificate.status is Status.INVALID_INPUT
        assert (votes, chosen) == (None, -1)
        assert result.model_id == certifier.engine.model.model_id


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage", "runner_up"])
def test_prefixes_when_the_engine_fails(make, procedure):
    certifier = make()
    steps = [Settings(n=n, procedure=procedure) for n in (20, 40, 60)]
    results = certifier.certify_prefixes(frame(), steps, KEY)
    first, votes, _ = next(results)
    assert first.certificate.status is Status.CERTIFIED and votes.n == 20
    certifier.engine.close()
    for step, (result, votes, chosen) in zip(steps[1:], results):
        assert result == certifier.certify(frame(), step, KEY)
        assert result.certificate.status is Status.ENGINE_ERROR and "closed" in result.note
        assert (result.n_requested, votes, chosen) == (step.n, None, -1)
    assert {
        r.certificate.status for r, _, _ in certifier.certify_prefixes(frame(), steps, KEY)
    } == {Status.ENGINE_ERROR}


def test_prefixes_tell_why_the_selection_failed(make):
    certifier = make()
    certifier.engine.close()
    steps = [Settings(n=20, procedure="two_stage")]
    ((result, votes, chosen),) = certifier.certify_prefixes(frame(), steps, KEY)
    assert result.note == "the engine is closed"
    assert (votes, chosen) == (None, -1)


def test_prefixes_after_a_failed_selection_are_not_certified_without_it(make, monkeypatch):
    certifier = make()
    votes, calls = certifier.engine.votes, []

    def fails_once(*arguments, **named):
        calls.append(arguments)
        if len(calls) == 1:
            raise EngineError("the device was away")
        return votes(*arguments, **named)

    monkeypatch.setattr(certifier.engine, "votes", fails_once)
    steps = [Settings(n=20, procedure="two_stage"), Settings(n=40, procedure="two_stage")]
    for result, votes_of_step, chosen in certifier.certify_prefixes(frame(), steps, KEY):
        assert result.certificate.status is Status.ENGINE_ERROR
        assert (result.note, votes_of_step, chosen) == ("the device was away", None, -1)
