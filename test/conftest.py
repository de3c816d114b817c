# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

import signal
import sys
from pathlib import Path

from hypothesis import settings

# So that tests in subfolders can import test/small_models.py.
sys.path.insert(0, str(Path(__file__).parent))

# `make mutation` runs them for thousands of mutants, on the same examples for each.
settings.register_profile(
    "mutation", max_examples=20, derandomize=True, database=None, deadline=None
)

# A shell's background job ignores SIGINT, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
