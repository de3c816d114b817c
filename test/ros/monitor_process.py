# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The node in its own process, and a client of it over DDS."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from builtin_interfaces.msg import Time
from image_messages import now
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue, SetParametersResult
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import parameter_value_to_python
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor.certification import Status
from rs_monitor_msgs.msg import Certificate, MonitorInfo

LIMIT = 60.0  # seconds after which a test gives up: a busy machine needs some of them
END = 20.0  # seconds that a process may take to end
CAMERA_PROFILE = "FASTRTPS_DEFAULT_PROFILES_FILE"
SETTINGS = {  # generous times: these tests also hold on a busy machine
    "certification.n": 64,
    "timing.frame_period": 2.0,
    "input.max_age": 30.0,
}
_TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
_SHUTDOWN = {
    "unconfigured": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
_SERVICES = {
    "change_state": ChangeState,
    "describe_parameters": DescribeParameters,
    "get_parameters": GetParameters,
    "set_parameters": SetParameters,
    "set_parameters_atomically": SetParametersAtomically,
    "get_state": GetState,
}
_RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_numbers = itertools.count()


def node_command(
    parameters: dict[str, Any],
    *arguments: str,
    module: str = "rs_monitor.ros.node",
    options: tuple[str, ...] = (),
) -> list[str]:
    """Return the command line of the node with these parameters."""
    command = [sys.executable, "-m", module, *options, "--ros-args", *arguments]
    for name, value in parameters.items():
        command += ["-p", f"{name}:={json.dumps(value)}"]
    return command


def end(process: subprocess.Popen) -> None:
    """End a process that may have ended already, by a signal that it can obey.

    One that is killed while it writes into this process' shared memory leaves its lock behind, and
    Fast DDS 2.14 then crashes this process when it closes that port.
    """
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Monitor:
    """A node process in a namespace of its own, with a client in this process.

    Parameters
    ----------
    model : Path
        Its card or family.
    folder : Path
        For its output.
    parameters : dict
        Beside SETTINGS, which they override.
    arguments : str
        Further ROS arguments.
    compressed : bool
        Whether images are sent compressed.
    image_topic : str
        What the node's `image` is remapped to.
    module : str
        The node's program.
    options : tuple of str
        Arguments of that program before the ROS arguments.
    """

    def __init__(
        self,
        model: Path,
        folder: Path,
        parameters: dict[str, Any] | None = None,
        *arguments: str,
        compressed: bool = False,
        image_topic: str = "image",
        module: str = "rs_monitor.ros.node",
        options: tuple[str, ...] = (),
    ) -> None:
        self.namespace = f"/monitor{next(_numbers)}"
        self.name = f"{self.namespace}/certifier"
        self.certificates: list[Any] = []
        self.client = rclpy.create_node("client", namespace=self.namespace)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.client)
        # get_state last: discovery tells of clients in this order, so that a node which answers
        # it can answer all.
        self._services = {
            name: self.client.create_client(kind, f"{self.name}/{name}")
            for name, kind in _SERVICES.items()
        }
        self.client.create_subscription(
            Certificate, "certificate", self.certificates.append, _RELIABLE
        )
        self.images = self.client.create_publisher(
            CompressedImage if compressed else Image,
            f"{image_topic}/compressed" if compressed else image_topic,
            _RELIABLE,
        )
        self._output = folder / f"output{next(_numbers)}.txt"
        values = {"model.path": str(model)} | SETTINGS | (parameters or {})
        remapped = ("-r", f"__ns:={self.namespace}", "-r", f"image:={image_topic}")
        with open(self._output, "wb") as output:
            self.process = subprocess.Popen(
                node_command(values, *remapped, *arguments, module=module, options=options),
                stdout=output,
                stderr=output,
                cwd=folder,
                env={key: value for key, value in os.environ.items() if key != CAMERA_PROFILE},
            )

        self._greet()

    @property
    def output(self) -> str:
        """All that the process printed."""
        return self._output.read_text(errors="replace")

    def wait(
        self,
        condition: Callable[[], Any],
        what: str,
        limit: float = LIMIT,
        *,
        may_end: bool = False,
    ) -> Any:
        """Spin the client until `condition` holds; returns its value."""
        end = time.monotonic() + limit
        while not (value := condition()):
            ended = self.process.poll() is not None
            assert may_end or not ended, f"the node ended: {self.output}"
            assert time.monotonic() < end, f"no {what} after {limit} s: {self.output}"
            self._executor.spin_once(timeout_sec=0.05)
        return value

    # Services

    def call(self, name: str, request: Any, limit: float = LIMIT) -> Any:
        """Call a service of the node."""
        service = self._services[name]
        self.wait(service.service_is_ready, f"service {name}", limit)
        future = service.call_async(request)
        self.wait(future.done, f"answer of {name}", limit)
        return future.result()

    def state(self) -> str:
        """Return the lifecycle state."""
        return self.call("get_state", GetState.Request()).current_state.label

    def _greet(self) -> None:
        """Wait for a first answer: the node may know the client's requests before its inbox."""
        service = self._services["get_state"]
        self.wait(service.service_is_ready, "service get_state")
        futures = []

        def answered() -> bool:
            futures.append(service.call_async(GetState.Request()))
            end = time.monotonic() + 1.0
            while time.monotonic() < end and not any(future.done() for future in futures):
                self._executor.spin_once(timeout_sec=0.05)
            return any(future.done() for future in futures)

        self.wait(answered, "first answer")

    def change(self, transition: str) -> bool:
        """Take a lifecycle transition; whether it succeeded."""
        number = _TRANSITIONS.get(transition) or _SHUTDOWN[self.state()]
        request = ChangeState.Request(transition=Transition(id=number))
        success = self.call("change_state", request).success
        if transition == "deactivate" and success:  # else it is taken for the next one
            gone = self.images.get_subscription_count
            self.wait(lambda: gone() == 0, "end of the subscription")
        return success

    def activate(self) -> Monitor:
        """Configure and activate; returns itself once both sides know of each other."""
        assert self.change("configure"), self.output
        assert self.change("activate"), self.output
        self.wait(self.connected, "connection")
        return self

    def connected(self) -> bool:
        """Whether images and certificates have somebody to go to."""
        certificate = f"{self.namespace}/certificate"
        return (
            self.images.get_subscription_count() == 1
            and self.client.count_publishers(certificate) == 1
        )

    def set(self, *, atomically: bool = False, **values: Any) -> list[SetParametersResult]:
        """Set parameters, with `__` for a dot in their names."""
        parameters = [
            ParameterMsg(name=name.replace("__", "."), value=_parameter_value(value))
            for name, value in values.items()
        ]
        if atomically:
            request = SetParametersAtomically.Request(parameters=parameters)
            answer = self.call("set_parameters_atomically", request)
            return [answer.result]
        request = SetParameters.Request(parameters=parameters)
        return self.call("set_parameters", request).results

    def get(self, name: str) -> Any:
        """Return a parameter."""
        request = GetParameters.Request(names=[name])
        answer = self.call("get_parameters", request)
        return parameter_value_to_python(answer.values[0])

    def describe(self, *names: str) -> Any:
        """Return parameters' descriptors."""
        request = DescribeParameters.Request(names=names)
        return self.call("describe_parameters", request).descriptors

    def info(self) -> Any:
        """Subscribe late to the latched ~/info, and return what comes."""
        received: list[Any] = []
        subscription = self.client.create_subscription(
            MonitorInfo, f"{self.name}/info", received.append, LATCHED
        )
        self.wait(lambda: received, "info")
        self.client.destroy_subscription(subscription)
        return received[-1]

    # Images and certificates

    def certified(self, message: Any) -> Any:
        """Publish images until one is certified: a busy machine may be late for some."""

        def in_time() -> Any:
            message.header.stamp = now()
            certificate = self.certificate_of(message)
            late = certificate.status == Status.DEADLINE_MISSED
            assert late or certificate.status == Status.CERTIFIED, certificate.reason
            return None if late else certificate

        return self.wait(in_time, "certificate in time")

    def send(self, message: Any) -> None:
        """Publish an image; stamped now unless it is stamped already."""
        if message.header.stamp == Time():
            message.header.stamp = now()
        self.images.publish(message)

    def certificate_of(self, message: Any, limit: float = LIMIT) -> Any:
        """Publish an image and return its certificate, the only one that comes."""
        known = len(self.certificates)
        self.send(message)
        self.wait(lambda: len(self.certificates) > known, "certificate", limit)
        found = self.certificates[known:]
        assert len(found) == 1
        assert found[0].header == message.header
        return found[0]

    # The end

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT)

    def close(self) -> None:
        """End the process, if it is still there, and the client."""
        end(self.process)
        self._executor.shutdown()
        self.client.destroy_node()


def _parameter_value(value: Any) -> ParameterValue:
    if value is None:
        return ParameterValue(type=ParameterType.PARAMETER_NOT_SET)
    if isinstance(value, bool):
        return ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=value)
    if isinstance(value, int):
        return ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)
    if isinstance(value, float):
        return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
    if isinstance(value, str):
        return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)
    return ParameterValue(
        type=ParameterType.PARAMETER_INTEGER_ARRAY, integer_array_value=list(value)
    )
