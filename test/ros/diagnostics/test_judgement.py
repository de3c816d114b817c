# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Levels at the borders of their limits, and what is said."""

from collections import Counter

import pytest

from rs_monitor.certification import Status
from rs_monitor.engine_state import EngineStage, EngineState
from rs_monitor.parameters import PARAMETERS
from rs_monitor.ros.configuration import make_configuration
from rs_monitor.ros.diagnostics import Level
from rs_monitor.ros.diagnostics.input import Camera, judge_input
from rs_monitor.ros.diagnostics.judgement import (
    judge_certification,
    judge_deadline,
    judge_engine,
)
from rs_monitor.ros.diagnostics.statistics import Counts, Summary

TOPIC = "/rs/image"
CAMERAS = (Camera("/camera"),)
DEFECT = Camera("/old", "incompatible QoS: reliability")
ABOUT = {"backend": "openvino", "precision": "bf16", "device": "CPU", "model": "signs"}
READY = EngineState(EngineStage.READY)


def configuration(**changes):
    values = {parameter.name: parameter.default for parameter in PARAMETERS}
    return make_configuration(values | {k.replace("__", "."): v for k, v in changes.items()}, 1)


def counts(images=100, lost=0, superseded=0, late=0, **statuses):
    found = Counter({Status[name]: number for name, number in statuses.items()})
    return Counts(images, lost, superseded, late, found)


def summary(window=None, **changes):
    window = counts(CERTIFIED=100) if window is None else window
    values = {
        "span": 5.0,
        "window": window,
        "total": window,
        "listening": 60.0,
        "image_age": 0.02,
        "rate": 25.0,
        "settled": True,
        "encoding": "rgb8",
        "size": "640x480",
        "latencies": (0.020, 0.022, 0.024, 0.025, 0.026),
        "radius": 0.25,
        "n_used": 200.0,
        "radius_cap": 0.5,
    } | changes
    return Summary(**values)


def told_input(window=None, cameras=CAMERAS, settings=None, **changes):
    return judge_input(summary(window, **changes), configuration(**settings or {}), TOPIC, cameras)


@pytest.mark.parametrize(
    "changes, level, said",
    [
        ({}, Level.OK, "25.0 Hz rgb8 640x480"),
        ({"listening": None, "image_age": None}, Level.STALE, "the node is not active"),
        ({"listening": 1.0, "image_age": None}, Level.STALE, "waiting for the first image"),
        ({"listening": 1.01, "image_age": None}, Level.ERROR, "nothing comes from /camera"),
        ({"image_age": 1.0}, Level.OK, "Hz"),
        ({"image_age": 1.01}, Level.ERROR, "no image for 1.0 s: nothing comes from /camera"),
        ({"image_age": 1.01, "settings": {"diagnostics__silence": 2.0}}, Level.OK, "Hz"),
        # A slow camera is not silent between two frames.
        ({"image_age": 4.0, "rate": 0.5, "settings": {"timing__frame_period": 2.0}}, 0, "Hz"),
        ({"image_age": 4.1, "settings": {"timing__frame_period": 2.0}}, Level.ERROR, "4.1 s"),
        ({"image_age": 9.0, "cameras": ()}, Level.ERROR, "no publisher on /rs/image"),
        ({"image_age": 9.0, "cameras": (DEFECT,)}, Level.ERROR, "publisher /old: incompatible"),
        ({"image_age": 9.0, "cameras": (DEFECT, *CAMERAS)}, Level.ERROR, "comes from /camera"),
        ({"cameras": (DEFECT, *CAMERAS)}, Level.WARN, "publisher /old: incompatible QoS"),
        ({"rate": 20.0}, Level.OK, "20.0 Hz"),
        ({"rate": 19.9}, Level.WARN, "19.9 Hz, 25.0 Hz are expected (timing.frame_period)"),
        ({"rate": 19.9, "settled": False}, Level.OK, "19.9 Hz"),
        ({"rate": 19.9, "settings": {"diagnostics__min_rate_fraction": 0.79}}, Level.OK, "Hz"),
        ({"rate": 200.0}, Level.OK, "200.0 Hz"),
    ],
    ids=str,
)
def test_images_that_come_or_not(changes, level, said):
    report = told_input(**changes)
    assert report.level == level
    assert said in report.message
    assert report.values["topic"] == TOPIC


