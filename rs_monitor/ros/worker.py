# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The one thread that turns frames into certificates."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from ..bank import CertifierBank
from ..certification import Status
from ..certifier import FrameCertificate, failure
from ..engines import KEY_BYTES
from ..frames import Frame, FrameError, UnsupportedEncoding
from .conversions import (
    NANOSECONDS,
    Circumstances,
    certificate_message,
    debug_image,
    frame_from_message,
    stamp_nanoseconds,
)
from .parameters import Configuration
from .slot import LatestSlot, Received


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

    certificate: Callable[[Any], None]
    debug_image: Callable[[Any], None]
    debug_wanted: Callable[[], bool]
    error: Callable[[str], None]
    now: Callable[[], int]


class Worker:
    """Takes frames from a slot, certifies them, publishes one message for each.

    Parameters
    ----------
    slot : LatestSlot
    bank : CertifierBank
        Used by this thread only.
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
        self._sequence = 0
        self._thread = threading.Thread(target=self._run, name="certifier", daemon=True)

    def start(self) -> None:
        """Start the thread; it ends when the slot is closed."""
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            received = self._slot.take()
            if received is None:
                return
            self._sequence += 1
            try:
                self._one(received, self._configuration())
            except Exception as error:  # the node goes on whatever one frame does
                self._outlets.error(f"frame {self._sequence}: {type(error).__name__}: {error}")

    def _one(self, received: Received, configuration: Configuration) -> None:
        deadline = received.steady + configuration.budget
        frame, result = self._certify(received, configuration, deadline)
        if time.monotonic() > deadline and result.certificate.status in (
            Status.CERTIFIED,
            Status.ABSTAINED,
        ):
            late = (time.monotonic() - deadline) * 1e3
            result = failure(
                Status.DEADLINE_MISSED,
                f"the certificate was ready {late:.1f} ms after its deadline",
                configuration.settings,
                model_id=result.model_id,
            )
        header = received.message.header
        about = Circumstances(
            header=header,
            region=configuration.settings.roi,
            sequence=self._sequence,
            superseded_total=self._slot.superseded,
            input_age=received.node_time - stamp_nanoseconds(header.stamp),
            processing_time=round((time.monotonic() - received.steady) * NANOSECONDS),
            budget=round(configuration.budget * NANOSECONDS),
            config_id=configuration.config_id,
        )
        self._outlets.certificate(certificate_message(result, about))
        if configuration["debug.image"] and frame is not None and self._outlets.debug_wanted():
            required = configuration["certification.required_radius"]
            self._outlets.debug_image(debug_image(frame, result, header, required))

    def _certify(
        self, received: Received, configuration: Configuration, deadline: float
    ) -> tuple[Frame | None, FrameCertificate]:
        """Return the decoded frame, if it could be decoded, and the certificate."""
        settings = configuration.settings
        reason = self._stale(received, configuration)
        if reason:
            return None, failure(Status.STALE_INPUT, reason, settings)
        try:
            frame = frame_from_message(received.message, configuration["input.max_pixels"])
        except UnsupportedEncoding as error:
            return None, failure(Status.UNSUPPORTED_ENCODING, str(error), settings)
        except FrameError as error:
            return None, failure(Status.INVALID_INPUT, str(error), settings)
        try:
            certifier, _ = self._bank.select(settings.sigma, configuration["input.resolution"])
            key = self._key(configuration["seed"])
            return frame, certifier.certify(frame, settings, key, deadline)
        except Exception as error:  # anything an engine's runtime may raise is the engine's error
            reason = f"{type(error).__name__}: {error}"
            self._outlets.error(f"frame {self._sequence}: {reason}")
            return frame, failure(Status.ENGINE_ERROR, reason, settings)

    def _stale(self, received: Received, configuration: Configuration) -> str:
        """Return why the frame is too old, or not datable; "" when it is fresh."""
        stamp = stamp_nanoseconds(received.message.header.stamp)
        limit = configuration["input.max_age"]
        if stamp == 0:
            return "header.stamp is zero: the age of the frame is unknown"
        age = (self._outlets.now() - stamp) / NANOSECONDS
        if age > limit:
            return f"the frame is {age:.3f} s old, input.max_age is {limit:g} s"
        if age < -limit:
            return f"header.stamp is {-age:.3f} s in the future: the clocks disagree"
        return ""

    def _key(self, seed: int) -> bytes:
        """Return this frame's noise key."""
        if seed < 0:
            return os.urandom(KEY_BYTES)
        text = f"{seed}/{self._topic}/{self._sequence}".encode()
        return hashlib.blake2b(text, digest_size=KEY_BYTES).digest()
