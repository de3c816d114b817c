# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Training of base classifiers under Gaussian noise, and their export (needs torch)."""
