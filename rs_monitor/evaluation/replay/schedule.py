# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Which worker does which part: each reads on in one stream, and none over and over."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Protocol

from .plan import Part

_ATTEMPTS = 3  # at a part whose worker is lost


class WorkerLost(RuntimeError):
    """A part whose worker ended again and again; the message says which and how."""


class Pool(Protocol):
    """Workers that each do one part at a time."""

    def identity(self) -> dict[str, Any]:
        """Return what runs in a worker: see `ReplayWorker.identity`."""

    def workers(self) -> list[Hashable]:
        """Return the workers that wait for a part."""

    def submit(self, worker: Hashable, part: Part) -> None:
        """Give a waiting worker a part."""

    def wait(self) -> list[tuple[Hashable, Part, bytes | None, str]]:
        """Wait for some parts: worker, part, result, "" each.

        A result of None stands for a worker that was lost, with the reason; a new one waits in
        its place.
        """

    def close(self) -> None:
        """End the workers, busy ones by force."""


class Schedule:
    """Parts that are left to do, as runs of neighbours.

    A worker goes on in its own run. One without takes the next whole run, or the second half of
    the longest that another worker is at.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._free: list[list[Part]] = []
        self._owned: dict[Hashable, list[Part]] = {}
        last: Part | None = None
        for part in parts:
            follows = last is not None and (part.stream, part.first) == (last.stream, last.stop)
            if follows:
                self._free[-1].append(part)
            else:
                self._free.append([part])
            last = part

    def next(self, worker: Hashable) -> Part | None:
        """Return what `worker` is to do now; None when nothing is left."""
        run = self._owned.get(worker)
        if not run:
            run = self._owned[worker] = self._another()
        return run.pop(0) if run else None

    def give_back(self, worker: Hashable, part: Part) -> None:
        """Put back a part, and the rest of the run of a worker that is lost."""
        self._free.insert(0, [part, *self._owned.pop(worker, [])])

    def _another(self) -> list[Part]:
        if self._free:
            return self._free.pop(0)
        longest = max(self._owned.values(), key=len, default=[])
        half = len(longest) - len(longest) // 2
        taken = longest[half:] or longest[:]
        del longest[len(longest) - len(taken) :]
        return taken


def run_all(schedule: Schedule, pool: Pool, keep: Callable[[Part, bytes], None]) -> None:
    """Have every part done, and each result kept once.

    Parameters
    ----------
    schedule : Schedule
    pool : Pool
    keep : callable
        Takes a part and its result.

    Raises
    ------
    WorkerLost
        When a part was tried several times in vain.
    """
    busy = 0
    failures: dict[Part, int] = {}
    while True:
        for worker in pool.workers():
            part = schedule.next(worker)
            if part is not None:
                pool.submit(worker, part)
                busy += 1
        if not busy:
            return
        for worker, part, result, reason in pool.wait():
            busy -= 1
            if result is not None:
                keep(part, result)
                continue
            failures[part] = failures.get(part, 0) + 1
            if failures[part] >= _ATTEMPTS:
                raise WorkerLost(
                    f"a worker ended {_ATTEMPTS} times at images {part.first} and following: "
                    f"{reason}"
                )
            schedule.give_back(worker, part)
