# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that tell of their failures and survive wrong requests."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.time_source import CLOCK_TOPIC


class TransitionRefused(RuntimeError):
    """A transition that cannot be made now, for a reason that a user can mend."""


def transition(
    method: Callable[[Any, LifecycleState], None],
) -> Callable[[Any, LifecycleState], TransitionCallbackReturn]:
    """Turn a method that may raise into a lifecycle callback: rclpy would swallow the exception.

    After TransitionRefused the node stays in the state it was in; anything else is an error,
    after which `on_error` decides.
    """

    @functools.wraps(method)
    def callback(self: LifecycleNode, state: LifecycleState) -> TransitionCallbackReturn:
        name = method.__name__.removeprefix("on_")
        try:
            method(self, state)
        except TransitionRefused as error:
            self.get_logger().error(f"{name} failed: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            self.get_logger().error(f"{name}: {traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    return callback


class LastingNode(Node):
    """A node that malformed requests and clocks do not end.

    Where a service raises, for a transition that the state does not allow or a malformed
    parameter, or the clock, for a time before zero, rclpy would let the exception end the node.
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        for service in self.services:
            service.callback = self._answering(service.callback)

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., None], *args: Any, **kwargs: Any
    ) -> Any:
        """Subscribe; rclpy itself does so here for the clock."""
        if topic == CLOCK_TOPIC:
            callback = self._checking(callback)
        return super().create_subscription(msg_type, topic, callback, *args, **kwargs)

    def _answering(self, callback: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        @functools.wraps(callback)
        def answer(request: Any, response: Any) -> Any:
            try:
                return callback(request, response)
            except Exception as error:
                self.get_logger().error(f"{type(request).__qualname__} refused: {error}")
                return response

        return answer

    def _checking(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            try:
                callback(message)
            except ValueError as error:
                self.get_logger().error(
                    f"{CLOCK_TOPIC} ignored: {error}", throttle_duration_sec=1.0
                )

        return take


class ManagedNode(LastingNode, LifecycleNode):
    """A lifecycle node that lasts.

    Attributes
    ----------
    stuck : bool
        Whether a thread was left behind that does not come back.
    busy : bool
        Whether one was left behind at work that cannot be stopped, but is not at fault.
    """

    stuck = busy = False

    def check_alone(self) -> None:
        """Refuse a transition that another node of this name, on another machine, takes too.

        Raises
        ------
        TransitionRefused
        """
        name = self.get_fully_qualified_name()
        count = self.count_services(f"{name}/change_state")
        if count > 1:
            raise TransitionRefused(
                f"{count} nodes are named {name}, and take each other's requests: end the others, "
                "on other machines or in other containers, or choose another namespace"
            )