@pytest.mark.parametrize(
    "window, level, said",
    [
        (counts(95, lost=5, CERTIFIED=95), Level.OK, "Hz"),
        (counts(94, lost=6, CERTIFIED=94), Level.WARN, "6.0 % of the frames lost by DDS"),
        (counts(50, lost=50, CERTIFIED=50), Level.WARN, "lost"),
        (counts(49, lost=51, CERTIFIED=49), Level.ERROR, "51.0 % of the frames lost by DDS"),
        (counts(CERTIFIED=95, STALE_INPUT=5), Level.OK, "Hz"),
        (counts(CERTIFIED=94, STALE_INPUT=6), Level.WARN, "6.0 % of the frames stale"),
        (counts(STALE_INPUT=100), Level.ERROR, "100.0 % of the frames stale"),
        (counts(CERTIFIED=94, INVALID_INPUT=6), Level.WARN, "frames undecodable (rgb8)"),
        (
            counts(CERTIFIED=45, INVALID_INPUT=25, UNSUPPORTED_ENCODING=30),
            Level.ERROR,
            "55.0 % of the frames undecodable (rgb8)",
        ),
        (counts(superseded=5, CERTIFIED=95), Level.OK, "Hz"),
        (counts(superseded=900, CERTIFIED=100), Level.WARN, "90.0 % of the frames superseded"),
        (counts(ENGINE_ERROR=50, DEADLINE_MISSED=50), Level.OK, "Hz"),  # not the camera's fault
    ],
    ids=str,
)
def test_images_of_no_use(window, level, said):
    report = told_input(window)
    assert report.level == level
    assert said in report.message


def test_all_input_problems_are_said_the_worst_first():
    window = counts(40, lost=60, CERTIFIED=20, STALE_INPUT=20)
    report = told_input(window, (DEFECT, *CAMERAS), rate=8.0)
    assert report.level == Level.ERROR
    assert report.message.startswith("60.0 % of the frames lost by DDS; publisher /old")
    assert "8.0 Hz" in report.message and "50.0 % of the frames stale" in report.message
    assert report.values["lost in window"] == report.values["lost"] == "60"
    assert report.values["publishers"] == "2"
    assert report.values["publishers with incompatible QoS or type"] == "1"


@pytest.mark.parametrize(
    "changes, level, said",
    [
        ({}, Level.OK, "p99 24.0 ms of 32.0 ms"),
        ({"window": counts(CERTIFIED=95, DEADLINE_MISSED=5)}, Level.OK, "p99"),
        ({"window": counts(CERTIFIED=94, DEADLINE_MISSED=6)}, Level.WARN, "6.0 % of the frames"),
        ({"window": counts(CERTIFIED=50, DEADLINE_MISSED=50)}, Level.WARN, "missed the deadline"),
        ({"window": counts(CERTIFIED=49, DEADLINE_MISSED=51)}, Level.ERROR, "51.0 %"),
        (
            {"window": counts(late=30, ENGINE_ERROR=70, DEADLINE_MISSED=30)},
            Level.ERROR,
            "60.0 % of the frames missed the deadline",
        ),
        ({"window": counts(0), "latencies": ()}, Level.STALE, "no certificate in the last 5 s"),
        ({"unanswered": 1.0}, Level.OK, "p99"),
        ({"unanswered": 1.1}, Level.ERROR, "images come, but no certificate for 1.1 s"),
        ({"unanswered": 9.0, "window": counts(), "latencies": ()}, Level.ERROR, "for 9.0 s"),
    ],
    ids=str,
)
def test_deadlines(changes, level, said):
    report = judge_deadline(summary(**changes), configuration())
    assert report.level == level
    assert said in report.message


def test_latencies_are_told():
    values = judge_deadline(summary(), configuration()).values
    assert [values[f"latency {name} (ms)"] for name in ("p50", "p95", "p99", "p99.9")] == [
        "20",
        "22",
        "24",
        "25",
    ]
    assert values["latency largest (ms)"] == "26"
    assert values["budget (ms)"] == "32"


