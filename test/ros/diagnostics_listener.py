# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Listens to what one node publishes on /diagnostics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from rs_monitor.ros.diagnostics import Level


@dataclasses.dataclass(frozen=True)
class Status:
    """One status of a message."""

    level: Level
    message: str
    hardware_id: str
    values: dict[str, str]


class DiagnosticsListener:
    """Keeps all messages of a node, each as its statuses by task.

    Parameters
    ----------
    client : Node
        Listens.
    name : str
        Full name of the node listened to.
    """

    def __init__(self, client: Node, name: str) -> None:
        self.messages: list[dict[str, Status]] = []
        self._prefix = f"{name}: "
        self._client = client
        self._subscription = client.create_subscription(
            DiagnosticArray, "/diagnostics", self._take, 100
        )

    def _take(self, message: DiagnosticArray) -> None:
        statuses = {
            status.name.removeprefix(self._prefix): Status(
                Level(status.level[0]),
                status.message,
                status.hardware_id,
                {pair.key: pair.value for pair in status.values},
            )
            for status in message.status
            if status.name.startswith(self._prefix)
        }
        if statuses:
            self.messages.append(statuses)

    def expect(
        self,
        wait: Callable[[Callable[[], Any], str], Any],
        task: str,
        level: Level,
        said: str = "",
        *,
        anew: bool = True,
    ) -> Status:
        """Wait for a status; returns it.

        Parameters
        ----------
        wait : callable
            Spins until a condition holds: `Monitor.wait`.
        task, level, said : str, Level, str
            Of the status; `said` is part of its message.
        anew : bool
            Whether it must come after this call.
        """
        start = len(self.messages) if anew else 0

        def found() -> Status | None:
            for statuses in self.messages[start:]:
                status = statuses[task]
                if status.level == level and said in status.message:
                    return status
            return None

        try:
            return wait(found, f"{task} {level.name} {said!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\nlast: {self.messages[-1:]}") from error

    def close(self) -> None:
        """Stop listening."""
        self._client.destroy_subscription(self._subscription)
