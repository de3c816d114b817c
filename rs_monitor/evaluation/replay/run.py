# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A replay offline, from its plan to all parts in their store."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from ...engines import EngineError
from .arrow import unpack
from .local import InProcess, Processes
from .plan import Part, Plan
from .schedule import Pool, Schedule, run_all
from .store import PartStore

_MUST_AGREE = ("backend", "version", "precision")


@dataclasses.dataclass
class Progress:
    """How far a run has come; frames are images, at all points of the sweep.

    Attributes
    ----------
    frames : int
        Done in this run.
    seconds : float
        Spent on them.
    reading : float
        Share of the workers' time that reading and decoding took.
    devices : set of str
        Other ones than the first worker's on which frames were certified.
    """

    frames: int = 0
    seconds: float = 0.0
    reading: float = 0.0
    devices: set[str] = dataclasses.field(default_factory=set)


def open_pool(plan: Plan, processes: int, ray: str) -> Pool:
    """Start the workers.

    Parameters
    ----------
    plan : Plan
    processes : int
        1 for this one; of a cluster at most so many workers, 0 for all it has.
    ray : str
        Address of a Ray cluster; "" for none.

    Raises
    ------
    ModelError, EngineError, MissingPackage
    """
    processes = min(processes, len(list(plan.parts())))
    if ray:
        from .ray_pool import RayPool

        return RayPool(plan, processes, ray)
    return InProcess(plan) if processes == 1 else Processes(plan, processes)


def certify_all(
    plan: Plan,
    store: PartStore,
    pool: Pool,
    engine: dict[str, str],
    each: Callable[[Part, int], None],
) -> Progress:
    """Certify every part that is not done yet.

    Parameters
    ----------
    plan : Plan
    store : PartStore
    pool : Pool
    engine : dict
        What every worker must agree with.
    each : callable
        Told of each part and its number of frames.

    Raises
    ------
    BagError, EngineError, ModelError, WorkerLost, OSError
        What is done is kept.
    """
    progress, started = Progress(), time.monotonic()
    spent = {"reading": 0.0, "certifying": 0.0}
    left = [part for part in plan.parts() if not store.has(part)]

    def keep(part: Part, content: bytes) -> None:
        found, notes = unpack(content)
        for name in _MUST_AGREE:
            if notes["engine"][name] != engine[name]:
                raise EngineError(
                    f"a worker's {name} is {notes['engine'][name]}, another's {engine[name]}: "
                    "their votes may differ; install the same version, or choose a --precision "
                    "that both have"
                )
        progress.devices |= {notes["engine"]["device"]} - {engine["device"]}
        for name in spent:
            spent[name] += notes[name]
        progress.reading = spent["reading"] / sum(spent.values())
        store.save(part, content)
        frames = found.num_rows // len(plan.points)
        progress.frames += frames
        each(part, frames)

    if left:
        run_all(Schedule(left), pool, keep)
        progress.seconds = time.monotonic() - started
    return progress
