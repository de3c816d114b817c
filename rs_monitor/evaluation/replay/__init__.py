# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded drives, frame by frame, to certificates: in this process, in several, on a cluster."""
