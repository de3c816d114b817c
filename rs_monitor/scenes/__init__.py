# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered traffic-sign scenes: training images and the drive of the demonstration."""
