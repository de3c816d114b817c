# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os


def unmeasured():
    """The environment of a process that may write no file, as `make coverage` would in it."""
    return {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_PROCESS")}
