# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m rs_monitor`."""

import sys

from .cli import main

sys.exit(main())
