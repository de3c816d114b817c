# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A fault in the table, and a running system while it is inflicted."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from ...certification import Status
from ...safety import SafetyState
from .system import LIMIT, System

HELD = 2.0  # seconds that a fault lasts, at least
_ANSWERS = (Status.CERTIFIED, Status.ABSTAINED, Status.DEADLINE_MISSED)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One fault.

    Attributes
    ----------
    name : str
    inflict : callable
        Given an Affliction, does it, holds it, and ends it.
    certificates : tuple of (Status, str)
        Statuses that must be seen, each with a part of its reason. Others than these, certified,
        abstained and late ones must not be.
    states : tuple of SafetyState
        That must be stated.
    also : tuple of Status
        Statuses that may be seen too.
    simulated : bool
        Whether the time is the camera's /clock.
    """

    name: str
    inflict: Callable[[Affliction], None]
    certificates: tuple[tuple[Status, str], ...] = ()
    states: tuple[SafetyState, ...] = ()
    also: tuple[Status, ...] = ()
    simulated: bool = False

    @property
    def allowed(self) -> set[Status]:
        """All statuses that may be seen."""
        return {*_ANSWERS, *self.also, *(status for status, _ in self.certificates)}


class Affliction:
    """A system while one fault is inflicted on it, and what is heard since.

    Parameters
    ----------
    system : System
    scenario : Scenario

    Attributes
    ----------
    ended : int
        When the fault ended, nanoseconds of the system's clock; 0 before.
    notes : list of str
        What the table should also say.
    """

    def __init__(self, system: System, scenario: Scenario) -> None:
        self.system, self.scenario = system, scenario
        self.ended = 0
        self.notes: list[str] = []
        self.first_certificate = len(system.certificates)
        self._first_state = len(system.states)

    @property
    def certificates(self) -> list[Any]:
        """Certificates since it began."""
        return self.system.certificates[self.first_certificate :]

    @property
    def states(self) -> list[Any]:
        """Statements since it began."""
        return self.system.states[self._first_state :]

    def missing(self) -> list[str]:
        """Return what must be seen and was not yet."""
        lacking = [
            f"{status.name} {reason!r}"
            for status, reason in self.scenario.certificates
            if not any(c.status == status and reason in c.reason for c in self.certificates)
        ]
        seen = {state.state for state in self.states}
        return lacking + [state.name for state in self.scenario.states if state not in seen]

    def hold(self, seconds: float = HELD) -> None:
        """Let the fault go on for some time, and until it has shown all that it must."""
        time.sleep(seconds)
        self.system.wait(lambda: not self.missing(), f"no {self.scenario.name} seen", LIMIT)

    def end(self) -> None:
        """Take note that the fault is over."""
        self.ended = time.time_ns()
