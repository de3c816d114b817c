# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether kept results are of the settings that are asked for now, and in what they differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST = 60


def differing(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return the names, sorted, of the settings that differ or that only one of them has."""
    names = sorted(there.keys() | wanted.keys())
    return [name for name in names if there.get(name) != wanted.get(name)]


def described(names: Iterable[str], there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return both values of each of the named settings, for a message."""
    return "; ".join(
        f"{name} {_short(there.get(name))} there, {_short(wanted.get(name))} now" for name in names
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
