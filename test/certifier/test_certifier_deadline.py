# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from certifying import CHUNK, KEY, CountingClock, frame
from small_models import LABELS

from rs_monitor.certification import Status
from rs_monitor.frames import Region
from rs_monitor.pacing import RESERVE
from rs_monitor.settings import Settings


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


def test_a_first_frame_without_samples_tells_nothing_of_lateness(make):
    clock = CountingClock(0.0)
    certifier = make(clock)
    certifier.warm_up(Settings(n=CHUNK), 0.05)
    clock.now += 600.0  # until a camera is there
    outside = Settings(n=CHUNK, roi=Region(0, 0, 1000, 1000))
    for _ in range(300):
        assert certifier.certify(frame(), outside, KEY, clock.now + 0.05).certificate.abstain
        certifier.pace.finished()
        clock.now += 0.04
        certifier.certify(frame(), Settings(n=CHUNK), KEY, clock.now + 0.05)
        certifier.pace.finished()
    assert certifier.pace.reserve < RESERVE


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
