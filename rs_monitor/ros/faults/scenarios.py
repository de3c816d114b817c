# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The table of faults: what is done to a running system, and what it must say meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ...certification import Status
from ...safety import SafetyState
from .affliction import HELD, Affliction, Scenario
from .engine import Fault
from .process import limit_files
from .system import CAMERA, MONITOR, NODE

_STOPPED = 5.0  # seconds between SIGSTOP and SIGCONT
_HOUR = 3600.0
_GAP = 0.3  # seconds


def _camera(**changes: Any) -> Callable[[Affliction], None]:
    """Return a fault of the camera alone."""

    def inflict(here: Affliction) -> None:
        here.system.command(here.system.normal(**changes))
        here.hold()
        here.system.command(here.system.normal())

    return inflict


def _engine(fault: Fault) -> Callable[[Affliction], None]:
    def inflict(here: Affliction) -> None:
        here.system.faults.command(fault)
        here.hold()
        here.system.faults.command(Fault.NONE)

    return inflict


def _changes_format(here: Affliction) -> None:
    system = here.system
    for changes in (
        {"encoding": "bgr8"},
        {"encoding": "mono8", "scale": 0.5},
        {"encoding": "32FC3"},
        {"encoding": "rgba8", "scale": 1.5},
        {"truncated": True},
    ):
        known = len(here.certificates)
        system.command(system.normal(**changes))
        system.wait(lambda known=known: len(here.certificates) > known + 2, "answers")
        time.sleep(HELD / 5)
    here.hold(0.0)
    system.command(system.normal())


def _hurries(here: Affliction) -> None:
    system = here.system
    before = system.certificates[-1].superseded_total
    sent = len(system.frames())
    begun = time.monotonic()
    system.command(system.normal(rate=200.0))
    here.hold()
    system.wait(lambda: system.certificates[-1].superseded_total > before, "superseded frames")
    rate = (len(system.frames()) - sent) / (time.monotonic() - begun)
    system.command(system.normal())
    here.notes.append(f"sent at {rate:.0f} Hz")


def _loops(here: Affliction) -> None:
    # A little more than two rounds.
    here.system.command(here.system.normal(loop=HELD / 2))
    here.hold(1.1 * HELD)
    here.system.command(here.system.normal())


def _stopped(name: str) -> Callable[[Affliction], None]:
    def inflict(here: Affliction) -> None:
        here.system.stop_for(name, _STOPPED)
        here.end()
        here.hold(0.0)

    return inflict


def _subscriber_disappears(here: Affliction) -> None:
    system = here.system
    listener = ["rs_monitor.ros.certificate_listener", "--quiet"]
    name, topic = "listener", f"{system.namespace}/certificate"
    count = system.observer.node.count_subscribers(topic)
    system.processes.start(name, [*listener, "--node", f"{system.namespace}/certifier"])
    system.wait(lambda: system.observer.node.count_subscribers(topic) > count, "the subscriber")
    time.sleep(HELD / 2)
    # One that no longer reads first: a reliable writer must not wait for it.
    system.stop_for(name, HELD)
    system.processes.kill(name)
    here.hold(HELD)


def _disk_full(here: Affliction) -> None:
    system = here.system
    pids = [system.processes.pid(name) for name in (NODE, MONITOR)]
    for pid in pids:
        limit_files(pid, 0)
    try:
        system.faults.command(Fault.EXCEPTION)  # so that there is something to log
        here.hold()
        system.faults.command(Fault.NONE)
        full = time.time_ns()
        system.wait(
            lambda: any(
                c.published > full and c.status == Status.CERTIFIED for c in here.certificates
            ),
            "certificate with the disk full",
        )
        time.sleep(HELD / 2)
    finally:
        for pid in pids:
            limit_files(pid, None)


def _node_killed(here: Affliction) -> None:
    system = here.system
    system.processes.kill(NODE)
    here.hold()
    system.first_of_node = len(system.certificates)
    begun = time.monotonic()
    system.start_node()
    system.activate_node()
    here.notes.append(f"started and configured in {time.monotonic() - begun:.1f} s")


