# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The one thread that turns frames into certificates."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from sensor_msgs.msg import Image

from rs_monitor_msgs.msg import Certificate as CertificateMsg

from ..bank import CertifierBank
from ..certification import Status
from ..certifier import NO_STAMP, FrameCertificate, failure, undecodable
from ..engines import noise_key
from ..frames import Frame, FrameError, decode_message
from .configuration import Configuration
from .conversions import (
    NANOSECONDS,
    Circumstances,
    certificate_message,
    debug_image,
    duration_message,
    stamp_nanoseconds,
)
from .slot import LatestSlot, Received, Taken


@dataclasses.dataclass(frozen=True)
class Outlets:
    """Where the worker's results go, as functions, so that it needs no node.

    Attributes
    ----------
    certificate : callable
        Publishes a Certificate message.
    debug_image : callable
        Publishes an Image message.
    debug_wanted : callable
        Whether anybody listens to the debug image.
    error : callable
        Logs a text.
    now : callable
        The node's clock in nanoseconds.
    """

    certificate: Callable[[CertificateMsg], None]
    debug_image: Callable[[Image], None]
    debug_wanted: Callable[[], bool]
    error: Callable[[str], None]
    now: Callable[[], int]


class Worker:
    """Takes frames from a slot, certifies them, publishes one message for each.

    Parameters
    ----------
    slot : LatestSlot
    bank : CertifierBank
        Only this thread certifies with it.
    configuration : callable
        Returns the snapshot in force.
    outlets : Outlets
    topic : str
        Name of the image topic, part of what seeded noise depends on.
    """

    def __init__(
        self,
        slot: LatestSlot,
        bank: CertifierBank,
        configuration: Callable[[], Configuration],
        outlets: Outlets,
        topic: str,
    ) -> None:
        self._slot = slot
        self._bank = bank
        self._configuration = configuration
        self._outlets = outlets
        self._topic = topic
        self._thread = threading.Thread(target=self._run, name="certifier", daemon=True)

    def start(self) -> None:
        """Start the thread; it ends when the slot is closed."""
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; False when the time ran out."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (taken := self._slot.take()) is not None:
            try:
                self._one(taken, self._configuration())
            except Exception as error:  # publishing failed: nothing is left to be said with
                self._outlets.error(f"frame {taken.sequence} is lost: {_one_line(error)}")

    def _one(self, taken: Taken, configuration: Configuration) -> None:
        """Publish one message for a frame, whatever happens to it."""
        received, settings = taken.received, configuration.settings
        deadline = received.steady + configuration.budget
        header = received.message.header
        about = Circumstances(
            header=header,
            region=settings.roi,
            sequence=taken.sequence,
            superseded_total=taken.superseded_total,
            input_age=received.node_time - stamp_nanoseconds(header.stamp),
            budget=round(configuration.budget * NANOSECONDS),
            config_id=configuration.config_id,
        )
        frame = None
        try:
            frame, result = self._certify(taken, configuration, deadline)
            message = certificate_message(result, about)
        except Exception as error:  # whatever a runtime raises: the consumer must hear of it
            self._outlets.error(f"frame {taken.sequence}: {_one_line(error)}")
            result = failure(Status.ENGINE_ERROR, _one_line(error), settings)
            message = certificate_message(result, about)
        late = time.monotonic() - deadline
        if late > 0 and result.certificate.status in (Status.CERTIFIED, Status.ABSTAINED):
            reason = f"the certificate was ready {late * 1e3:.1f} ms after its deadline"
            result = failure(Status.DEADLINE_MISSED, reason, settings, model_id=result.model_id)
            message = certificate_message(result, about)
        spent = time.monotonic() - received.steady
        message.processing_time = duration_message(round(spent * NANOSECONDS))
        self._outlets.certificate(message)
        if configuration["debug.image"] and frame is not None:
            self._show(frame, result, header, configuration["certification.required_radius"])

    def _show(self, frame: Frame, result: FrameCertificate, header, required: float) -> None:
        """Publish the debug image, if anybody looks; its failures do not touch certificates."""
        try:
            if self._outlets.debug_wanted():
                self._outlets.debug_image(debug_image(frame, result, header, required))
        except Exception as error:
            self._outlets.error(f"debug image: {_one_line(error)}")

    def _certify(
        self, taken: Taken, configuration: Configuration, deadline: float
    ) -> tuple[Frame | None, FrameCertificate]:
        """Return the decoded frame, if it could be decoded, and the certificate."""
        settings = configuration.settings
        reason = self._stale(taken.received, configuration["input.max_age"])
        if reason:
            return None, failure(Status.STALE_INPUT, reason, settings)
        try:
            frame = decode_message(taken.received.message, configuration["input.max_pixels"])
        except FrameError as error:
            return None, undecodable(error, settings)
        certifier, _ = self._bank.select(settings.sigma, configuration["input.resolution"])
        seed = configuration["seed"]
        key = noise_key(None if seed < 0 else seed, self._topic, taken.sequence)
        return frame, certifier.certify(frame, settings, key, deadline)

    def _stale(self, received: Received, limit: float) -> str:
        """Return why the frame is too old, or not datable; "" when it is fresh."""
        stamp = stamp_nanoseconds(received.message.header.stamp)
        now = self._outlets.now()
        if stamp == 0:
            return NO_STAMP
        if now == 0:
            return "the node's clock is at zero: use_sim_time is set, but /clock was not heard yet"
        age = (now - stamp) / NANOSECONDS
        if age > limit:
            return f"the frame is {age:.3f} s old, input.max_age is {limit:g} s"
        if age < -limit:
            return f"header.stamp is {-age:.3f} s in the future: the clocks disagree"
        return ""


def _one_line(error: Exception) -> str:
    """Return an exception as ASCII on one line: it goes into a message and a log."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text.encode("ascii", "backslashreplace").decode()
