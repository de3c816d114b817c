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
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import remove_ros_args

TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}


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
        self._state = node.create_client(GetState, f"{target}/get_state")
        self._change = node.create_client(ChangeState, f"{target}/change_state")

    def state(self, timeout: float) -> str:
        """Return the label of the state, such as "active".

        An answer also proves that the node knows all publishers and subscriptions that this
        process made before the client, since discovery tells of them in order.

        Raises
        ------
        LifecycleError
            When there is no answer in `timeout` seconds.
        """
        return self._call(self._state, GetState.Request(), timeout).current_state.label

    def change(self, transition: str, timeout: float) -> None:
        """Take a transition of `TRANSITIONS`.

        Raises
        ------
        LifecycleError
            When it fails, or there is no answer in `timeout` seconds.
        """
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition]))
        if not self._call(self._change, request, timeout).success:
            raise LifecycleError(f"{self._target} did not {transition}: its log says why")

    def wait_for(self, state: str, timeout: float) -> None:
        """Wait until the node is in `state`.

        Raises
        ------
        LifecycleError
            When it is not after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        while (found := self.state(max(0.0, end - time.monotonic()))) != state:
            if time.monotonic() > end:
                raise LifecycleError(f"{self._target} is {found}, not {state}")
            rclpy.spin_once(self._node, timeout_sec=0.05)

    def close(self) -> None:
        """Leave the node's services."""
        self._node.destroy_client(self._state)
        self._node.destroy_client(self._change)

    def _call(self, client: Any, request: Any, timeout: float) -> Any:
        end = time.monotonic() + timeout
        if not client.wait_for_service(timeout_sec=timeout):
            raise LifecycleError(f"there is no managed node {self._target} after {timeout:g} s")
        future = client.call_async(request)
        rclpy.spin_until_future_complete(
            self._node, future, timeout_sec=max(0.0, end - time.monotonic())
        )
        if not future.done():
            raise LifecycleError(f"{self._target} did not answer within {timeout:g} s")
        return future.result()


def interruptible() -> None:
    """Make SIGTERM end a program as SIGINT does, by KeyboardInterrupt.

    For programs that initialise rclpy without its own signal handlers, which would end the
    context while the program still needs it.
    """

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def main(args: list[str] | None = None) -> int:
    """Take the transitions in order; 1 when one fails."""
    parser = argparse.ArgumentParser(description="Takes transitions of a managed node.")
    parser.add_argument("node", help="its full name, such as /rs/certifier")
    parser.add_argument("transitions", nargs="+", choices=tuple(TRANSITIONS))
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for each")
    arguments = parser.parse_args(remove_ros_args(args or sys.argv)[1:])
    interruptible()
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("lifecycle_client")
    try:
        client = LifecycleClient(node, arguments.node)
        for transition in arguments.transitions:
            client.change(transition, arguments.timeout)
    except LifecycleError as error:
        print(f"lifecycle_client: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