FAILED = {stage: EngineState(stage, 2, 7, "it hangs") for stage in EngineStage}


@pytest.mark.parametrize(
    "state, window, about, level, said",
    [
        (READY, counts(CERTIFIED=100), ABOUT, Level.OK, "openvino bf16 on CPU"),
        (EngineState(), counts(0), {}, Level.STALE, "closed"),
        (
            EngineState(EngineStage.OPENING, detail="42 % built"),
            counts(0),
            {},
            Level.WARN,
            "opening: 42 % built",
        ),
        (EngineState(EngineStage.REOPENING), counts(CERTIFIED=9), ABOUT, Level.ERROR, "re-open"),
        (EngineState(EngineStage.GIVEN_UP), counts(CERTIFIED=9), ABOUT, Level.ERROR, "given up"),
        *(
            (
                state,
                counts(CERTIFIED=9),
                ABOUT,
                Level.WARN if stage is EngineStage.READY else Level.ERROR,
                f"{stage.value} after 2 failure(s) in a row: it hangs",
            )
            for stage, state in FAILED.items()
        ),
        (
            READY,
            counts(CERTIFIED=99, ENGINE_ERROR=1),
            ABOUT,
            Level.WARN,
            "1 of 100 frames failed in it",
        ),
        (READY, counts(CERTIFIED=50, ENGINE_ERROR=50), ABOUT, Level.WARN, "50.0 %"),
        (READY, counts(CERTIFIED=49, ENGINE_ERROR=51), ABOUT, Level.ERROR, "51.0 %"),
        (READY, counts(DEADLINE_MISSED=50, INVALID_INPUT=50), ABOUT, Level.OK, "openvino"),
    ],
    ids=str,
)
def test_engines(state, window, about, level, said):
    report = judge_engine(state, summary(window), configuration(), about)
    assert report.level == level
    assert said in report.message
    assert report.values["stage"] == state.stage.value
    assert report.values["backend"] == about.get("backend", "none")


@pytest.mark.parametrize(
    "changes, settings, level, said",
    [
        ({}, {}, Level.OK, "100.0 % certified, 0.0 % abstained, mean radius 0.250"),
        ({"window": counts(CERTIFIED=50, ABSTAINED=50)}, {}, Level.OK, "50.0 % abstained"),
        ({"window": counts(CERTIFIED=49, ABSTAINED=51)}, {}, Level.WARN, "49.0 % certified"),
        (
            {"window": counts(ABSTAINED=100), "radius": None},
            {"diagnostics__min_certified_fraction": 0.0},
            Level.OK,
            "100.0 % abstained",
        ),
        ({"window": counts(ENGINE_ERROR=9), "radius": None}, {}, Level.WARN, "0.0 % certified"),
        ({"window": counts(0), "radius": None}, {}, Level.STALE, "no certificate in the last"),
        ({}, {"certification__required_radius": 0.5}, Level.OK, "mean radius"),
        ({}, {"certification__required_radius": 0.51}, Level.WARN, "0.51 is above 0.500"),
    ],
    ids=str,
)
def test_certification(changes, settings, level, said):
    report = judge_certification(summary(**changes), configuration(**settings))
    assert report.level == level
    assert said in report.message


def test_shares_of_certificates_are_told():
    window = counts(CERTIFIED=60, ABSTAINED=25, DEADLINE_MISSED=10, STALE_INPUT=5)
    values = judge_certification(summary(window), configuration()).values
    shares = [values[f"{what} (%)"] for what in ("certified", "abstained", "failed")]
    assert shares == ["60", "25", "15"]
    assert values["mean radius of the certified"] == "0.25"
    assert (values["median n"], values["median cap of the radius"]) == ("200", "0.5")


def test_hostile_text_of_a_camera_stays_one_line_of_ascii():
    report = told_input(encoding="r\ngb\x00\u202e" * 1000, size="\ud800")
    for text in (report.message, *report.values.values()):
        assert text.isascii() and text.isprintable() and len(text) <= 512
