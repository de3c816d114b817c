# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from rs_monitor.evaluation.soak import NANOSECONDS, Sample, soak_text, summarise_soak

PERIOD = 0.04
START = 1_700_000_000 * NANOSECONDS
COUNT = 3 * 60 * 25  # three minutes


def stamp(number):
    return START + number * 40_000_000


def certificate(number, **fields):
    values = {
        "stamp_ns": stamp(number),
        "sequence": number + 1,
        "superseded_total": 0,
        "status": "CERTIFIED",
        "n_used": 200,
        "processing_time_ns": 25_000_000,
        "budget_ns": 32_000_000,
        "latency": 0.026,
        "safe": True,
        "class_name": "stop",
        "radius": 0.3,
    }
    return values | fields


def summary(changes=(), memory=lambda second: 200e6, files=lambda second: 18, sent=COUNT):
    certificates = [certificate(number) for number in range(COUNT)]
    for number, fields in changes:
        certificates[number] |= fields
    return summarise_soak(
        [{"frame": number, "stamp_ns": stamp(number)} for number in range(sent)],
        certificates,
        [
            Sample("node", START + second * NANOSECONDS, int(memory(second)), files(second))
            for second in range(0, 180, 5)
        ],
        period=PERIOD,
        warm_up=60.0,
    )


def failed(summary):
    return [what for what, met in summary["verdicts"].items() if not met]


def test_a_good_run():
    found = summary()
    assert failed(found) == []
    assert found["seconds"] == pytest.approx(180.0)
    assert found["statuses"] == {"CERTIFIED": COUNT}
    assert [row["sent"] for row in found["minutes"]] == [1500, 1500, 1500]
    assert found["after_warm_up"]["frames_sent"] == COUNT - 1500
    assert found["after_warm_up"]["processing_ms"]["p99.9"] == pytest.approx(25.0)
    assert found["resources"]["node"]["memory_range_mb"] == 0.0
    text = soak_text(found)
    assert f"{COUNT} frames sent in 180 s, {COUNT} certificates" in text
    assert "NO" not in text


def test_time_that_a_hypervisor_took_is_told_by_the_minute():
    certificates = [certificate(number) for number in range(COUNT)]
    found = summarise_soak(
        [{"frame": number, "stamp_ns": stamp(number)} for number in range(COUNT)],
        certificates,
        [Sample("node", START + 100 * NANOSECONDS, 1, 1)],
        period=PERIOD,
        warm_up=60.0,
        # Beginning at 7 s stolen since the machine was started; nothing is known of minute 1.
        stolen=[(START + s * NANOSECONDS, 7 + s / 100) for s in (0, 5, 55, 125, 175)],
    )
    assert [row["stolen_s"] for row in found["minutes"]] == pytest.approx([0.55, 0.0, 1.2])
    assert "stolen s" in soak_text(found)


def test_late_certificates_count_after_the_warm_up_only():
    late = {"processing_time_ns": 50_000_000, "status": "DEADLINE_MISSED"}
    assert failed(summary([(number, late) for number in range(100)])) == []
    found = summary([(number, late) for number in range(2000, 2004)])
    assert found["after_warm_up"]["deadline_missed"] == 4
    assert failed(found) == [
        "deadline misses in at most 0.1 % of the frames",
        "p99.9 of reception to certificate inside the period",
    ]
    assert "NO  p99.9" in soak_text(found)


def test_a_certificate_that_is_late_without_saying_so_is_missed():
    found = summary([(2000, {"processing_time_ns": 33_000_000})])
    assert found["after_warm_up"]["deadline_missed"] == 1


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"memory": lambda second: 200e6 + 0.2e6 * second}, "resident memory"),
        ({"files": lambda second: 18 + second // 60}, "open files"),
        ({"changes": [(7, {"stamp_ns": stamp(8)})]}, "every frame accounted"),
        ({"changes": [(k, {"n_used": 140}) for k in range(1500, COUNT)]}, "median n"),
    ],
)
def test_what_is_not_met_is_said(options, what):
    (problem,) = failed(summary(**options))
    assert what in problem


def test_memory_that_grows_before_the_end_of_the_warm_up_is_none():
    found = summary(memory=lambda second: 100e6 + 2e6 * min(second, 60))
    assert failed(found) == []
    assert found["resources"]["node"]["memory_slope_mb_per_hour"] == pytest.approx(0.0, abs=1e-6)


def test_lost_frames_are_told():
    found = summary(sent=COUNT + 3)
    assert (found["frames_sent"], found["lost_in_transport"]) == (COUNT + 3, 3)


def test_a_run_shorter_than_the_warm_up_is_an_error():
    with pytest.raises(ValueError, match="warm-up of 60 s"):
        summarise_soak([], [], [], period=PERIOD, warm_up=60.0)
