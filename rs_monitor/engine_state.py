# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a node's engines are doing: kept by the engine keeper, told by the diagnostics."""

from __future__ import annotations

import dataclasses
import enum


class EngineStage(enum.Enum):
    """Where the engines are between being opened and being given up."""

    CLOSED = "closed"
    OPENING = "opening"
    BUILDING = "building"
    READY = "ready"
    HUNG = "not returning"
    REOPENING = "re-opening"
    GIVEN_UP = "given up"


@dataclasses.dataclass(frozen=True)
class EngineState:
    """One moment of the engines' life.

    Attributes
    ----------
    stage : EngineStage
    failures : int
        Consecutive failures: hangs, exceptions, frames with too many non-finite outputs.
    failures_total : int
        Since the node was configured.
    detail : str
        The last failure or change, or what is being done, for a reader.
    """

    stage: EngineStage = EngineStage.CLOSED
    failures: int = 0
    failures_total: int = 0
    detail: str = ""
