# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Replay in this process, or in several of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from ...engines import EngineError
from ...models import ModelError
from ...work_folder import WorkFolder
from ..bags import BagError
from .certify import ReplayWorker
from .plan import Part, Plan

# Errors of the input or the engine: the same in every worker, so that trying again is in vain.
_FINAL = {kind.__name__: kind for kind in (BagError, EngineError, ModelError, OSError)}
_PATIENCE = 5.0  # seconds for a worker to end by itself


class InProcess:
    """A pool of one worker: this process."""

    def __init__(self, plan: Plan) -> None:
        self._worker = ReplayWorker(plan)
        self._part: Part | None = None

    def identity(self) -> dict[str, Any]:
        """See `Pool`."""
        return self._worker.identity()

    def workers(self) -> list[int]:
        """See `Pool`."""
        return [0]

    def submit(self, worker: int, part: Part) -> None:
        """See `Pool`."""
        self._part = part

    def wait(self) -> list[tuple[int, Part, bytes | None, str]]:
        """See `Pool`."""
        return [(0, self._part, self._worker.run(self._part), "")]

    def close(self) -> None:
        """See `Pool`."""
        self._worker.close()


class Processes:
    """A pool of worker processes.

    They are started afresh, not forked: an inference runtime has threads. They end with this
    process, however it ends, since their pipe does.
    """

    def __init__(self, plan: Plan, count: int) -> None:
        self._plan = plan
        self._context = multiprocessing.get_context("spawn")
        # Theirs goes with us: one that is killed leaves what it has unpacked.
        self._folder = WorkFolder("replay")
        self._started = 0
        self._waiting: dict[int, tuple[Any, Connection]] = {}
        self._busy: dict[int, tuple[Any, Connection, Part]] = {}
        for _ in range(count):
            self._start()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._plan, self._folder.name), daemon=True
        )
        # What starts the tracker lifts the block of `_undisturbed`, so it must be running.
        resource_tracker.ensure_running()
        with _undisturbed():
            process.start()
            theirs.close()
            self._started += 1
            self._waiting[self._started] = process, ours

    def identity(self) -> dict[str, Any]:
        """See `Pool`."""
        process, pipe = next(iter(self._waiting.values()))
        try:
            pipe.send(None)
            return _answer(pipe)
        except (EOFError, BrokenPipeError, ConnectionError) as error:
            process.join()
            raise EngineError(f"a worker ended with status {process.exitcode}") from error

    def workers(self) -> list[int]:
        """See `Pool`."""
        return list(self._waiting)

    def submit(self, worker: int, part: Part) -> None:
        """See `Pool`."""
        process, pipe = self._waiting.pop(worker)
        self._busy[worker] = process, pipe, part
        try:
            pipe.send(part)
        except OSError:
            pass  # it has ended: `wait` will find that

    def wait(self) -> list[tuple[int, Part, bytes | None, str]]:
        """See `Pool`.

        Raises
        ------
        BagError, EngineError, ModelError, OSError
            As they were raised in a worker.
        """
        owners = {pipe: worker for worker, (_, pipe, _) in self._busy.items()}
        done = []
        for pipe in wait(list(owners)):
            worker = owners[pipe]
            process, _, part = self._busy.pop(worker)
            try:
                content = _answer(pipe)
            except (EOFError, ConnectionError):
                process.join()
                pipe.close()
                self._start()
                done.append((worker, part, None, f"exit status {process.exitcode}"))
                continue
            self._waiting[worker] = process, pipe
            done.append((worker, part, content, ""))
        return done

    def close(self) -> None:
        """End every process: idle ones by themselves, busy ones by force."""
        for process, pipe in self._waiting.values():
            pipe.close()
            process.join(_PATIENCE)
        for process, pipe, _ in self._busy.values():
            pipe.close()
            process.kill()
            process.join()
        for process, _ in self._waiting.values():
            if process.is_alive():
                process.kill()
                process.join()
        self._waiting.clear()
        self._busy.clear()
        self._folder.cleanup()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold signals back while a process is started.

    A Ctrl-C in a terminal reaches every process, and is for this one: the new one inherits the
    block. Here it may reach another thread than the blocked one, and must not cut short what the
    new process is being told: it takes effect at the end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is disturbed
        return
    caught: list[tuple[int, Any]] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {
        number: signal.signal(number, lambda *signalled: caught.append(signalled))
        for number in numbers
        if callable(signal.getsignal(number))
    }
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number, frame in caught:
        handlers[number](number, frame)


def _answer(pipe: Connection) -> Any:
    """Return a worker's answer, or raise the error that it is."""
    kind, content = pipe.recv()
    if kind:
        raise _FINAL[kind](content)
    return content


def _serve(pipe: Connection, plan: Plan, folder: str) -> None:
    """Do parts until the other end of the pipe is closed; None asks for the identity."""
    tempfile.tempdir = folder
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    import cv2

    cv2.setNumThreads(plan.threads)
    worker: ReplayWorker | None = None
    problem: tuple[str, Any] | None = None
    try:
        worker = ReplayWorker(plan)  # while the others start, too
    except tuple(_FINAL.values()) as error:
        problem = _name(error), str(error)
    try:
        while True:
            part = pipe.recv()
            try:
                answer: tuple[str, Any] = problem or (
                    "",
                    worker.identity() if part is None else worker.run(part),
                )
            except tuple(_FINAL.values()) as error:
                answer = _name(error), str(error)
            pipe.send(answer)
    except (EOFError, OSError):
        pass  # the parent has ended, or wants us to
    os._exit(0)


def _name(error: Exception) -> str:
    return next(name for name, kind in _FINAL.items() if isinstance(error, kind))
