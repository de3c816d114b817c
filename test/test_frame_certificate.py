# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from rs_monitor.certification import Status
from rs_monitor.engines import Votes
from rs_monitor.frame_certificate import FrameCertificate, failure, undecodable
from rs_monitor.frames import InvalidFrame, UnsupportedEncoding
from rs_monitor.settings import Settings

SETTINGS = Settings(sigma=0.5, alpha=0.01, n=100, procedure="two_stage", n_selection=7)
NOTHING = dict(class_name="", radius_sensor=0.0)


def test_a_failure_holds_the_settings_and_the_votes_so_far():
    result = failure(Status.DEADLINE_MISSED, "late", SETTINGS)
    certificate = result.certificate
    assert (certificate.status, certificate.reason) == (Status.DEADLINE_MISSED, "late")
    assert (certificate.sigma, certificate.alpha, certificate.procedure) == (
        0.5,
        0.01,
        "two_stage",
    )
    assert (certificate.n_drawn, certificate.votes_invalid) == (0, 0)
    assert result == FrameCertificate(certificate, **NOTHING, n_requested=100, note="late")
    votes = Votes(np.array([4, 3, 0]), 2, 9)
    result = failure(Status.ENGINE_ERROR, "broken", SETTINGS, model_id="abc", votes=votes)
    assert (result.certificate.n_drawn, result.certificate.votes_invalid) == (9, 2)
    assert (result.model_id, result.note) == ("abc", "broken")


def test_what_cannot_be_decoded():
    result = undecodable(UnsupportedEncoding("encoding '32FC3'"), SETTINGS)
    assert result.certificate.status is Status.UNSUPPORTED_ENCODING
    assert (result.note, result.n_requested) == ("encoding '32FC3'", 100)
    result = undecodable(InvalidFrame("step is 3"), SETTINGS)
    assert result.certificate.status is Status.INVALID_INPUT
    assert result.note == "step is 3"


def test_the_message_of_a_failure_names_no_class():
    late = failure(Status.DEADLINE_MISSED, "late", SETTINGS).message_fields()
    assert (late["status"], late["abstain"], late["reason"]) == (3, True, "late")
    assert (late["class_id"], late["class_name"], late["radius_sensor"]) == (-1, "", 0.0)
