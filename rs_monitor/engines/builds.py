# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What to do about an engine that was not built yet, for backends that build theirs."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from pathlib import Path

from .errors import EngineError

# Called with a phase's name, the steps done and their number.
Progress = Callable[[str, int, int], None]


class When(enum.Enum):
    """When an engine that the cache lacks is built."""

    NOW = "while it is opened"
    LATER = "by whoever catches EngineNotBuilt"
    NEVER = "not here"


@dataclasses.dataclass(frozen=True)
class Builds:
    """Where built engines lie, and when one that is not there is built.

    Attributes
    ----------
    folder : Path or None
        The cache; None for the user's.
    when : When
    """

    folder: Path | None = None
    when: When = When.NOW


class EngineNotBuilt(EngineError):
    """An engine has to be built before it can be opened.

    Attributes
    ----------
    build : callable
        Builds it into the cache, telling of its progress; takes seconds to minutes.
    """

    def __init__(self, message: str, build: Callable[[Progress], object]) -> None:
        super().__init__(message)
        self.build = build
