# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Messages to frames, certificates to messages."""

from __future__ import annotations

import array
import dataclasses
from typing import Any

import cv2
from builtin_interfaces.msg import Duration
from rs_monitor_msgs.msg import Certificate as CertificateMsg
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest

from ..certifier import FrameCertificate
from ..frames import Frame, Region, decode_compressed, decode_image

NANOSECONDS = 1_000_000_000
_INT32_MAX = (1 << 31) - 1


def frame_from_message(message: Image | CompressedImage, max_pixels: int) -> Frame:
    """Decode an image message.

    Raises
    ------
    FrameError
        UnsupportedEncoding or InvalidFrame, with the reason.
    """
    if isinstance(message, CompressedImage):
        return decode_compressed(message.data, format=message.format, max_pixels=max_pixels)
    return decode_image(
        message.data,
        encoding=message.encoding,
        height=message.height,
        width=message.width,
        step=message.step,
        is_bigendian=bool(message.is_bigendian),
        max_pixels=max_pixels,
    )


def stamp_nanoseconds(stamp: Any) -> int:
    """Return a builtin_interfaces/Time in nanoseconds."""
    return stamp.sec * NANOSECONDS + stamp.nanosec


def duration_message(nanoseconds: int) -> Duration:
    """Return a builtin_interfaces/Duration, saturated at what it can hold."""
    seconds, rest = divmod(int(nanoseconds), NANOSECONDS)
    if seconds > _INT32_MAX:
        return Duration(sec=_INT32_MAX, nanosec=NANOSECONDS - 1)
    if seconds < -_INT32_MAX - 1:
        return Duration(sec=-_INT32_MAX - 1, nanosec=0)
    return Duration(sec=seconds, nanosec=rest)


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """What the node knows about a frame beside its certificate. Times in nanoseconds."""

    header: Any
    region: Region | None
    sequence: int
    superseded_total: int
    input_age: int
    processing_time: int
    budget: int
    config_id: int


def certificate_message(result: FrameCertificate, about: Circumstances) -> CertificateMsg:
    """Fill a Certificate message."""
    certificate = result.certificate
    message = CertificateMsg()
    message.header = about.header
    message.status = int(certificate.status)
    message.abstain = certificate.abstain
    message.reason = result.note
    message.class_id = certificate.class_id
    message.class_name = result.class_name
    message.radius_sensor = result.radius_sensor
    for name in (
        "radius",
        "radius_cap",
        "p_lower",
        "votes_top",
        "votes_runner_up",
        "votes_invalid",
        "votes_required",
        "n_selection",
        "n_used",
        "n_drawn",
        "sigma",
        "alpha",
        "alpha_bound",
        "randomization",
        "procedure",
    ):
        setattr(message, name, getattr(certificate, name))
    message.n_requested = result.n_requested
    if not certificate.abstain:
        message.reference_stamp = about.header.stamp
    if about.region is not None:
        message.region = RegionOfInterest(
            x_offset=about.region.x,
            y_offset=about.region.y,
            width=about.region.width,
            height=about.region.height,
        )
    message.sequence = about.sequence
    message.superseded_total = about.superseded_total
    message.input_age = duration_message(about.input_age)
    message.processing_time = duration_message(about.processing_time)
    message.budget = duration_message(about.budget)
    message.model_id = result.model_id
    message.config_id = about.config_id
    return message


def debug_image(frame: Frame, result: FrameCertificate, header: Any, required: float) -> Image:
    """Draw the certificate onto a small copy of the frame, rgb8."""
    scale = min(1.0, 320 / max(frame.height, frame.width))
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    canvas = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
    canvas = cv2.copyMakeBorder(canvas, 0, 24, 0, max(0, 320 - size[0]), cv2.BORDER_CONSTANT)
    certificate = result.certificate
    enough = not certificate.abstain and certificate.radius >= required
    text = certificate.status.name.lower()
    if not certificate.abstain:
        text = f"{result.class_name} {certificate.radius:.3f}"
    color = (60, 220, 60) if enough else (240, 80, 60)
    place = (4, canvas.shape[0] - 7)
    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)
    return Image(
        header=header,
        height=canvas.shape[0],
        width=canvas.shape[1],
        encoding="rgb8",
        step=canvas.shape[1] * 3,
        data=array.array("B", canvas.tobytes()),
    )

