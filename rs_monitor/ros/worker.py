# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that turns frames into certificates."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from sensor_msgs.msg import Image

from rs_monitor_msgs.msg import Certificate as CertificateMsg

from ..bank import CertifierBank
from ..certification import Status
from ..certifier import Certifier
from ..engine_keeper import EngineKeeper
from ..engines import noise_key
from ..frame_certificate import NO_STAMP, FrameCertificate, failure, undecodable
from ..frames import Frame, FrameError, decode_message
from ..pacing import ChunkPace
from ..refitting import Refitter
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


@dataclasses.dataclass(frozen=True)
class Inference:
    """What a worker is doing with the engines.

    Attributes
    ----------
    taken : Taken
        The frame.
    bank : CertifierBank
        The engines it was lent.
    certifier : Certifier
        The one of them that is certifying.
    """

    taken: Taken
    bank: CertifierBank
    certifier: Certifier


class Worker:
    """Takes frames from a slot, certifies them, publishes one message for each.

    Parameters
    ----------
    slot : LatestSlot
    keeper : EngineKeeper
        Lends the engines; while there are none, frames are answered with ENGINE_ERROR.
    refitter : Refitter
        Exchanges those whose chunks no longer fit.
    configuration : callable
        Returns the snapshot in force.
    outlets : Outlets
    topic : str
        Name of the image topic, part of what seeded noise depends on.

    Attributes
    ----------
    inference : Inference or None
        In progress; read by the watchdog's thread.
    """

    def __init__(
        self,
        slot: LatestSlot,
        keeper: EngineKeeper,
        refitter: Refitter,
        configuration: Callable[[], Configuration],
        outlets: Outlets,
        topic: str,
    ) -> None:
        self.inference: Inference | None = None
        self._slot = slot
        self._keeper = keeper
        self._refitter = refitter
        self._configuration = configuration
        self._outlets = outlets
        self._topic = topic
        self._retired = False
        self._lent: CertifierBank | None = None
        self._pace: ChunkPace | None = None  # of the frame in progress
        self._thread = threading.Thread(target=self._run, name="certifier", daemon=True)

    def start(self) -> None:
        """Start the thread; it ends when the slot is closed."""
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; False when the time ran out."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def retire(self, inference: Inference, reason: str) -> bool:
        """Answer the frame of an inference that does not return, and have the thread end after it.

        Called by the watchdog.

        Returns
        -------
        bool
            False when the inference has just returned: then nothing is done.
        """
        if not self._slot.claim(inference.taken):
            return False
        self._retired = True
        configuration = self._configuration()
        self._outlets.error(f"frame {inference.taken.sequence}: {reason}")
        result = failure(Status.ENGINE_ERROR, reason, configuration.settings)
        self._publish(inference.taken, configuration, result)
        self._slot.done(inference.taken)
        return True

    def _run(self) -> None:
        while not self._retired and (taken := self._slot.take()) is not None:
            self._one(taken, self._configuration())

    def _one(self, taken: Taken, configuration: Configuration) -> None:
        """Publish one message for a frame, whatever happens to it."""
        settings, frame = configuration.settings, None
        try:
            frame, result = self._certify(taken, configuration)
        except Exception as error:  # whatever a library raises: the consumer must hear of it
            self._outlets.error(f"frame {taken.sequence}: {_one_line(error)}")
            result = failure(Status.ENGINE_ERROR, _one_line(error), settings)
        if not self._slot.claim(taken):  # the watchdog has answered: another worker goes on
            self._retired = True
            if self._lent is not None:
                self._keeper.returned(self._lent)
            return
        published = self._publish(taken, configuration, result)
        if self._pace is not None:
            self._pace.finished()
            self._pace = None
        if published and configuration["debug.image"] and frame is not None:
            header = taken.received.message.header
            self._show(frame, result, header, configuration["certification.required_radius"])
        self._slot.done(taken)

    def _publish(
        self, taken: Taken, configuration: Configuration, result: FrameCertificate
    ) -> bool:
        """Publish the certificate of a frame that was claimed; whether that succeeded."""
        try:
            message = self._message(taken, configuration, result)
            self._outlets.certificate(message)
            return True
        except Exception as error:  # publishing failed: nothing is left to be said with
            self._outlets.error(f"frame {taken.sequence} is lost: {_one_line(error)}")
            return False

    def _message(
        self, taken: Taken, configuration: Configuration, result: FrameCertificate
    ) -> CertificateMsg:
        """Return the message of a certificate, which may have become late meanwhile."""
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
        try:
            message = certificate_message(result, about)
        except Exception as error:  # a result that the message cannot hold
            result = failure(Status.ENGINE_ERROR, _one_line(error), settings)
            message = certificate_message(result, about)
        late = time.monotonic() - deadline
        if late > 0 and result.certificate.status in (Status.CERTIFIED, Status.ABSTAINED):
            reason = f"the certificate was ready {late * 1e3:.1f} ms after its deadline"
            result = failure(Status.DEADLINE_MISSED, reason, settings, model_id=result.model_id)
            message = certificate_message(result, about)
        spent = time.monotonic() - received.steady
        message.processing_time = duration_message(round(spent * NANOSECONDS))
        return message

    def _show(self, frame: Frame, result: FrameCertificate, header, required: float) -> None:
        """Publish the debug image, if anybody looks; its failures do not touch certificates."""
        try:
            if self._outlets.debug_wanted():
                self._outlets.debug_image(debug_image(frame, result, header, required))
        except Exception as error:
            self._outlets.error(f"debug image: {_one_line(error)}")

    def _certify(
        self, taken: Taken, configuration: Configuration
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
        bank, reason = self._keeper.lend()
        if bank is None:
            return frame, failure(Status.ENGINE_ERROR, reason, settings)
        return frame, self._infer(taken, frame, bank, configuration)

    def _infer(
        self, taken: Taken, frame: Frame, bank: CertifierBank, configuration: Configuration
    ) -> FrameCertificate:
        """Certify with the engines, and tell their keeper how they did."""
        settings = configuration.settings
        certifier, _ = bank.select(settings.sigma, configuration["input.resolution"])
        certifier = self._refitter.certifier_for(bank, certifier, settings, configuration.budget)
        seed = configuration["seed"]
        key = noise_key(None if seed < 0 else seed, self._topic, taken.sequence)
        deadline = taken.received.steady + configuration.budget
        self._lent, self._pace = bank, certifier.pace
        self.inference = Inference(taken, bank, certifier)
        try:
            result = certifier.certify(frame, settings, key, deadline)
        except Exception as error:  # whatever a runtime raises, for want of memory too
            result = failure(Status.ENGINE_ERROR, _one_line(error), settings)
        finally:
            self.inference = None
        status = result.certificate.status
        if status == Status.ENGINE_ERROR:
            self._outlets.error(f"frame {taken.sequence}: {result.note}")
            self._lent = None
            self._keeper.failed(bank, result.note)
        elif result.certificate.n_drawn:  # also where that was too late: it has returned
            self._keeper.succeeded()
        return result

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
