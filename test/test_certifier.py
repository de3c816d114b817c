# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math
import time

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from small_models import LABELS, color_network, solid, write_model

from rs_monitor.certification import (
    SinglePassTable,
    Status,
    joint,
    lower_bound,
    runner_up,
    single_pass_pair,
    standin_pair,
)
from rs_monitor.certifier import Certifier
from rs_monitor.engines import EngineError, Votes, noise_key, open_engine
from rs_monitor.frames import Frame, Region, rounding_bound
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


def test_what_runner_up_needs_is_computed_beforehand(make):
    certifier = make()
    joint._cells.cache_clear()
    certifier.prefetch(Settings(procedure="runner_up", alpha=0.003), 0.03)
    assert joint._cells.cache_info().misses == 1
    certifier.certify(frame(), Settings(n=100, procedure="runner_up", alpha=0.003), KEY)
    assert joint._cells.cache_info().misses == 1


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


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage", "runner_up"])
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
    make(CountingClock(0.001)).warm_up(Settings(n=100), 0.5)
    assert table.wait(30.0)
    assert table.get_nowait(100, 0.001).exact
    assert table.get_nowait(96, 0.001).exact  # six chunks: where the deadline may cut it


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


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(n=0), range(208, 465, 16)),
        (Settings(n=100), [*range(16, 97, 16), 100]),
        (Settings(n=304), range(176, 305, 16)),
        (Settings(n=672), [*range(208, 465, 16), 672]),
        (Settings(n=673), range(208, 465, 16)),  # never drawn in time
        (Settings(n=0, alpha=1e-9), range(208, 465, 16)),
        (Settings(n=40, alpha=1e-9), [32, 40]),
        (Settings(n=100, alpha=2.0**-15), [*range(16, 97, 16), 100]),  # 16 are just enough
        (Settings(n=100, procedure="two_stage"), []),
    ],
)
def test_the_pairs_of_what_the_deadline_may_leave_are_prefetched(make, table, settings, expected):
    certifier = make(CountingClock(0.001))
    certifier.certify(frame(), Settings(n=160, procedure="two_stage"), KEY)
    assert certifier.pace.typical == pytest.approx(0.001)
    certifier.prefetch(settings, 0.0205)  # twenty chunks, and one that is begun
    assert table.wait(60)
    assert sorted(table._pairs) == [(n, settings.alpha) for n in expected]
    assert all(pair.exact for pair in table._pairs.values())


def test_the_pair_expected_most_is_computed_first(make, table):
    certifier = make(CountingClock(0.001))
    certifier.certify(frame(), Settings(n=160, procedure="two_stage"), KEY)
    certifier.prefetch(Settings(n=0), 0.0205)
    assert next(iter(table._pairs)) == (336, 0.001)


def test_the_largest_n_whose_own_pair_is_kept(make, table):
    certifier = make(CountingClock(0.001))
    certifier.certify(frame(), Settings(n=160, procedure="two_stage"), KEY)
    certifier.prefetch(Settings(n=0), 0.6255)
    assert max(table._pairs) == (10_000, 0.001)
    for n, alpha in ((10_000, 0.01), (10_016, 0.05)):
        certifier._conclude(frame(), Settings(n=0, alpha=alpha), None, counted(0, n, 0))
        assert ((n, alpha) in table._pairs) is (n == 10_000)


def test_warm_up_measures_chunks_of_the_model(make):
    certifier = make(CountingClock(0.001))
    certifier.warm_up(Settings(n=0, procedure="two_stage", n_selection=CHUNK), 0.5)
    assert certifier.pace.typical == pytest.approx(0.001)


def test_before_anything_is_measured_few_pairs_are_prefetched(make, table):
    certifier = make()
    certifier.prefetch(Settings(n=100), 10.0)
    assert table.wait(60)
    assert sorted(n for n, _ in table._pairs) == [*range(16, 97, 16), 100]
    certifier.prefetch(Settings(n=0), 10.0)  # any n at all would fit: none is expected
    assert len(table._pairs) == 7


def test_an_n_too_large_for_its_own_pair_takes_the_standin(make, table):
    certificate = make().certify(frame(), Settings(n=10_016), KEY).certificate
    assert certificate.alpha_bound == standin_pair(10_016, 0.001).alpha_bound
    assert table.wait(60)  # but a fixed n comes again, and then with its own
    again = make().certify(frame(), Settings(n=10_016), KEY).certificate
    assert again.alpha_bound == single_pass_pair(10_016, 0.001).alpha_bound


def test_an_n_of_the_clock_that_is_too_large_is_not_kept(make, table):
    clock = CountingClock(1e-6)
    certifier = make(clock)
    result = certifier.certify(frame(), Settings(n=0), KEY, clock.now + 0.00789)
    n = result.certificate.n_used
    assert n > 10_000
    assert result.certificate.alpha_bound == 0.0005
    assert (n, 0.001) not in table._pairs


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


def test_two_stage_cut_during_the_selection_is_a_missed_deadline(make):
    clock = CountingClock(0.001)
    settings = Settings(n=100, procedure="two_stage", n_selection=20)
    result = make(clock).certify(frame(), settings, KEY, clock.now + 0.009)
    certificate = result.certificate
    assert certificate.status is Status.DEADLINE_MISSED
    assert result.note.startswith("the frame's time was over after ")
    assert result.note.endswith(" samples, at least 10 are needed at alpha = 0.001")
    assert (result.n_requested, result.model_id) == (100, make().engine.model.model_id)


def test_n_zero_without_a_deadline_in_full(make):
    with pytest.raises(ValueError) as error:
        make().certify(frame(), Settings(n=0), KEY)
    assert str(error.value) == "n = 0 takes as many samples as fit before a deadline: give one"


def test_the_least_n_is_enough(make):
    for procedure, least in (("single_pass", 11), ("two_stage", 10), ("runner_up", 16)):
        settings = Settings(n=least, procedure=procedure)
        result = make().certify(frame(strong=255, weak=0), settings, KEY)
        assert result.certificate.status is Status.CERTIFIED
        assert (result.certificate.votes_top, result.class_name) == (least, "green")


def counted(*counts, invalid=0):
    return Votes(np.array(counts), invalid, sum(counts) + invalid)


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


def test_too_late_tells_what_was_drawn(make):
    clock = CountingClock(0.001)
    certifier, settings = make(clock), Settings(n=100, alpha=1e-6)  # which needs 21
    for looks in range(20):  # at the clock, until there is time for one chunk
        result = certifier.certify(frame(), settings, KEY, clock.now + looks * 0.001)
        assert result.certificate.status is Status.DEADLINE_MISSED
        if result.certificate.n_drawn:
            break
    assert result.certificate.n_drawn == CHUNK
    assert result.note.startswith(f"the frame's time was over after {CHUNK} samples")
