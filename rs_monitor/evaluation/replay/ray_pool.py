# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Replay on a Ray cluster: each worker is an actor that does parts, and may be lost.

The recordings must have the same paths on every machine of the cluster, and rs_monitor must be
installed there. Results come back to this process, which alone writes them.
"""

from __future__ import annotations

import itertools
import os
import socket
from typing import Any

from ...engines import EngineError
from ...models import ModelError
from ..bags import BagError
from .arrow import MissingPackage
from .certify import ReplayWorker
from .plan import Part, Plan

LOCAL = "auto"
_ANSWER = 5.0  # seconds for a cluster to answer
_FINAL = (BagError, EngineError, ModelError)  # the same on every machine: trying again is in vain


class _Actor:
    """A ReplayWorker in a process of the cluster."""

    def __init__(self, plan: Plan) -> None:
        import cv2

        cv2.setNumThreads(plan.threads)
        self._plan = plan
        self._worker: ReplayWorker | None = None

    def _opened(self) -> ReplayWorker:
        self._worker = self._worker or ReplayWorker(self._plan)
        return self._worker

    def identity(self) -> dict[str, Any]:
        return self._opened().identity()

    def run(self, part: Part) -> bytes:
        return self._opened().run(part)


class RayPool:
    """A pool of Ray actors, one CPU each; see `Pool`.

    Parameters
    ----------
    plan : Plan
    count : int
        Actors; 0 for one on every CPU of the cluster.
    address : str
        Of the cluster; `auto` starts one on this machine, which ends with the pool.

    Raises
    ------
    MissingPackage
        Without Ray.
    EngineError
        When there is no cluster at that address.
    """

    def __init__(self, plan: Plan, count: int, address: str) -> None:
        self._ray = ray = _import()
        try:
            if address == LOCAL:
                cpus = max(count, len(os.sched_getaffinity(0)))
                ray.init(
                    address="local",
                    num_cpus=cpus,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            else:
                _knock(address)
                ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineError(f"--ray {address}: no cluster there: {error}") from error
        # Lost actors are replaced by the schedule: a new one has to read from elsewhere anyway.
        self._remote = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self._plan = plan
        self._numbers = itertools.count()
        self._waiting: dict[int, Any] = {}
        self._busy: dict[Any, tuple[int, Any, Part]] = {}
        for _ in range(count or max(1, int(ray.cluster_resources().get("CPU", 1)))):
            self._start()

    def _start(self) -> None:
        self._waiting[next(self._numbers)] = self._remote.remote(self._plan)

    def identity(self) -> dict[str, Any]:
        """See `Pool`."""
        actor = next(iter(self._waiting.values()))
        try:
            return self._get(actor.identity.remote())
        except self._ray.exceptions.RayError as error:
            raise EngineError(f"a Ray worker was lost: {error}") from error

    def _get(self, reference: Any) -> Any:
        """Return a result, or raise the error of this package that it is."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, _FINAL):
                raise type(error.cause)(str(error.cause)) from error
            raise EngineError(f"a Ray worker failed: {error.cause!r}") from error

    def workers(self) -> list[int]:
        """See `Pool`."""
        return list(self._waiting)

    def submit(self, worker: int, part: Part) -> None:
        """See `Pool`."""
        actor = self._waiting.pop(worker)
        self._busy[actor.run.remote(part)] = worker, actor, part

    def wait(self) -> list[tuple[int, Part, bytes | None, str]]:
        """See `Pool`.

        Raises
        ------
        BagError, EngineError, ModelError
            As they were raised in an actor.
        """
        ready, _ = self._ray.wait(list(self._busy), num_returns=1)
        done = []
        for reference in ready:
            worker, actor, part = self._busy.pop(reference)
            try:
                content = self._get(reference)
            except self._ray.exceptions.RayError as error:
                self._start()
                done.append((worker, part, None, f"{type(error).__name__}: {error}"))
                continue
            self._waiting[worker] = actor
            done.append((worker, part, content, ""))
        return done

    def close(self) -> None:
        """End the actors, and the cluster where this started it."""
        for actor in [*self._waiting.values(), *(actor for _, actor, _ in self._busy.values())]:
            self._ray.kill(actor)
        self._waiting.clear()
        self._busy.clear()
        self._ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError at once where nobody answers; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in address:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER).close()


def _import() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingPackage(
            f"--ray needs Ray ({error}): python -m pip install 'ray>=2.44,<3'"
        ) from error
    return ray
