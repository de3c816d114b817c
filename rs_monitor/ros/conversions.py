# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates, and what they stand for, to messages."""

from __future__ import annotations

import array
import dataclasses
import math
from typing import Any

import cv2
from builtin_interfaces.msg import Duration, Time
from sensor_msgs.msg import Image, RegionOfInterest

from rs_monitor_msgs.msg import Certificate as CertificateMsg
from rs_monitor_msgs.msg import MonitorInfo

from .. import __version__
from ..bank import CertifierBank
from ..frame_certificate import FrameCertificate
from ..frames import Frame, Region
from .configuration import Configuration

NANOSECONDS = 1_000_000_000
_INT32_MAX = (1 << 31) - 1


def stamp_nanoseconds(stamp: Time) -> int:
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
    budget: int
    config_id: int


def certificate_message(result: FrameCertificate, about: Circumstances) -> CertificateMsg:
    """Fill a Certificate message, all but its processing_time."""
    message = CertificateMsg()
    message.header = about.header
    for name, value in result.message_fields().items():
        setattr(message, name, value)
    if not message.abstain:
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
    message.budget = duration_message(about.budget)
    message.config_id = about.config_id
    return message


def info_message(
    configuration: Configuration, bank: CertifierBank, state: str, stamp: Time
) -> MonitorInfo:
    """Describe what certificates with this configuration's config_id stand for."""
    certifier, _ = bank.select(configuration.settings.sigma, configuration["input.resolution"])
    engine = certifier.engine
    model, identity = engine.model, engine.identity
    seed = configuration["seed"]
    return MonitorInfo(
        stamp=stamp,
        rs_monitor_version=__version__,
        state=state,
        config_id=configuration.config_id,
        model_id=model.model_id,
        model_sha256=model.card.sha256,
        model_path=str(model.card.path),
        model_name=model.card.name,
        labels=list(model.card.labels),
        input_height=model.height,
        input_width=model.width,
        pixel_min=0.0,
        pixel_max=1.0,
        preprocessing=("crop, " if configuration.settings.roi else "") + "area resize in float32",
        color_order="RGB",
        sigma_trained=model.card.sigma,
        family_members=[f"{card.path} ({size})" for card, size in bank.loaded],
        backend=identity.backend,
        backend_version=identity.version,
        device=identity.device,
        precision=identity.precision,
        seed_policy="the operating system's entropy, 128 bits a frame"
        if seed < 0
        else f"reproducible, seed {seed}: not for operation",
        chunk_size=engine.max_batch,
        parameter_names=list(configuration.values),
        parameter_values=[str(value) for value in configuration.values.values()],
    )


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
        shown = math.floor(certificate.radius * 1e3) / 1e3  # never more than is certified
        text = f"{result.class_name} {shown:.3f}"
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
