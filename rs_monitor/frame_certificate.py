# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A certificate with what only its frame tells, failures included. No ROS."""

from __future__ import annotations

import dataclasses
from typing import Any

from .certification import Certificate, Status
from .engines import Votes
from .frames import FrameError, UnsupportedEncoding
from .settings import Settings

NO_STAMP = "header.stamp is zero: the age of the frame is unknown"  # reason of STALE_INPUT


@dataclasses.dataclass(frozen=True)
class FrameCertificate:
    """A certificate with what only the frame tells.

    Attributes
    ----------
    certificate : Certificate
    class_name : str
        Label of the class; "" when abstaining.
    radius_sensor : float
        Certified L2 radius in the camera frame, pixels in [0, 1]; NaN where not claimed.
    n_requested : int
        Settings.n.
    model_id : str
        Short sha256 of the model; "" when no model looked at the frame.
    note : str
        Why, for a reader: the votes, whether the deadline cut n, or what went wrong.
    """

    certificate: Certificate
    class_name: str = ""
    radius_sensor: float = 0.0
    n_requested: int = 0
    model_id: str = ""
    note: str = ""

    def message_fields(self) -> dict[str, Any]:
        """Return, by name, the fields of Certificate.msg that follow from the certificate."""
        fields = dataclasses.asdict(self.certificate)
        return fields | {
            "status": int(self.certificate.status),
            "abstain": self.certificate.abstain,
            "reason": self.note,
            "class_name": self.class_name,
            "radius_sensor": self.radius_sensor,
            "n_requested": self.n_requested,
            "model_id": self.model_id,
        }


def failure(
    status: Status,
    reason: str,
    settings: Settings,
    *,
    model_id: str = "",
    votes: Votes | None = None,
) -> FrameCertificate:
    """Return the certificate of a frame that could not be certified, saying why."""
    certificate = Certificate.failure(
        status,
        reason,
        sigma=settings.sigma,
        alpha=settings.alpha,
        procedure=settings.procedure,
        n_drawn=votes.n if votes else 0,
        votes_invalid=votes.invalid if votes else 0,
    )
    return FrameCertificate(
        certificate, n_requested=settings.n, model_id=model_id, note=certificate.reason
    )


def undecodable(error: FrameError, settings: Settings) -> FrameCertificate:
    """Return the certificate of a frame that could not be decoded."""
    unsupported = isinstance(error, UnsupportedEncoding)
    status = Status.UNSUPPORTED_ENCODING if unsupported else Status.INVALID_INPUT
    return failure(status, str(error), settings)
