# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from rs_monitor.certification import Status, single_pass, two_stage
from rs_monitor.frame_certificate import FrameCertificate, failure
from rs_monitor.frames import Frame, Region
from rs_monitor.ros.conversions import (
    Circumstances,
    certificate_message,
    debug_image,
    duration_message,
    stamp_nanoseconds,
)
from rs_monitor.settings import Settings
from rs_monitor_msgs.msg import Certificate as CertificateMsg

HEADER = Header(stamp=Time(sec=3, nanosec=4), frame_id="camera")


def circumstances(**changes):
    values = {
        "header": HEADER,
        "region": None,
        "sequence": 7,
        "superseded_total": 2,
        "input_age": 1_500_000_000,
        "budget": 32_000_000,
        "config_id": 9,
    } | changes
    return Circumstances(**values)


def test_statuses_are_numbered_as_in_the_message():
    for status in Status:
        assert getattr(CertificateMsg, status.name) == status.value
    assert CertificateMsg().status == Status.UNKNOWN  # a zeroed message never reads as safe


@pytest.mark.parametrize(
    "nanoseconds, expected",
    [
        (0, (0, 0)),
        (1_500_000_000, (1, 500_000_000)),
        (-1, (-1, 999_999_999)),
        (-(10**30), (-(2**31), 0)),
        (10**30, (2**31 - 1, 999_999_999)),
    ],
)
def test_durations_saturate(nanoseconds, expected):
    message = duration_message(nanoseconds)
    assert (message.sec, message.nanosec) == expected


def test_stamps():
    assert stamp_nanoseconds(Time(sec=-1, nanosec=5)) == -999_999_995


def test_a_certificate_is_carried_over_whole():
    certificate = single_pass(np.array([1, 98, 0]), sigma=0.25, alpha=0.001, invalid=1)
    result = FrameCertificate(
        certificate,
        class_name="green",
        radius_sensor=1.5,
        n_requested=100,
        model_id="0123456789ab",
        note="a note",
    )
    region = Region(1, 2, 3, 4)
    message = certificate_message(result, circumstances(region=region))
    assert message.header == HEADER
    assert (message.status, message.abstain) == (CertificateMsg.CERTIFIED, False)
    assert (message.class_id, message.class_name) == (1, "green")
    for name in ("radius", "radius_cap", "p_lower", "alpha_bound", "sigma", "alpha"):
        assert getattr(message, name) == getattr(certificate, name) > 0
    assert message.radius_sensor == 1.5
    assert (message.votes_top, message.votes_runner_up, message.votes_invalid) == (98, 1, 1)
    assert message.votes_required == certificate.votes_required
    assert (message.n_selection, message.n_used, message.n_drawn) == (0, 100, 100)
    assert (message.n_requested, message.procedure) == (100, "single_pass")
    assert math.isnan(message.randomization)
    assert message.reference_stamp == HEADER.stamp
    assert message.reference_distance == 0
    found = message.region
    assert (found.x_offset, found.y_offset, found.width, found.height) == region
    assert (message.sequence, message.superseded_total, message.config_id) == (7, 2, 9)
    assert (message.input_age.sec, message.budget.nanosec) == (1, 32_000_000)
    assert (message.model_id, message.reason) == ("0123456789ab", "a note")


def test_the_selection_of_two_stages_is_carried_over():
    certificate = two_stage(np.array([0, 32]), np.array([1, 99]), sigma=0.25, alpha=0.001)
    message = certificate_message(FrameCertificate(certificate), circumstances())
    assert (message.n_selection, message.procedure) == (32, "two_stage")


def test_a_failure_claims_nothing():
    result = failure(Status.STALE_INPUT, "too old", Settings())
    message = certificate_message(result, circumstances())
    assert (message.status, message.abstain) == (CertificateMsg.STALE_INPUT, True)
    assert (message.class_id, message.class_name, message.radius) == (-1, "", 0.0)
    assert message.reason == "too old"
    assert message.reference_stamp == Time()
    assert message.region.width == 0


@pytest.mark.parametrize("shape", [(1, 1), (1000, 3), (3, 4000), (480, 640)])
def test_debug_image_of_any_shape(shape):
    frame = Frame(np.full((*shape, 3), 90, np.uint8), "rgb8", 1.0)
    certificate = single_pass(np.array([1, 99]), sigma=0.25, alpha=0.001)
    result = FrameCertificate(certificate, class_name="green")
    message = debug_image(frame, result, HEADER, 0.1)
    assert message.header == HEADER
    assert message.encoding == "rgb8" and message.step == 3 * message.width
    assert len(message.data) == message.step * message.height
    assert max(message.width, message.height) <= 344
