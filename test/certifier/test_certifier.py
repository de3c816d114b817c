# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from certifying import KEY, counted, frame
from scipy.stats import binomtest, norm
from small_models import color_network

from rs_monitor.certification import Status, lower_bound, runner_up, single_pass_pair
from rs_monitor.engines import noise_key
from rs_monitor.frames import Frame, Region, rounding_bound
from rs_monitor.settings import Settings


def test_certificate_of_a_clear_frame(make):
    result = make().certify(frame(), Settings(n=100), KEY)
    certificate = result.certificate
    pair = single_pass_pair(100, 0.001)
    assert certificate.status is Status.CERTIFIED
    assert (certificate.class_id, result.class_name) == (1, "green")
    assert certificate.votes_top > 95
    assert certificate.n_used == certificate.n_drawn == result.n_requested == 100
    assert result.model_id == make().engine.model.model_id
    p = lower_bound(certificate.votes_top, 100, certificate.alpha_bound)
    assert certificate.p_lower == pytest.approx(p, abs=1e-12)
    assert certificate.radius == pytest.approx(0.25 * norm.ppf(p), abs=1e-9)
    assert certificate.alpha_bound in (pair.alpha_bound, 0.0005)
    required = certificate.votes_required
    assert result.note == f"{certificate.votes_top} of 100 votes, {required} are required"


def test_sensor_radius(make):
    certifier, settings = make(), Settings(n=100)
    for height, width, roi in (
        (24, 32, None),
        (8, 8, None),
        (1, 1, None),
        (24, 32, (4, 8, 16, 8)),
    ):
        seen = (roi[3], roi[2]) if roi else (height, width)
        shrink = math.sqrt(8 * 8 / (seen[0] * seen[1]))
        values = Settings(n=100, roi=Region(*roi) if roi else None)
        result = certifier.certify(frame(height=height, width=width), values, KEY)
        exact = result.certificate.radius / shrink
        # Less than that by twice the rounding of the resize in float32.
        assert (1 - 1e-3) * exact < result.radius_sensor < exact
        bound = rounding_bound(*seen, 8, 8)
        told = (result.certificate.radius - 2 * bound) / shrink
        assert result.radius_sensor == pytest.approx(told, rel=1e-8)
    mono = certifier.certify(frame(gain=math.sqrt(3)), settings, KEY)
    color = certifier.certify(frame(), settings, KEY)
    assert mono.radius_sensor == pytest.approx(color.radius_sensor / math.sqrt(3))
    assert math.isnan(certifier.certify(frame(gain=math.nan), settings, KEY).radius_sensor)


def test_region_outside_the_frame(make):
    result = make().certify(frame(), Settings(n=100, roi=Region(20, 0, 20, 4)), KEY)
    assert result.certificate.status is Status.INVALID_INPUT
    assert "input.roi" in result.note


def test_two_stage(make):
    settings = Settings(n=100, procedure="two_stage", n_selection=20)
    certificate = make().certify(frame(), settings, KEY).certificate
    assert certificate.status is Status.CERTIFIED
    assert (certificate.n_selection, certificate.n_used) == (20, 100)
    assert certificate.alpha_bound == 0.001


def test_runner_up(make):
    certifier, settings = make(), Settings(n=100, procedure="runner_up")
    result = certifier.certify(frame(), settings, KEY)
    image = certifier._resize(frame().rgb)
    votes = certifier.engine.votes(image, 0.25, 100, KEY)
    assert result.certificate == runner_up(votes.counts, sigma=0.25, alpha=0.001)
    assert result.certificate.status is Status.CERTIFIED
    assert result.note == (
        f"{result.certificate.votes_top} of 100 votes, {result.certificate.votes_required} are "
        f"required beside {result.certificate.votes_runner_up} of the runner-up"
    )
    spread = certifier._conclude(frame(), settings, None, counted(30, 62, 8))
    assert spread.certificate == runner_up([30, 62, 8], sigma=0.25, alpha=0.001)


def test_many_invalid_votes_are_an_engine_error(make):
    certifier = make(onnx_bytes=color_network(nan_above=0.6), reference=None)
    result = certifier.certify(frame("green", strong=255, weak=250), Settings(n=200), KEY)
    assert result.certificate.status is Status.ENGINE_ERROR
    assert result.certificate.votes_invalid == 200
    assert "non-finite" in result.note


def test_few_invalid_votes_count_against(make):
    # The mean over 192 values under noise 0.25 has deviation 0.018: a limit 2.7 of them above
    # leaves about 0.35 % of the samples invalid.
    picture = frame("green", strong=150, weak=100)
    mean = picture.rgb.mean() / 255
    certifier = make(onnx_bytes=color_network(nan_above=mean + 0.0487), reference=None)
    certificate = certifier.certify(picture, Settings(n=2000), KEY).certificate
    assert certificate.status is Status.CERTIFIED
    assert 0 < certificate.votes_invalid <= 20
    assert certificate.votes_top + certificate.votes_runner_up + certificate.votes_invalid <= 2000
    assert certificate.n_used == 2000


