# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Hears all that a certifier and its safety monitor say, and when they said it."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from rs_monitor_msgs.msg import Certificate, SafetyState

from ..conversions import stamp_nanoseconds

_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


@dataclasses.dataclass(frozen=True)
class HeardCertificate:
    """What is looked at of one certificate; times in nanoseconds.

    Attributes
    ----------
    status : int
    reason : str
    stamp : int
        Its header.stamp.
    frame_id : str
    sequence, superseded_total : int
    radius : float
    published : int
        When, on the system's clock.
    """

    status: int
    reason: str
    stamp: int
    frame_id: str
    sequence: int
    superseded_total: int
    radius: float
    published: int


@dataclasses.dataclass(frozen=True)
class HeardState:
    """What is looked at of one statement of the safety monitor; times in nanoseconds.

    Attributes
    ----------
    state : int
    reason : str
    stamp, valid_until : int
        On the monitor's clock.
    certificate_stamp, sequence : int
        Of the certificate it is based on.
    published : int
        When, on the system's clock.
    """

    state: int
    reason: str
    stamp: int
    valid_until: int
    certificate_stamp: int
    sequence: int
    published: int


class Observer:
    """A subscriber of everything, with a thread of its own.

    Parameters
    ----------
    namespace : str
        Of the certifier and its safety monitor.

    Attributes
    ----------
    certificates : list of HeardCertificate
    states : list of HeardState
        Both as they came; only ever appended to.
    node : rclpy.node.Node
    """

    def __init__(self, namespace: str) -> None:
        self.certificates: list[HeardCertificate] = []
        self.states: list[HeardState] = []
        self._input_name = f"{namespace}/certifier: Input"
        self._images = 0, 0.0
        self._came = threading.Condition()
        self.node = Node("observer", namespace=namespace)
        self.node.create_subscription(Certificate, "certificate", self._certificate, _QOS)
        self.node.create_subscription(SafetyState, "safety_state", self._state, _QOS)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics, _QOS)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    @property
    def images(self) -> tuple[int, float]:
        """How many images the node has received, and when (steady clock) it said so."""
        return self._images

    def wait_for_certificates(self, count: int, limit: float) -> bool:
        """Wait until `count` certificates were heard in all; False after `limit` seconds."""
        with self._came:
            return self._came.wait_for(lambda: len(self.certificates) >= count, limit)

    def close(self) -> None:
        """Stop listening."""
        self._executor.shutdown()
        self._thread.join()
        self.node.destroy_node()

    def _run(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _certificate(self, message: Certificate, about: dict[str, Any]) -> None:
        heard = HeardCertificate(
            status=message.status,
            reason=message.reason,
            stamp=stamp_nanoseconds(message.header.stamp),
            frame_id=message.header.frame_id,
            sequence=message.sequence,
            superseded_total=message.superseded_total,
            radius=message.radius,
            published=about["source_timestamp"],
        )
        with self._came:
            self.certificates.append(heard)
            self._came.notify_all()

    def _state(self, message: SafetyState, about: dict[str, Any]) -> None:
        self.states.append(
            HeardState(
                state=message.state,
                reason=message.reason,
                stamp=stamp_nanoseconds(message.header.stamp),
                valid_until=stamp_nanoseconds(message.valid_until),
                certificate_stamp=stamp_nanoseconds(message.certificate_stamp),
                sequence=message.sequence,
                published=about["source_timestamp"],
            )
        )

    def _diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self._input_name:
                images = {value.key: value.value for value in status.values}["images"]
                self._images = int(images), time.monotonic()
