# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The process of a node, from its first import to its exit status.

Signals are collected before anything large is imported: this module itself imports little.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from socket import socket

    from rclpy.node import Node

_SWITCH_INTERVAL = 0.0005  # seconds a thread may keep the interpreter from the certifier's
_SIGNAL_POLL = 0.2  # seconds after which the executor looks whether a signal came


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


def _claim(name: str, signals: list[int]) -> socket:
    """Claim the node's name before it can answer requests that are meant for another."""
    import rclpy

    from .name_claim import claim_name

    # ROS remaps names where it makes a node; this one has nothing that others could see or ask.
    bare = rclpy.create_node(name, enable_rosout=False, start_parameter_services=False)
    full_name = bare.get_fully_qualified_name()
    bare.destroy_node()
    domain = rclpy.get_default_context().get_domain_id()
    return claim_name(full_name, domain, lambda: bool(signals))


def _say_up(node: Node) -> None:
    """Tell whoever waits for it, such as the launch file, that requests reach this node now.

    Not by print: what a full disk or a reader that has gone keeps it from writing must not end
    the node, now or when its buffers are flushed.
    """
    if sys.stdout is not None:  # closed, as by >&-
        with contextlib.suppress(OSError):
            os.write(sys.stdout.fileno(), f"{node.get_fully_qualified_name()} is up\n".encode())


def run(name: str, load: Callable[[], Callable[[], Node]], args: list[str] | None) -> int:
    """Run a node as a process until SIGINT or SIGTERM; a first line says that it is up.

    Parameters
    ----------
    name : str
        The node's, before remapping.
    load : callable
        Imports and returns what makes the node.
    args : list of str or None
        Those of the process by default.

    Returns
    -------
    int
        Exit status: 0 after a signal, 2 for wrong arguments or parameters and for a node that
        runs already. With a thread that is stuck the process ends here, with 1: the
        interpreter's orderly end might wait for it.
    """
    # A flag, not rclpy's handlers or KeyboardInterrupt: what is in progress comes to its end,
    # and a second signal (terminal and `ros2 launch` send one each) is harmless.
    signals: list[int] = []
    _collect_signals(signals)
    make_node = load()
    if signals:
        return 0
    import rclpy
    from rclpy.exceptions import NameValidationException, ParameterException
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions

    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        claim = _claim(name, signals)
        node = make_node()
    # All but the first are rclpy's, for ROS arguments.
    except (ValueError, RuntimeError, NameValidationException, ParameterException) as error:
        rclpy.try_shutdown()
        if signals:
            return 0
        advice = "; set HOME, or ROS_LOG_DIR to a folder that can be written"
        print(
            f"cannot start: {error}{advice if 'initialize logging' in str(error) else ''}",
            file=sys.stderr,
        )
        return 2
    _say_up(node)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not signals:
        executor.spin_once(timeout_sec=_SIGNAL_POLL)
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    claim.close()
    stuck, busy = getattr(node, "stuck", False), getattr(node, "busy", False)
    if stuck or busy:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1 if stuck else 0)
    return 0
