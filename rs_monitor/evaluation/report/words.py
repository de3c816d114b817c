# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Values in words (not escaped: the template does it)."""

from __future__ import annotations

import math
from typing import Any

from .frames import MISSING, Point
from .results import number

UNKNOWN = "not recorded"
MOST_ITEMS = 20  # of a list


def n_text(n: int) -> str:
    """Say how many samples were asked for."""
    return f"n {n}" if n else "n as many as fit"


def status_text(name: str) -> str:
    """Return a status in small letters."""
    return {MISSING: "no certificate came", "": "unknown status"}.get(
        name, name.lower().replace("_", " ")
    )


def point_text(point: Point) -> str:
    """Name a sweep point."""
    return f"{n_text(point.n)}, sigma {point.sigma:g}, {point.resolution}"


def count_text(count: int, what: str) -> str:
    """Return a number of things."""
    return f"{count:,} {what}" + "s" * (count != 1)


def share_text(count: int, total: int) -> str:
    """Return a percentage that reads 100 % or 0 % only if it is."""
    share = 100 * count / total if total else 0.0
    rounded = round(share, 1)
    if count not in (0, total) and rounded in (0.0, 100.0):
        return "< 0.1 %" if rounded == 0 else "> 99.9 %"
    return f"{rounded:g} %"


def number_text(value: Any, form: str) -> str:
    """Return a formatted number; a hyphen for what is none."""
    value = number(value)
    return format(value, form) if math.isfinite(value) else "-"


def text(value: Any) -> str:
    """Return any value of a JSON document as text."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        more = [f"and {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else []
        return ", ".join([*(text(item) for item in value[:MOST_ITEMS]), *more]) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {text(item)}" for key, item in value.items())
    return str(value) or "-"
