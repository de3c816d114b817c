# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What all tests share."""

import sys
from pathlib import Path

# So that tests in subfolders can import test/small_models.py.
sys.path.insert(0, str(Path(__file__).parent))
