# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The safety monitor: certificates in, SAFE, DEGRADED, UNSAFE or UNKNOWN out."""

from __future__ import annotations

import dataclasses
import re
import time

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.event_handler import QoSLivelinessChangedInfo, SubscriptionEventCallbacks
from rclpy.parameter import Parameter
from rclpy.time import Time

from rs_monitor_msgs.msg import Certificate, MonitorInfo
from rs_monitor_msgs.msg import SafetyState as SafetyStateMsg

from ..safety import (
    ConsumerRule,
    Evidence,
    Judgement,
    SafetyState,
    Statement,
    Verdict,
    radii_by_class,
)
from ..safety.parameters import FIRST, PARAMETERS
from . import SAFETY_MONITOR
from .conversions import NANOSECONDS, stamp_nanoseconds
from .diagnostics.publisher import DiagnosticsPublisher
from .diagnostics.report import Finding, Level, Report, make_report
from .live_parameters import declare, warn_of_unknown
from .managed_node import LastingNode
from .topics import CERTIFICATE, INFO, SAFETY_STATE

_DIAGNOSTICS_PERIOD = 1.0  # seconds
_LEVELS = {
    SafetyState.UNKNOWN: Level.ERROR,
    SafetyState.UNSAFE: Level.ERROR,
    SafetyState.DEGRADED: Level.WARN,
}


def _refuse(changes: list[Parameter]) -> SetParametersResult:
    names = ", ".join(change.name for change in changes)
    return SetParametersResult(reason=f"{names}: fixed at the start of the safety monitor")


