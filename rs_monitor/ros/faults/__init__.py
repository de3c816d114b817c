# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that make the certifier's surroundings fail on command, to see what it does."""
