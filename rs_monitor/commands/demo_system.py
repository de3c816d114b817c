# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Camera, certifier and safety monitor as three processes, from start to end."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import yaml

from ..parameters import BY_NAME
from ..processes import ProcessError, Processes, own_domain
from ..program import UsageError
from ..resources import shipped_file
from ..settings import Settings

_NAMESPACE = "/rs"
_NODE = f"{_NAMESPACE}/certifier"
_IMAGE = ["-r", "image:=/camera/image", "-r", "image/compressed:=/camera/image/compressed"]
_CONNECT = 30.0  # seconds until the listener hears the node
_LAST_CERTIFICATE = 2.0  # seconds to wait for it after the camera has ended


@dataclasses.dataclass(frozen=True)
class Camera:
    """What the camera plays.

    Attributes
    ----------
    bag : Path
    topic : str
        Its topic in the bag.
    rate : float or None
        Hertz; None for the recorded intervals.
    frames : int or None
        How many; None for all, once.
    recorded : bool
        Whether frames keep their stamps, by a /clock that shows the time of the recording.
    """

    bag: Path
    topic: str
    rate: float | None
    frames: int | None
    recorded: bool = False

    @property
    def program(self) -> list[str]:
        """What follows `python -m`."""
        words = ["rs_monitor.ros.camera_publisher", "--bag", str(self.bag)]
        words += ["--bag-topic", self.topic, "--certifier", _NODE]
        words += [] if self.rate is None else ["--rate", str(self.rate)]
        words += ["--recorded"] if self.recorded else []
        return words if self.frames is None else [*words, "--frames", str(self.frames)]


@dataclasses.dataclass(frozen=True)
class LiveRun:
    """What a run left behind.

    Attributes
    ----------
    sent : list of dict
        The camera's record of every frame.
    info : dict
        What the node said about itself.
    certificates : list of dict
        The listener's record of every certificate.
    read : dict
        What the camera found to be lost of the recording: `warnings` and `gap`.
    complaints : list of str
        Warnings and errors that the node and the camera logged.
    """

    sent: list[dict[str, Any]]
    info: dict[str, Any]
    certificates: list[dict[str, Any]]
    read: dict[str, Any]
    complaints: list[str]


def check_rate(rate: float) -> None:
    """Refuse an --rate whose frame period the node would not take.

    Raises
    ------
    UsageError
    """
    period = BY_NAME["timing.frame_period"]
    low, high = 1 / period.high, 1 / period.low
    if not low <= rate <= high:
        raise UsageError(f"--rate must lie in {low:.2g} to {high:g} Hz, got {rate:g}")


def node_parameters(
    settings: Settings,
    *,
    model: str,
    backend: str,
    precision: str,
    resolution: str,
    frame_period: float,
    **others: Any,
) -> dict[str, Any]:
    """Return the node's parameters, checked by its own table.

    Parameters
    ----------
    settings : Settings
    model : str
        Card or family; "" for the shipped one.
    backend, precision, resolution : str
    frame_period : float
        Seconds.
    **others
        Further parameters, with `__` for a dot in their names.

    Raises
    ------
    UsageError
        For a value out of range.
    """
    parameters = {
        "model.path": str(Path(model).absolute()) if model else "",
        "engine.backend": backend,
        "engine.precision": precision,
        "certification.n": settings.n,
        "certification.sigma": settings.sigma,
        "certification.alpha": settings.alpha,
        "certification.procedure": settings.procedure,
        "certification.n_selection": settings.n_selection,
        "input.resolution": resolution,
        "timing.frame_period": frame_period,
    } | {name.replace("__", "."): value for name, value in others.items()}
    for name in parameters.keys() & BY_NAME.keys():
        reason = BY_NAME[name].check(parameters[name])
        if reason:
            raise UsageError(reason)
    return parameters


