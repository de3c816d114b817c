# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier's diagnostics: what the node feeds, and what it publishes of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, qos_check_compatible, qos_policy_name_from_kind
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor_msgs.msg import Certificate, MonitorInfo

from ...engine_state import EngineState
from ..configuration import Configuration
from ..conversions import NANOSECONDS
from ..topics import type_name
from .input import Camera, judge_input
from .judgement import judge_certification, judge_deadline, judge_engine
from .publisher import DiagnosticsPublisher
from .report import Report
from .statistics import FrameStatistics, Outcome, Summary


@dataclasses.dataclass(frozen=True)
class _Observed:
    """What the four diagnostics of one moment are about."""

    summary: Summary
    configuration: Configuration


class Diagnostics:
    """Collects what happens to frames and publishes Input, Deadline, Engine and Certification.

    Parameters
    ----------
    node : Node
    configuration : callable
        Returns the parameters in force.
    engine_state : callable
        Returns the EngineState.
    topic : callable
        Returns the image topic. It is the hardware id: what is diagnosed is this camera and what
        is made of its frames, and the node is in each status' name already.
    """

    def __init__(
        self,
        node: Node,
        configuration: Callable[[], Configuration],
        engine_state: Callable[[], EngineState],
        topic: Callable[[], str],
    ) -> None:
        self._node = node
        self._configuration = configuration
        self._topic = topic
        self._statistics = FrameStatistics()
        self._subscription: Subscription | None = None
        self._about: dict[str, object] = {}
        tasks = {
            "Input": self._input,
            "Deadline": lambda seen: judge_deadline(seen.summary, seen.configuration),
            "Engine": lambda seen: judge_engine(
                engine_state(), seen.summary, seen.configuration, self._about
            ),
            "Certification": lambda seen: judge_certification(seen.summary, seen.configuration),
        }
        self._publisher = DiagnosticsPublisher(
            node,
            self._observe,
            tasks,
            hardware_id=topic,
            period=lambda: configuration()["diagnostics.period"],
        )
        self.look = self._publisher.look
        self.close = self._publisher.close
        self._publisher.start()

    # What the node tells. These cost a frame some microseconds; the thread does the rest.

    def events(self) -> SubscriptionEventCallbacks:
        """Return the callbacks for the events of the image's subscription."""
        return SubscriptionEventCallbacks(message_lost=self._lost, incompatible_qos=self._mismatch)

    def listening(self, subscription: Subscription | None) -> None:
        """Take note that images are subscribed to; None: no more."""
        self._subscription = subscription
        if subscription is None:
            self._statistics.leave()
        else:
            self._statistics.listen(time.monotonic())
        self.look()

    def loaded(self, info: MonitorInfo | None) -> None:
        """Take note of the model and engine in force; None: of none."""
        self._about = {} if info is None else _about(info)
        self.look()

    def received(self, message: Image | CompressedImage, steady: float) -> None:
        """Count an image that came at `steady` seconds."""
        if isinstance(message, Image):
            size = f"{message.width}x{message.height}"
            self._statistics.image(steady, message.encoding, size)
        else:
            self._statistics.image(steady, message.format, f"{len(message.data)} bytes")

    def certified(self, message: Certificate) -> None:
        """Count a certificate that was published, of whatever status."""
        outcome = Outcome(
            message.status,
            _seconds(message.processing_time),
            _seconds(message.budget),
            message.radius,
            message.radius_cap,
            message.n_used,
            message.superseded_total,
        )
        self._statistics.outcome(time.monotonic(), outcome)

    def _lost(self, event) -> None:
        self._statistics.lost(time.monotonic(), event.total_count_change)

    def _mismatch(self, event) -> None:
        self._statistics.mismatch(event.total_count_change)
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        self._node.get_logger().warning(
            f"a publisher on {self._topic()} offers incompatible QoS: no image will come from it "
            f"({policy})"
        )
        self.look()

    # What is published

    def _observe(self) -> _Observed:
        configuration = self._configuration()
        span = configuration["diagnostics.window"]
        return _Observed(self._statistics.summary(time.monotonic(), span), configuration)

    def _input(self, seen: _Observed) -> Report:
        topic = self._topic()
        cameras = cameras_of(self._node, topic, self._subscription)
        return judge_input(seen.summary, seen.configuration, topic, cameras)


def cameras_of(node: Node, topic: str, subscription: Subscription | None) -> list[Camera]:
    """Return who publishes on a topic, with why a subscription gets nothing from them."""
    cameras = []
    for endpoint in node.get_publishers_info_by_topic(topic):
        problem = ""
        if subscription is not None:
            problem = _problem(endpoint, subscription)
        name = f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
        cameras.append(Camera(name, problem))
    return cameras


def _problem(endpoint, subscription: Subscription) -> str:
    wanted = type_name(subscription.msg_type)
    if endpoint.topic_type != wanted:
        return f"it sends {endpoint.topic_type}, not {wanted}"
    compatibility, reason = qos_check_compatible(endpoint.qos_profile, subscription.qos_profile)
    if compatibility == QoSCompatibility.ERROR:
        return f"incompatible QoS: {reason.removeprefix('ERROR: ').rstrip('; ')}"
    return ""


def _about(info: MonitorInfo) -> dict[str, object]:
    return {
        "backend": info.backend,
        "version": info.backend_version,
        "device": info.device,
        "precision": info.precision,
        "model": info.model_name,
        "model id": info.model_id,
        "chunk size": info.chunk_size,
    }


def _seconds(duration) -> float:
    return duration.sec + duration.nanosec / NANOSECONDS
