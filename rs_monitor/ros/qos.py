# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Qualities of service that several nodes must agree on."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

# Of certificates: offered by the certifier, asked for by the safety monitor, who by it tells a
# publisher that has crashed from a second one.
LIVELINESS = {
    "liveliness": LivelinessPolicy.AUTOMATIC,
    "liveliness_lease_duration": Duration(seconds=1),
}

INFO = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
