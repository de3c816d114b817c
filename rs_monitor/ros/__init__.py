# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 adapters: nothing outside this package imports rclpy."""

CERTIFIER, SAFETY_MONITOR = "certifier", "safety_monitor"
"""Names of the two nodes; here, where programs find them before anything large is imported."""