def run_live(
    folder: Path,
    parameters: dict[str, Any],
    camera: Camera,
    lines: TextIO,
    *,
    quiet: bool,
    safety_monitor: Mapping[str, Any] | None = None,
    watching: Callable[[Mapping[str, int]], AbstractContextManager[object]] = (
        lambda pids: nullcontext()
    ),
) -> LiveRun:
    """Play a recording to the node while a listener listens.

    Parameters
    ----------
    folder : Path
        For logs and records.
    parameters : dict
        The node's.
    camera : Camera
    lines : TextIO
        A real file: takes the listener's line a frame.
    quiet : bool
        No such lines.
    safety_monitor : mapping of str, optional
        Parameters of a safety monitor that listens too.
    watching : callable
        Is given the process ids of node, camera, listener and safety monitor by name; the context
        it returns lasts as long as the camera plays.

    Raises
    ------
    ProcessError
        When a process fails.
    """
    file = folder / "parameters.yaml"
    _write_parameters(file, parameters)
    sent, heard = folder / "sent.jsonl", folder / "heard.jsonl"
    with own_domain() as domain:
        environment = {
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": str(folder),
        }
        with Processes(folder, environment) as processes:
            node = ["rs_monitor.ros.node", "--ros-args", "--params-file", str(file)]
            processes.start("node", [*node, "-r", f"__ns:={_NAMESPACE}", *_IMAGE])
            _bring_up(processes)
            listener = ["rs_monitor.ros.certificate_listener", "--node", _NODE]
            listener += ["--sigma", str(parameters["certification.sigma"])]
            required = "certification.required_radius"
            wanted = parameters.get(required, BY_NAME[required].default)
            listener += ["--required-radius", str(wanted)]
            listener += ["--record", str(heard)] + (["--quiet"] if quiet else [])
            processes.start("listener", listener, stdout=lines)
            if not processes.wait_until(lambda: _find("listening", heard) != [], _CONNECT):
                raise ProcessError(f"the listener does not hear {_NODE} after {_CONNECT:g} s")
            programs = ["node", "listener", "camera"]
            if safety_monitor is not None:
                programs.append("safety monitor")
                file = folder / "safety_monitor.yaml"
                _write_parameters(file, safety_monitor)
                words = ["rs_monitor.ros.safety_node", "--ros-args", "--params-file", str(file)]
                processes.start("safety monitor", [*words, "-r", f"__ns:={_NAMESPACE}"])
            profile = str(shipped_file("config", "fastdds_camera.xml"))
            processes.start(
                "camera",
                [*camera.program, "--record", str(sent), "--ros-args", *_IMAGE],
                environment={"FASTRTPS_DEFAULT_PROFILES_FILE": profile},
            )
            pids = {name: processes.pid(name) for name in programs}
            with watching(pids):
                processes.finish("camera")
            frames = _find("sent", sent)
            if frames:
                last = str(frames[-1]["stamp_ns"])
                processes.wait_until(lambda: last in heard.read_text("utf-8"), _LAST_CERTIFICATE)
            complaints = processes.complaints("node") + processes.complaints("camera")
    info = _find("info", heard)[-1]
    read = _find("read", sent)
    if not read:
        raise ProcessError("the camera was ended before its recording")
    return LiveRun(frames, info, _find("certificate", heard), read[-1], complaints)


def _write_parameters(file: Path, parameters: Mapping[str, Any]) -> None:
    content = {"/**": {"ros__parameters": dict(parameters)}}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")


def _bring_up(processes: Processes) -> None:
    """Configure and activate the node."""
    client = ["rs_monitor.ros.lifecycle_client", _NODE, "configure", "activate"]
    processes.start("lifecycle client", client)
    try:
        processes.finish("lifecycle client")
    except ProcessError as error:
        reasons = processes.complaints("node")
        raise ProcessError(reasons[-1] if reasons else str(error)) from error


def _find(kind: str, path: Path) -> list[dict[str, Any]]:
    """Return the records of one kind among the JSON lines that a process has written so far."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    return [record[kind] for record in records if kind in record]
