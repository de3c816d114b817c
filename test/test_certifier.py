# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math
import time

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from small_models import LABELS, color_network, solid, write_model

from rs_monitor.certification import SinglePassTable, Status, lower_bound, single_pass_pair
from rs_monitor.certifier import Certifier
from rs_monitor.engines import noise_key, open_engine
from rs_monitor.frames import Frame, Region
from rs_monitor.models import load_card, load_model
from rs_monitor.settings import Settings

CHUNK = 16
KEY = bytes(range(16))


@pytest.fixture
def table():
    with SinglePassTable() as table:
        yield table


@pytest.fixture
def make(tmp_path, table):
    engines = []

    def build(clock=time.monotonic, **model):
        card = load_card(write_model(tmp_path, **model))
        engine = open_engine(
            load_model(card), backend="openvino", precision="fp32", max_batch=CHUNK
        )
        engines.append(engine)
        return Certifier(engine, table, clock)

    yield build
    for engine in engines:
        engine.close()


def frame(color="green", height=24, width=32, gain=1.0, **levels):
    return Frame(solid(color, height, width, **levels), "rgb8", gain)


class CountingClock:
    """A steady clock that stands still but for one `step` at each look."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


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
        assert result.radius_sensor == pytest.approx(result.certificate.radius / shrink, rel=1e-6)
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


def test_n_zero_takes_whole_chunks_while_time_lasts(make):
    clock = CountingClock(0.001)
    certifier = make(clock)
    counts = []
    for _ in range(5):
        result = certifier.certify(frame(), Settings(n=0), KEY, clock.now + 0.060)
        counts.append(result.certificate.n_used)
    # Each chunk looks three times: whether it fits, when it begins, when it ends.
    assert counts[-1] % CHUNK == 0
    assert counts[-1] == pytest.approx((60 - 3) / 3 * CHUNK, abs=2 * CHUNK)
    assert result.n_requested == 0


def test_n_does_not_depend_on_the_votes(make):
    numbers = set()
    for color in LABELS:
        for strong in (101, 110, 200):
            clock = CountingClock(0.001)
            certifier = make(clock)
            picture = frame(color, strong=strong)
            result = certifier.certify(picture, Settings(n=0), KEY, clock.now + 0.050)
            numbers.add(result.certificate.n_drawn)
    assert len(numbers) == 1


def test_cut_by_the_deadline_uses_what_was_drawn_and_says_so(make):
    clock = CountingClock(0.001)
    result = make(clock).certify(frame(), Settings(n=1000), KEY, clock.now + 0.050)
    certificate = result.certificate
    assert certificate.status is Status.CERTIFIED
    assert 11 <= certificate.n_used < 1000
    assert f"{certificate.n_used} of 1000" in result.note


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage"])
def test_too_few_samples_is_a_missed_deadline(make, procedure):
    settings = Settings(n=0, procedure=procedure)
    result = make().certify(frame(), settings, KEY, time.monotonic() - 1)
    certificate = result.certificate
    assert certificate.status is Status.DEADLINE_MISSED
    assert (certificate.class_id, certificate.radius) == (-1, 0)
    assert "after 0 samples" in result.note


def test_no_deadline_needs_n(make):
    with pytest.raises(ValueError, match="n = 0"):
        make().certify(frame(), Settings(n=0), KEY)


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


def test_warm_up_computes_the_pairs(make, table):
    make().warm_up(Settings(n=100), 0.5)
    assert table.get_nowait(100, 0.001).exact
    assert table.get_nowait(96, 0.001).exact  # six chunks: where the deadline may cut it
