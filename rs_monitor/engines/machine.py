# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the machine has, asked without any inference runtime."""

from __future__ import annotations

import shutil
from pathlib import Path


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA GPU is meant to be used here."""
    # A Jetson's L4T names itself in this file and, before JetPack 6, has no nvidia-smi.
    return shutil.which("nvidia-smi") is not None or Path("/etc/nv_tegra_release").exists()
