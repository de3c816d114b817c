# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The machine that numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

from .. import __version__
from ..engines.machine import processor

_PACKAGES = ("numpy", "opencv-python-headless", "openvino", "torch", "onnx", "tensorrt")
_PACKAGES += ("tensorrt-rtx-cu13", "ros-jazzy-rclpy", "ros-jazzy-rmw-fastrtps-cpp")
_VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "asimd", "sve", "i8mm")


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, system and versions, as far as this machine tells."""
    name, flags = processor()
    return {
        "processor": name,
        "instructions": [flag for flag in _VECTORS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {"rs_monitor": __version__} | _versions(),
        "load_average": os.getloadavg()[0],
    }


def available_memory() -> int:
    """Return the bytes of main memory that programs may still take."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            rows = dict(line.split(":", 1) for line in lines)
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def resident_memory() -> int:
    """Return the bytes of main memory that this process holds."""
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
