# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a consumer may conclude from certificates. No ROS."""

from .consumer_rule import ConsumerRule, Judgement, Verdict, radii_by_class
from .evidence import Evidence, SafetyState, Statement

__all__ = [
    "ConsumerRule",
    "Evidence",
    "Judgement",
    "SafetyState",
    "Statement",
    "Verdict",
    "radii_by_class",
]
