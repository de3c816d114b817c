# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""report.html: what a replay measured, on one page for people."""

from .frames import ReportError
from .page import UnwritableReport, write_report

__all__ = ["ReportError", "UnwritableReport", "write_report"]