def _monitor_killed(here: Affliction) -> None:
    system = here.system
    system.processes.kill(MONITOR)
    here.hold()
    begun = time.monotonic()
    known = len(system.states)
    system.start_monitor()
    system.wait(lambda: len(system.states) > known, "the safety monitor")
    here.notes.append(f"started in {time.monotonic() - begun:.1f} s")


UNKNOWN, DEGRADED, SAFE = SafetyState.UNKNOWN, SafetyState.DEGRADED, SafetyState.SAFE
_OLD, _FUTURE = "s old", "in the future"
_STALE, _ENGINE = Status.STALE_INPUT, Status.ENGINE_ERROR

SCENARIOS = (
    Scenario("camera stops", _camera(rate=0.0), states=(UNKNOWN,)),
    Scenario("camera stutters, 300 ms gaps", _camera(gap=_GAP), states=(UNKNOWN, SAFE)),
    Scenario(
        "camera changes resolution and encoding",
        _changes_format,
        (
            (Status.CERTIFIED, ""),
            (Status.UNSUPPORTED_ENCODING, "32FC3"),
            (Status.INVALID_INPUT, "bytes"),
        ),
        (UNKNOWN,),
    ),
    Scenario("camera publishes 200 Hz", _hurries, ((Status.CERTIFIED, ""),)),
    Scenario(
        "stamps jump back, as a bag's that loops",
        _camera(stamps_ahead=-_HOUR),
        ((_STALE, _OLD),),
        (UNKNOWN,),
    ),
    Scenario("a subscriber stops reading and disappears", _subscriber_disappears),
    Scenario("disk full, with engine exceptions", _disk_full, ((_ENGINE, ""),), (UNKNOWN,)),
    Scenario(
        "engine hangs",
        _engine(Fault.HANG),
        ((_ENGINE, "inference has not returned"), (_ENGINE, "engines re-opening")),
        (UNKNOWN,),
    ),
    Scenario(
        "engine raises an exception",
        _engine(Fault.EXCEPTION),
        ((_ENGINE, "the device was lost"),),
        (UNKNOWN,),
    ),
    Scenario(
        "engine is out of memory",
        _engine(Fault.MEMORY),
        ((_ENGINE, "MemoryError"),),
        (UNKNOWN,),
    ),
    Scenario(
        "engine's outputs are NaN",
        _engine(Fault.NAN),
        ((_ENGINE, "have non-finite logits"),),
        (UNKNOWN,),
    ),
    Scenario("node stopped for 5 s", _stopped(NODE), (), (UNKNOWN,), (_STALE,)),
    Scenario("camera stopped for 5 s", _stopped(CAMERA), (), (UNKNOWN,), (_STALE,)),
    Scenario("safety monitor stopped for 5 s", _stopped(MONITOR)),
    Scenario("safety monitor killed and restarted", _monitor_killed),
    Scenario("node killed and restarted", _node_killed, (), (UNKNOWN,)),
    Scenario(
        "/clock jumps by +1 h, stamps do not",
        _camera(clock_ahead=_HOUR),
        ((_STALE, _OLD),),
        (UNKNOWN,),
        simulated=True,
    ),
    Scenario(
        "/clock jumps by -1 h, stamps do not",
        _camera(clock_ahead=-_HOUR),
        ((_STALE, _FUTURE),),
        (UNKNOWN,),
        simulated=True,
    ),
    Scenario(
        "/clock and stamps jump by +1 h and back",
        _camera(clock_ahead=_HOUR, stamps_ahead=_HOUR),
        ((Status.CERTIFIED, ""),),
        (SAFE,),
        (_STALE,),
        simulated=True,
    ),
    Scenario(
        "/clock and stamps jump by -1 h and back",
        _camera(clock_ahead=-_HOUR, stamps_ahead=-_HOUR),
        ((Status.CERTIFIED, ""),),
        (SAFE,),
        (_STALE,),
        simulated=True,
    ),
    Scenario(
        "/clock stops",
        _camera(clock_stopped=True),
        (),
        (UNKNOWN,),
        (_STALE,),
        simulated=True,
    ),
    Scenario(
        "bag loops, /clock with it",
        _loops,
        ((Status.CERTIFIED, ""),),
        (SAFE, DEGRADED),
        (_STALE,),
        simulated=True,
    ),
)
