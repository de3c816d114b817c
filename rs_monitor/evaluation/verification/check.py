# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One thing that was checked, and how it is told."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

_WIDTH = 100


@dataclasses.dataclass(frozen=True)
class Check:
    """The outcome of a check.

    Attributes
    ----------
    name : str
    passed : bool
    found : str
        What was measured, for people.
    limit : str
        What it must be, and why where that is not plain.
    numbers : dict
        The same, for programs.
    """

    name: str
    passed: bool
    found: str
    limit: str
    numbers: dict[str, Any] = dataclasses.field(default_factory=dict)


def page(heading: Sequence[str], checks: Sequence[Check]) -> str:
    """Lay out the report of an engine."""
    lines = list(heading)
    for check in checks:
        lines += ["", f"{'passed' if check.passed else 'FAILED'}  {check.name}"]
        for text in (check.found, f"limit: {check.limit}"):
            indent = " " * 8
            lines += textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    failed = [check.name for check in checks if not check.passed]
    verdict = f"FAILED: {', '.join(failed)}" if failed else f"all {len(checks)} checks passed"
    return "\n".join([*lines, "", verdict])
