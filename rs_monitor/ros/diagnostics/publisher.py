# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes reports as diagnostic_updater does (it has no wheel), from a thread of its own."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from ..topics import DIAGNOSTICS
from .report import Level, Report, plain

_LOOK = 0.1  # seconds between two looks at the levels
_END = 5.0  # seconds that the thread is waited for
Observed = TypeVar("Observed")


class DiagnosticsPublisher(Generic[Observed]):
    """Asks tasks for reports on what is observed, and publishes them together (REP 107).

    All are published once a period, and at once when any level changes. A thread does it, so that
    diagnostics also come while the node's executor is busy, configuring for one.

    Parameters
    ----------
    node : Node
        Its full name is part of each status' name, as in `/rs/certifier: Input`: nodes of several
        cameras differ in their namespaces only.
    observe : callable
        Returns what the tasks report on, so that all speak of the same moment. Like all these
        functions it is called from the thread.
    tasks : mapping of str to callable
        By name: from what was observed to a Report.
    hardware_id : callable
        Returns the name of what is diagnosed.
    period : callable
        Returns the seconds between two messages.
    """

    def __init__(
        self,
        node: Node,
        observe: Callable[[], Observed],
        tasks: Mapping[str, Callable[[Observed], Report]],
        *,
        hardware_id: Callable[[], str],
        period: Callable[[], float],
    ) -> None:
        self._node = node
        self._observe = observe
        self._tasks = dict(tasks)
        self._hardware_id = hardware_id
        self._period = period
        self._publisher = node.create_publisher(
            DIAGNOSTICS.message, DIAGNOSTICS.name, DIAGNOSTICS.offered()
        )
        self._wake = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="diagnostics", daemon=True)

    def start(self) -> None:
        """Start the thread; it publishes at once."""
        self._thread.start()

    def look(self) -> None:
        """Have the levels looked at now: something has happened. Any thread may call it."""
        self._wake.set()

    def close(self) -> None:
        """End the thread; nothing is published after that."""
        self._ended = True
        self._wake.set()
        self._thread.join(_END)
        self._node.destroy_publisher(self._publisher)

    def _run(self) -> None:
        published, levels = -float("inf"), None
        while not self._ended:
            reports = self._reports()
            found = {name: report.level for name, report in reports.items()}
            now = time.monotonic()
            try:
                if found != levels or now >= published + self._period():
                    published, levels = now, found
                    self._publisher.publish(self._message(reports))
            except Exception as error:  # the next one may come through
                self._node.get_logger().error(f"diagnostics: {plain(error)}")
            self._wake.wait(_LOOK)
            self._wake.clear()

    def _reports(self) -> dict[str, Report]:
        """Return the tasks' reports; a task that fails is reported, and hides no other."""
        try:
            observed = self._observe()
        except Exception as error:
            return dict.fromkeys(self._tasks, _failure(error))
        reports = {}
        for name, task in self._tasks.items():
            try:
                reports[name] = task(observed)
            except Exception as error:
                reports[name] = _failure(error)
        return reports

    def _message(self, reports: Mapping[str, Report]) -> DiagnosticArray:
        name, hardware_id = self._node.get_fully_qualified_name(), self._hardware_id()
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [
            DiagnosticStatus(
                level=bytes([report.level]),
                name=f"{name}: {task}",
                message=report.message,
                hardware_id=hardware_id,
                values=[KeyValue(key=key, value=value) for key, value in report.values.items()],
            )
            for task, report in reports.items()
        ]
        return message


def _failure(error: Exception) -> Report:
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = f"the diagnostic itself failed: {type(error).__name__}: {error}"
    return Report(Level.ERROR, plain(said), {"where": plain(f"{where.filename}:{where.lineno}")})
