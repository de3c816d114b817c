# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Inflicts a fault on a system that is well, and judges what it said until it is well again."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter

from ...certification import Status
from ...processes import ProcessError
from ...safety import SafetyState
from ..conversions import NANOSECONDS
from .affliction import Affliction, Scenario
from .audit import account, unfounded
from .observer import HeardCertificate
from .system import System


@dataclasses.dataclass(frozen=True)
class Row:
    """What came of a fault.

    Attributes
    ----------
    fault : str
    expected, seen : str
        Statuses and states, with the number of certificates of each.
    certificates : int
    unfounded : int
        SAFE statements that were not to be made.
    to_certified, to_safe : float or None
        Seconds from the fault's end to the first certificate that certifies, and to SAFE.
    problems : list of str
        Empty when all is as it must be.
    notes : list of str
    """

    fault: str
    expected: str
    seen: str
    certificates: int
    unfounded: int
    to_certified: float | None
    to_safe: float | None
    problems: list[str]
    notes: list[str] = dataclasses.field(default_factory=list)


def try_fault(system: System, scenario: Scenario, recovery_limit: float | None) -> Row:
    """Try one fault on a system.

    Parameters
    ----------
    system : System
    scenario : Scenario
    recovery_limit : float or None
        Seconds from the fault's end to CERTIFIED and to SAFE; None: not judged.
    """
    here, problems = Affliction(system, scenario), []
    recovered: list[float | None] = [None, None]
    try:
        _make_safe(system)
        here = Affliction(system, scenario)
        scenario.inflict(here)
        if not here.ended:
            here.end()
        recovered = _recover(here)
        if recovery_limit is not None and max(recovered) > recovery_limit:
            problems.append(f"it took {max(recovered):.2f} s to recover")
        problems += [f"not seen: {what}" for what in here.missing()]
        system.settle()
    except ProcessError as error:
        problems.append(str(error))
        problems += [f"not seen: {what}" for what in here.missing()]
    unexpected = [c for c in here.certificates if c.status not in scenario.allowed]
    stalls = [c for c in unexpected if _is_stall(c)]
    if stalls:
        here.notes.append(f"the machine stalled the inference of {len(stalls)} frames")
    names = {f"{Status(c.status).name} ({c.reason})" for c in unexpected if c not in stalls}
    problems += [f"{name} is not expected" for name in sorted(names)]
    frames = system.frames()
    mine = system.certificates[system.first_of_node :]
    # One that was started among frames may have answered some before it was heard.
    problems += account(mine, frames, from_start=system.first_of_node == 0)
    wrong = unfounded(
        here.states, system.certificates, frames, system.promise, simulated=system.simulated
    )
    problems += list(dict.fromkeys(wrong))[:3]
    return Row(
        fault=scenario.name,
        expected=expectation(scenario),
        seen=seen(here),
        certificates=len(here.certificates),
        unfounded=len(wrong),
        to_certified=recovered[0],
        to_safe=recovered[1],
        problems=problems,
        notes=here.notes,
    )


def _is_stall(certificate: HeardCertificate) -> bool:
    """Whether the watchdog saw an inference wait that no fault has held up, and that went on."""
    reason = certificate.reason
    return certificate.status == Status.ENGINE_ERROR and (
        "inference has not returned" in reason or "engines not returning" in reason
    )


def _make_safe(system: System) -> None:
    """Have the camera behave well until the monitor says SAFE."""
    since = time.time_ns()
    system.command(system.normal())
    system.wait(
        lambda: (
            system.states
            and system.states[-1].state == SafetyState.SAFE
            and system.states[-1].published > since
        ),
        "no SAFE before the fault",
    )


def _recover(here: Affliction) -> list[float]:
    """Wait until the system is well; returns the seconds to a certificate, and to SAFE."""
    found: list[int] = []

    def first(messages, is_good) -> int:
        good = (m.published for m in messages if m.published >= here.ended and is_good(m))
        return next(good, 0)

    for what, messages, is_good in (
        ("certificate", lambda: here.certificates, lambda c: c.status == Status.CERTIFIED),
        ("SAFE", lambda: here.states, lambda s: s.state == SafetyState.SAFE),
    ):
        found.append(
            here.system.wait(
                lambda messages=messages, is_good=is_good: first(messages(), is_good),
                f"no {what} after the fault",
            )
        )
    return [(moment - here.ended) / NANOSECONDS for moment in found]


def expectation(scenario: Scenario) -> str:
    """Return what must be seen, for people."""
    statuses = [f"{s.name} ({r})" if r else s.name for s, r in scenario.certificates]
    return ", ".join([*statuses, *(state.name for state in scenario.states)]) or "nothing new"


def seen(here: Affliction) -> str:
    """Return what was seen, for people."""
    statuses = Counter(Status(c.status).name for c in here.certificates)
    counted = [f"{count} {name}" for name, count in statuses.most_common()]
    states = sorted({SafetyState(state.state) for state in here.states})
    return ", ".join([*counted, *(state.name for state in states)])
