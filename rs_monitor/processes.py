# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Processes of a ROS system of our own: started together, never left behind."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DOMAINS = range(1, 101)
_DOMAIN_PORTS = 32768  # the convention of ROS's domain_coordinator: port = this + domain
_PATIENCE = 8.0  # seconds from SIGINT to SIGKILL
_POLL = 0.05  # seconds
_LIBC = ctypes.CDLL(None)  # found here: after a fork, nothing should be loaded
_SET_PARENT_DEATH_SIGNAL = 1  # of prctl
_COMPLAINT = re.compile(r"\[(WARN|ERROR|FATAL)\]")  # as ROS loggers begin a line


class ProcessError(RuntimeError):
    """A process that does not do its part; the message says which, with the end of its log."""


@contextlib.contextmanager
def own_domain() -> Iterator[int]:
    """Reserve a ROS_DOMAIN_ID that no test or demo on this machine uses at the same time.

    Raises
    ------
    ProcessError
        When all are taken.
    """
    for domain in _DOMAINS:
        reservation = socket.socket()
        try:
            reservation.bind(("", _DOMAIN_PORTS + domain))
        except OSError:
            reservation.close()
            continue
        with reservation:
            yield domain
        return
    raise ProcessError(f"no free ROS domain among {_DOMAINS.start} to {_DOMAINS.stop - 1}")


@contextlib.contextmanager
def interrupts_raise() -> Iterator[None]:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does, so that clean-up runs."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    with _handling(interrupt):
        yield


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Let the body finish before an interrupt counts."""
    pending: list[int] = []
    with _handling(lambda number, frame: pending.append(number)):
        yield
    if pending:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _end_with(parent: int) -> None:
    """Have this process ended by SIGTERM when its parent is, however that happens."""
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it was killed before that
        os._exit(1)


class Processes:
    """Python programs of rs_monitor; leaving the context ends them all.

    Each is in a session of its own: a Ctrl-C reaches this process alone, which then ends the
    others in order. If this process is killed, so that it cannot, the kernel ends them.

    Parameters
    ----------
    folder : Path
        Takes a log for each.
    environment : dict
        Set on top of this process's.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *exception: object) -> None:
        with _interrupts_deferred():
            for name in reversed(list(self._running)):
                self.stop(name)

    def start(
        self,
        name: str,
        arguments: list[str],
        *,
        environment: dict[str, str] | None = None,
        stdout: TextIO | None = None,
        told: bool = False,
    ) -> None:
        """Start `python -m arguments`; output goes to its log, standard output where given.

        With `told` its standard input is what `tell` writes.
        """
        with _interrupts_deferred(), self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env={**self._environment, **(environment or {})},
                stdin=subprocess.PIPE if told else subprocess.DEVNULL,
                stdout=log if stdout is None else stdout,
                stderr=log,
                start_new_session=True,
                preexec_fn=functools.partial(_end_with, os.getpid()),
            )

    def finish(self, name: str) -> None:
        """Wait until a program has succeeded, while the others must go on.

        Raises
        ------
        ProcessError
            When it fails or another ends.
        """
        process = self._running[name]
        self.wait_until(lambda: process.poll() is not None, ending=name)
        del self._running[name]
        if process.returncode:
            raise ProcessError(self._failure(name, process.returncode))

    def wait_until(
        self,
        condition: Callable[[], bool],
        limit: float | None = None,
        ending: str = "",
        poll: float = _POLL,
    ) -> bool:
        """Wait for a condition, looked at every `poll` seconds; False after `limit` seconds.

        Raises
        ------
        ProcessError
            When a program other than `ending` ends meanwhile.
        """
        end = None if limit is None else time.monotonic() + limit
        while not condition():
            for name, process in self._running.items():
                if name != ending and process.poll() is not None:
                    raise ProcessError(self._failure(name, process.returncode))
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(poll)
        return True

    def pid(self, name: str) -> int:
        """Return the process id of a program."""
        return self._running[name].pid

    def tell(self, name: str, text: str) -> None:
        """Write to the standard input of a program that was started to be told."""
        stream = self._running[name].stdin
        stream.write(text.encode())
        stream.flush()

    def signal(self, name: str, number: int) -> None:
        """Send a program a signal."""
        self._running[name].send_signal(number)

    def kill(self, name: str) -> None:
        """End a program as a crash does: it has no time for anything."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        """End a program by SIGINT, or by SIGKILL when it takes too long."""
        process = self._running.pop(name)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def complaints(self, name: str) -> list[str]:
        """Return the warnings and errors in a program's log."""
        text = self._log(name).read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if _COMPLAINT.match(line)]

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _failure(self, name: str, status: int) -> str:
        text = self._log(name).read_text(encoding="utf-8", errors="replace")
        tail = " | ".join(line.strip() for line in text.splitlines()[-3:] if line.strip())
        return f"the {name} ended with status {status}: {tail or 'it said nothing'}"
