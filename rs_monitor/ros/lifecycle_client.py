# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A client of a managed node: its state, and transitions.

As a program: `python -m rs_monitor.ros.lifecycle_client NODE configure activate`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args
from rclpy.validate_full_topic_name import validate_full_topic_name

TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
_LONGEST = 1e9  # seconds
_ASK_AGAIN = 2.0  # seconds
_LEAST_WAIT = 1.0  # seconds a question is given, however little is left of the time


def node_name(text: str) -> str:
    """Read a node's name: a type of options."""
    try:
        validate_full_topic_name(text if text.startswith("/") else f"/{text}")
    except InvalidTopicNameException as error:
        reason = " ".join(str(error).split("\n")[0].split())
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a node: {reason}") from error
    return text


def seconds(text: str) -> float:
    """Read a waiting time: a type of options."""
    value = float(text)
    if not 0 <= value <= _LONGEST:
        raise argparse.ArgumentTypeError(f"must lie in 0 to {_LONGEST:g} seconds, got {value:g}")
    return value


class LifecycleError(RuntimeError):
    """A managed node that is not there, or does not do as it is told."""


class LifecycleClient:
    """Asks one managed node.

    Parameters
    ----------
    node : rclpy.node.Node
        Made the requests; nobody else may be spinning it.
    target : str
        Full name of the managed node.
    """

    def __init__(self, node: Node, target: str) -> None:
        self._node = node
        self._target = target
        # In this order, see `state`.
        self._change = node.create_client(ChangeState, f"{target}/change_state")
        self._state = node.create_client(GetState, f"{target}/get_state")

    def state(self, timeout: float) -> str:
        """Return the label of the state, such as "active".

        An answer also proves that the node knows all publishers and subscriptions that this
        process made before the client, since discovery tells of them in order.

        Raises
        ------
        LifecycleError
            When there is no answer in `timeout` seconds.
        """
        end = time.monotonic() + timeout
        self._wait_for_service(self._state, timeout)
        while True:
            # An answer is lost where the node has not discovered its reader yet: ask again.
            rest = max(end - time.monotonic(), _LEAST_WAIT)
            answer = self._call(self._state, GetState.Request(), min(rest, _ASK_AGAIN))
            if answer is not None:
                return answer.current_state.label
            if time.monotonic() > end:
                raise LifecycleError(f"{self._target} did not answer within {timeout:g} s")

    def change(self, transition: str, timeout: float) -> None:
        """Take a transition of `TRANSITIONS`.

        Raises
        ------
        LifecycleError
            When it fails, or there is no answer in `timeout` seconds.
        """
        end = time.monotonic() + timeout
        self.state(timeout)  # from now on it knows the reader of the answer that follows
        self._wait_for_service(self._change, max(end - time.monotonic(), _LEAST_WAIT))
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        answer = self._call(self._change, request, max(end - time.monotonic(), _LEAST_WAIT))
        if answer is None:
            raise LifecycleError(f"{self._target} did not {transition} within {timeout:g} s")
        if not answer.success:
            raise LifecycleError(f"{self._target} did not {transition}: its log says why")

    def wait_for(self, state: str, timeout: float) -> None:
        """Wait until the node is in `state`.

        Raises
        ------
        LifecycleError
            When it is not after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while (found := self.state(max(end - time.monotonic(), _LEAST_WAIT))) != state:
            if time.monotonic() > end:
                raise LifecycleError(f"{self._target} is {found}, not {state}")
            rclpy.spin_once(self._node, timeout_sec=0.05)

    def close(self) -> None:
        """Leave the node's services."""
        self._node.destroy_client(self._state)
        self._node.destroy_client(self._change)

    def _wait_for_service(self, client: Any, timeout: float) -> None:
        if not client.wait_for_service(timeout_sec=timeout):
            raise LifecycleError(f"there is no managed node {self._target} after {timeout:g} s")

    def _call(self, client: Any, request: Any, timeout: float) -> Any:
        """Return the answer, or None when there is none in time."""
        future = client.call_async(request)
        rclpy.spin_until_future_complete(self._node, future, timeout_sec=timeout)
        if future.done():
            return future.result()
        client.remove_pending_request(future)
        return None


def run_client(
    make_node: Callable[[], Node],
    work: Callable[[Any], None],
    args: list[str] | None,
    *,
    interrupted: int = 0,
) -> int:
    """Run the program of a node that deals with a managed node; returns its exit status.

    SIGTERM and SIGINT end it by KeyboardInterrupt: rclpy's own handlers would end the context
    while the program still needs it.

    Parameters
    ----------
    make_node : callable
        Returns the node, once rclpy is there.
    work : callable
        Is given the node. A LifecycleError is printed, and the exit status is 1.
    args : list of str or None
        The ROS arguments; those of the process by default.
    interrupted : int
        Exit status after a signal.
    """

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = make_node()
    name = node.get_name()
    try:
        work(node)
    except LifecycleError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return interrupted
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


def main(args: list[str] | None = None) -> int:
    """Take the transitions in order; 1 when one fails."""
    parser = argparse.ArgumentParser(description="Takes transitions of a managed node.")
    parser.add_argument("node", type=node_name, help="its full name, such as /rs/certifier")
    parser.add_argument("transitions", nargs="+", choices=tuple(TRANSITIONS))
    parser.add_argument("--timeout", type=seconds, default=120.0, help="seconds for each")
    arguments = parser.parse_args(remove_ros_args(args or sys.argv)[1:])

    def work(node: Node) -> None:
        client = LifecycleClient(node, arguments.node)
        for transition in arguments.transitions:
            client.change(transition, arguments.timeout)

    # Cut short, it did not do what it was asked for.
    interrupted = 128 + signal.SIGINT
    return run_client(
        lambda: rclpy.create_node("lifecycle_client"), work, args, interrupted=interrupted
    )


if __name__ == "__main__":
    sys.exit(main())