class SafetyMonitor(LastingNode):
    """Subscribes to `certificate` and publishes `safety_state`.

    Not a managed node: it is there from its start to its end and begins with UNKNOWN, so that no
    transition that somebody forgot, or triggered, silences it. Its statements are not latched:
    a late subscriber must not hear an old one.

    Raises
    ------
    ValueError
        When a parameter is of the wrong type or out of range.
    """

    def __init__(self) -> None:
        super().__init__(SAFETY_MONITOR)
        for parameter in PARAMETERS:
            declare(self, parameter)
        warn_of_unknown(self)
        # Ours are read-only; use_sim_time, which is rclpy's, would have another's clock believed.
        self.add_on_set_parameters_callback(_refuse)
        values = {p.name: self.get_parameter(p.name).value for p in PARAMETERS}
        for parameter in PARAMETERS:
            if reason := parameter.check(values[parameter.name]):
                raise ValueError(reason)
        try:
            radii = radii_by_class(values["required_radius_by_class"])
        except ValueError as error:
            raise ValueError(f"required_radius_by_class: {error}") from error
        model, self._adopt = values["expected.model_id"], False
        if model == FIRST:
            model, self._adopt = "", True
        if model and not re.fullmatch("[0-9a-f]{12}([0-9a-f]{52})?", model):
            raise ValueError(
                f"expected.model_id must be 64 or 12 digits of 0-9 and a-f, or {FIRST}: {model!r}"
            )
        self._rule = ConsumerRule(
            max_age=values["max_age"],
            required_radius=values["required_radius"],
            required_radius_by_class=radii,
            sigma=values["expected.sigma"] or None,
            model_id=model,
            max_alpha=values["expected.max_alpha"],
        )
        self._k = values["debounce.k"]
        self._evidence = Evidence(
            self._k, values["debounce.m"], values["debounce.window"], values["max_age"]
        )
        certifier = values["certifier"]
        if not re.fullmatch(r"/?\w+(/\w+)*", certifier, re.ASCII):
            raise ValueError(
                f"certifier must name a node, as in certifier or /front/certifier: {certifier!r}"
            )
        info = INFO.name.replace("~", certifier)
        # While there is an obstacle, nothing is believed. A class whose name is misspelt would be
        # held to `required_radius` alone.
        self._obstacle = (
            f"required_radius_by_class: {info} has not told the classes yet" if radii else ""
        )
        self._alive = 0  # publishers of certificates
        self._latest: Certificate | None = None
        self._said: Statement = Statement(SafetyState.UNKNOWN, "it has just started")
        self._states = self.create_publisher(
            SAFETY_STATE.message, SAFETY_STATE.name, SAFETY_STATE.offered(2 * values["period"])
        )
        self._certificate_topic = self.resolve_topic_name(CERTIFICATE.name)
        self.create_subscription(
            CERTIFICATE.message,
            CERTIFICATE.name,
            self._on_certificate,
            CERTIFICATE.requested(),
            event_callbacks=SubscriptionEventCallbacks(liveliness=self._on_liveliness),
        )
        self.create_subscription(INFO.message, info, self._on_info, INFO.requested())
        self._diagnostics = DiagnosticsPublisher(
            self,
            lambda: self._said,
            {"Safety": self._report},
            hardware_id=lambda: self._certificate_topic,
            period=lambda: _DIAGNOSTICS_PERIOD,
        )
        self._diagnostics.start()
        # On the steady clock: it must notice that /clock has stopped.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(values["period"], self._state, clock=steady)

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds / NANOSECONDS

    def _on_info(self, info: MonitorInfo) -> None:
        """Learn the labels, and with `first` the model."""
        if self._adopt and not self._rule.model_id:
            self._rule = dataclasses.replace(self._rule, model_id=info.model_sha256)
            self.get_logger().warning(
                f"expecting {info.model_name} ({info.model_id}) from now on: the first heard of"
            )
        unknown = sorted(set(self._rule.required_radius_by_class) - set(info.labels))
        self._obstacle = ""
        if unknown:
            self._obstacle = (
                f"required_radius_by_class names {', '.join(map(repr, unknown))}, "
                f"no class of {info.model_name}"
            )
            self.get_logger().error(self._obstacle)

    def _on_certificate(self, message: Certificate, about: dict[str, int]) -> None:
        stamp, now = stamp_nanoseconds(message.header.stamp) / NANOSECONDS, self._now()
        # It may have waited in a queue, while this process was stopped, say; simulated time
        # would not show that before the next /clock.
        waited = (time.time_ns() - about["source_timestamp"]) / NANOSECONDS
        age = now - stamp
        if age >= -self._rule.max_age:  # else the clocks disagree: `waited` must not hide that
            age = max(age, waited)
        try:
            judgement = self._rule.judge(message, age)
        except Exception as error:  # whatever is in it must not end the monitor
            judgement = Judgement(Verdict.FOREIGN, f"it cannot be judged: {error}")
        self._latest = message
        self._evidence.add(
            judgement,
            stamp=stamp,
            sequence=message.sequence,
            age=age,
            now=now,
            steady=time.monotonic(),
        )
        self._state()

    def _on_liveliness(self, event: QoSLivelinessChangedInfo) -> None:
        """Count the publishers that are alive: one that crashed stays in the graph for 20 s."""
        self._alive = event.alive_count
        self._state()

    def _state(self) -> None:
        """State what holds now."""
        obstacle = self._obstacle
        if not obstacle and self._alive > 1:
            obstacle = f"{self._alive} publishers on {self._certificate_topic}: whose are these?"
        if obstacle:
            self._evidence.clear(obstacle)
        moment = self.get_clock().now()
        statement = self._evidence.statement(moment.nanoseconds / NANOSECONDS, time.monotonic())
        before, self._said = self._said, statement
        if statement.state != before.state:
            text = f"{statement.state.name}: {statement.reason}"
            if statement.state is SafetyState.SAFE:
                self.get_logger().info(text, throttle_duration_sec=1.0)
            else:
                self.get_logger().warning(text, throttle_duration_sec=1.0)
            self._diagnostics.look()
        self._states.publish(self._message(statement, moment))

    def _message(self, statement: Statement, moment: Time) -> SafetyStateMsg:
        """Return the message of a statement on `moment`, from which its remaining time counts."""
        until = moment + Duration(nanoseconds=int(statement.remaining * NANOSECONDS))
        message = SafetyStateMsg(
            state=int(statement.state),
            reason=statement.reason,
            valid_until=until.to_msg(),
            passed=statement.passed,
            considered=statement.considered,
            required_passes=self._k,
        )
        latest = self._latest
        if latest is not None:
            message.header.frame_id = latest.header.frame_id
            message.certificate_stamp = latest.header.stamp
            message.sequence = latest.sequence
            message.model_id, message.sigma = latest.model_id, latest.sigma
            message.required_radius = self._rule.required(latest.class_name)
            if latest.status == Certificate.CERTIFIED:
                message.class_name, message.radius = latest.class_name, latest.radius
        message.header.stamp = moment.to_msg()
        return message

    def _report(self, said: Statement) -> Report:
        text = f"{said.state.name}: {said.reason}"
        level = _LEVELS.get(said.state)
        values = {
            "state": said.state.name,
            "passed": said.passed,
            "considered": said.considered,
            "required passes": self._k,
            "expected model": self._rule.model_id or None,
        }
        return make_report([Finding(level, text)] if level else [], text, values)

    def destroy_node(self) -> None:
        """End the diagnostics before the node goes."""
        self._diagnostics.close()
        super().destroy_node()
