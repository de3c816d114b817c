# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the machine has, asked without any inference runtime."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA GPU is meant to be used here."""
    # A Jetson's L4T names itself in this file and, before JetPack 6, has no nvidia-smi.
    return shutil.which("nvidia-smi") is not None or Path("/etc/nv_tegra_release").exists()


def processor() -> tuple[str, set[str]]:
    """Return the processor's name and its instruction sets, as Linux names them."""
    name, flags = platform.machine(), set()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key.strip() == "model name":
                    name = value.strip()
                elif key.strip() in ("flags", "Features"):
                    flags = set(value.split())
    except OSError:
        pass
    return name, flags
