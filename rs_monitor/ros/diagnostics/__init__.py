# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics on /diagnostics, of the certifier; and what other nodes publish theirs with."""

from .diagnostics import Diagnostics
from .publisher import DiagnosticsPublisher
from .report import Finding, Level, Report, make_report

__all__ = ["Diagnostics", "DiagnosticsPublisher", "Finding", "Level", "Report", "make_report"]
