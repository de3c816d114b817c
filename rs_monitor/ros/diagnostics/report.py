# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a diagnostic says: a level, a message, keys and values."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterable, Mapping

_LONGEST = 512  # characters of a text; some come from a camera's messages


class Level(enum.IntEnum):
    """Levels of diagnostic_msgs/DiagnosticStatus, as numbers."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3  # there is nothing to judge by


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    level: Level
    message: str


@dataclasses.dataclass(frozen=True)
class Report:
    """One diagnostic at one moment.

    Attributes
    ----------
    level : Level
    message : str
        One line of ASCII.
    values : dict of str to str
        In the order in which they are shown.
    """

    level: Level
    message: str
    values: dict[str, str]


def make_report(
    findings: Iterable[Finding | None], otherwise: str, values: Mapping[str, object]
) -> Report:
    """Return a report with the worst finding's level and all findings, the worst first.

    Parameters
    ----------
    findings : iterable of Finding or None
        What is wrong; None for nothing.
    otherwise : str
        The message when nothing is.
    values : mapping
        Numbers or texts by key; None, NaN and infinity are shown as "none".
    """
    found = sorted((f for f in findings if f), key=lambda f: f.level, reverse=True)
    message = "; ".join(finding.message for finding in found) or otherwise
    level = found[0].level if found else Level.OK
    return Report(level, plain(message), {key: plain(value) for key, value in values.items()})


def plain(value: object) -> str:
    """Return a value as one line of ASCII, whatever the locale: it goes into a message."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "none"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    text = " ".join(text[: 4 * _LONGEST].split()).encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST]


def percent(share: float) -> str:
    """Return a share for people."""
    return f"{100 * share:.1f} %"
