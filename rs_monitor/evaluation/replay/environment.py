# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a result was computed on and with."""

from __future__ import annotations

import importlib.metadata
import os
import platform

_PACKAGES = ("numpy", "scipy", "opencv-python-headless", "rosbags", "pyarrow", "openvino", "ray")


def describe_machine() -> dict[str, object]:
    """Return the machine, its cores, and the versions of what matters."""
    from ... import __version__

    versions = {"rs_monitor": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": len(os.sched_getaffinity(0)),
        "versions": versions,
    }
