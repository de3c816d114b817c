# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that tell of their failures and survive wrong requests, and their process."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.exceptions import NameValidationException, ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.time_source import CLOCK_TOPIC

_SWITCH_INTERVAL = 0.0005  # seconds a thread may keep the interpreter from the certifier's
_SIGNAL_POLL = 0.2  # seconds after which the executor looks whether a signal came


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
    """

    stuck = False


def _collect_signals(signals: list[int]) -> None:
    """Have SIGINT and SIGTERM appended to a list, by a thread that waits for them.

    In the main thread they are blocked. OpenVINO gives it an alternate signal stack with room for
    one frame of a CPU with AMX: a second signal while the first is handled would overflow it.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:  # for threads of libraries that were there before
        signal.signal(number, lambda number, frame: signals.append(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def collect() -> None:
        while True:
            signals.append(signal.sigwait(numbers))

    threading.Thread(target=collect, name="signals", daemon=True).start()


def run(make_node: Callable[[], Node], args: list[str] | None) -> int:
    """Run a node as a process until SIGINT or SIGTERM.

    Returns
    -------
    int
        Exit status: 0 after a signal, 2 for wrong arguments or parameters. With a thread that is
        stuck the process ends here, with 1: the interpreter's orderly end might wait for it.
    """
    # A flag, not rclpy's handlers or KeyboardInterrupt: what is in progress comes to its end,
    # and a second signal (terminal and `ros2 launch` send one each) is harmless.
    signals: list[int] = []
    _collect_signals(signals)
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
    # All but the first are rclpy's, for ROS arguments.
    except (ValueError, RuntimeError, NameValidationException, ParameterException) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    sys.setswitchinterval(_SWITCH_INTERVAL)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not signals:
        executor.spin_once(timeout_sec=_SIGNAL_POLL)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    if getattr(node, "stuck", False):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
    return 0
