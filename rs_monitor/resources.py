# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Where this installation keeps its models and configuration files."""

from __future__ import annotations

from pathlib import Path


def shipped_file(*parts: str) -> Path:
    """Return a file that comes with rs_monitor, from the source tree or from share/rs_monitor.

    Parameters
    ----------
    *parts : str
        Its path below the package, such as "config", "certify.yaml".

    Raises
    ------
    FileNotFoundError
        When the installation is without it.
    """
    name = Path(*parts)
    here = Path(__file__).resolve()
    places = [here.parents[1] / name]
    places += [parent / "share" / "rs_monitor" / name for parent in here.parents]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"{name} is not part of this installation of rs_monitor")