def test_closed_engine_is_an_engine_error(make):
    certifier = make()
    certifier.engine.close()
    result = certifier.certify(frame(), Settings(n=100), KEY)
    assert result.certificate.status is Status.ENGINE_ERROR
    assert "closed" in result.note


def test_weak_frame_abstains_with_the_votes(make):
    result = make().certify(frame(strong=101, weak=100), Settings(n=100, sigma=1.0), KEY)
    certificate = result.certificate
    assert certificate.status is Status.ABSTAINED
    assert certificate.votes_top < certificate.votes_required
    assert str(certificate.votes_required) in result.note
    assert result.radius_sensor == 0


def test_coverage_of_a_linear_classifier_through_the_engine(make):
    # Of two channel means the larger wins and the third is out of reach: the exact radius of
    # the smoothed classifier is the distance to the boundary, whatever sigma is.
    certifier, n, alpha = make(), 100, 0.05
    picture = np.full((8, 8, 3), 128, np.uint8)
    picture[..., 2] = 0
    picture[..., 0] += 1
    exact = (1 / 255) / math.sqrt(2 / 64)
    over = 0
    trials = 400
    for index in range(trials):
        result = certifier.certify(
            Frame(picture, "rgb8", 1.0),
            Settings(n=n, alpha=alpha, sigma=0.25),
            noise_key(1, "coverage", index),
        )
        certificate = result.certificate
        over += not certificate.abstain and (
            certificate.class_id != 0 or certificate.radius > exact
        )
    assert binomtest(over, trials, alpha, alternative="greater").pvalue > 0.001


def test_the_fields_of_the_message(make):
    result = make().certify(frame(), Settings(n=100), KEY)
    fields, certificate = result.message_fields(), result.certificate
    assert fields["status"] == 1 and type(fields["status"]) is int
    assert fields["abstain"] is False and fields["reason"] == result.note != ""
    assert (fields["class_id"], fields["class_name"]) == (1, "green")
    assert (fields["radius"], fields["radius_sensor"]) == (
        certificate.radius,
        result.radius_sensor,
    )
    assert (fields["n_requested"], fields["n_used"]) == (100, 100)
    assert (fields["votes_top"], fields["alpha_bound"]) == (
        certificate.votes_top,
        certificate.alpha_bound,
    )
    assert fields["model_id"] == result.model_id


def test_the_least_n_is_enough(make):
    for procedure, least in (("single_pass", 11), ("two_stage", 10), ("runner_up", 16)):
        settings = Settings(n=least, procedure=procedure)
        result = make().certify(frame(strong=255, weak=0), settings, KEY)
        assert result.certificate.status is Status.CERTIFIED
        assert (result.certificate.votes_top, result.class_name) == (least, "green")


def test_exactly_one_in_a_hundred_may_be_invalid(make):
    certifier, settings = make(), Settings(n=200)
    result = certifier._conclude(frame(), settings, None, counted(0, 198, 0, invalid=2))
    assert result.certificate.status is Status.CERTIFIED
    result = certifier._conclude(frame(), settings, None, counted(0, 197, 0, invalid=3))
    assert result.certificate.status is Status.ENGINE_ERROR
    assert result.note == "3 of 200 samples have non-finite logits"


def test_invalid_votes_of_the_selection_count_as_well(make):
    settings = Settings(n=100, procedure="two_stage", n_selection=20)
    selection, votes = counted(0, 18, 0, invalid=2), counted(0, 100, 0)
    result = make()._conclude(frame(), settings, selection, votes)
    assert result.certificate.status is Status.ENGINE_ERROR
    assert result.note == "2 of 120 samples have non-finite logits"
    result = make()._conclude(frame(), settings, counted(0, 19, 0, invalid=1), votes)
    assert result.certificate.status is Status.CERTIFIED


def test_a_frame_that_abstains_names_no_class(make):
    result = make()._conclude(frame(), Settings(n=20), None, counted(9, 11, 0))
    assert result.certificate.status is Status.ABSTAINED
    assert result.class_name == ""


def test_a_cut_n_is_told_beside_the_votes(make):
    result = make()._conclude(frame(), Settings(n=200), None, counted(0, 100, 0))
    votes, required = result.certificate.votes_top, result.certificate.votes_required
    assert result.note == (
        f"{votes} of 100 votes, {required} are required; the deadline cut n to 100 of 200"
    )
