# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certified camera classification by randomized smoothing, in real time."""

__version__ = "0.1.0"
