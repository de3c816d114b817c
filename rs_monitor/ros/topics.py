# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The topics of both nodes: the one table of names, types, qualities of service and meanings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor_msgs.msg import Certificate, MonitorInfo, SafetyState

from . import CERTIFIER, SAFETY_MONITOR


def type_name(message: type) -> str:
    """Return the ROS name of a message's type."""
    return f"{message.__module__.split('.')[0]}/msg/{message.__name__}"


@dataclasses.dataclass(frozen=True)
class Topic:
    """One topic.

    Attributes
    ----------
    name : str
        As the publishing node names it, or the only one that subscribes.
    message : type
    publishers, subscribers : tuple of str
        Those of the two nodes that publish it and subscribe to it.
    depth : int
        Messages kept, "keep last".
    meaning : str
    reliable, latched : bool
        Otherwise best effort, volatile.
    deadline : str
        What the offered deadline is, for people; "" for none.
    lease : float
        Seconds without a sign of life after which its publisher counts as gone; 0: not used. The
        safety monitor tells by it a publisher that has crashed from a second one.
    overridable : bool
        Whether `qos_overrides` parameters change it.
    """

    name: str
    message: type
    publishers: tuple[str, ...]
    subscribers: tuple[str, ...]
    depth: int
    meaning: str
    reliable: bool = True
    latched: bool = False
    deadline: str = ""
    lease: float = 0.0
    overridable: bool = False

    @property
    def type_name(self) -> str:
        """The message's type, `package/msg/Name`."""
        return type_name(self.message)

    @property
    def qos_text(self) -> str:
        """Its quality of service, for people."""
        parts = ["reliable" if self.reliable else "best effort"]
        parts.append("transient local" if self.latched else "volatile")
        parts.append(f"keep last {self.depth}")
        if self.deadline:
            parts.append(f"offered deadline: {self.deadline}")
        if self.lease:
            parts.append(f"liveliness lease {self.lease:g} s")
        return ", ".join(parts) + ("; overridable" if self.overridable else "")

    def requested(self) -> QoSProfile:
        """Return the profile that a subscriber asks for: any deadline will do."""
        profile = QoSProfile(
            depth=self.depth,
            reliability=(
                ReliabilityPolicy.RELIABLE if self.reliable else ReliabilityPolicy.BEST_EFFORT
            ),
            durability=(
                DurabilityPolicy.TRANSIENT_LOCAL if self.latched else DurabilityPolicy.VOLATILE
            ),
        )
        if self.lease:
            profile.liveliness = LivelinessPolicy.AUTOMATIC
            profile.liveliness_lease_duration = Duration(seconds=self.lease)
        return profile

    def offered(self, deadline: float | None = None) -> QoSProfile:
        """Return the profile that a publisher offers.

        Parameters
        ----------
        deadline : float, optional
            Seconds; for the topics that offer one.
        """
        profile = self.requested()
        if deadline is not None:
            profile.deadline = Duration(nanoseconds=round(deadline * 1e9))
        return profile


IMAGE = Topic(
    "image",
    Image,
    (),
    (CERTIFIER,),
    1,
    "the camera's frames, with `input.transport` raw",
    reliable=False,
    overridable=True,
)
COMPRESSED_IMAGE = Topic(
    "image/compressed",
    CompressedImage,
    (),
    (CERTIFIER,),
    1,
    "the same, with `input.transport` compressed",
    reliable=False,
    overridable=True,
)
CERTIFICATE = Topic(
    "certificate",
    Certificate,
    (CERTIFIER,),
    (SAFETY_MONITOR,),
    10,
    "one for every accepted frame, failures included",
    deadline="`qos.deadline`",
    lease=1.0,
)
INFO = Topic(
    "~/info",
    MonitorInfo,
    (CERTIFIER,),
    (SAFETY_MONITOR,),
    1,
    "model, labels, engine and parameters in force; new when one changes",
    latched=True,
)
DEBUG_IMAGE = Topic(
    "~/debug/image",
    Image,
    (CERTIFIER,),
    (),
    1,
    "a small copy of the frame with its certificate, when `debug.image` is true and somebody "
    "subscribes",
)
SAFETY_STATE = Topic(
    "safety_state",
    SafetyState,
    (SAFETY_MONITOR,),
    (),
    10,
    "at every certificate and every `period`",
    deadline="two `period`s",
)
DIAGNOSTICS = Topic(
    "/diagnostics",
    DiagnosticArray,
    (CERTIFIER, SAFETY_MONITOR),
    (),
    10,  # levels that change in a row must not replace each other
    "once a second and when a level changes",
)
TOPICS = (
    IMAGE,
    COMPRESSED_IMAGE,
    CERTIFICATE,
    INFO,
    DEBUG_IMAGE,
    SAFETY_STATE,
    DIAGNOSTICS,
)


def markdown_table(topics: Iterable[Topic] = TOPICS) -> str:
    """Return the table of topics for the documentation."""
    rows = ["| topic | type | from | to | QoS | what |", "|---|---|---|---|---|---|"]
    for topic in topics:
        rows.append(
            f"| `{topic.name}` | {topic.type_name} | "
            f"{', '.join(topic.publishers) or 'camera'} | {', '.join(topic.subscribers)} | "
            f"{topic.qos_text} | {topic.meaning} |"
        )
    return "\n".join(rows) + "\n"
