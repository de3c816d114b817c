# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Camera, certifier and safety monitor as processes whose faults are commanded."""

from __future__ import annotations

import dataclasses
import itertools
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from ...models import load_card
from ...processes import ProcessError, Processes
from ...resources import shipped_file
from ...safety.parameters import FIRST
from ..lifecycle_client import LifecycleClient, LifecycleError
from .audit import Promise, SentFrame
from .camera import Behaviour, read_picture
from .engine import FaultFile
from .observer import HeardCertificate, HeardState, Observer

NODE, MONITOR, CAMERA = "node", "safety monitor", "camera"
LIMIT = 60.0  # seconds after which something that should happen has not
_SETTLING = 0.3  # seconds in which an image that was sent reaches the node
_POLL = 0.005  # seconds
_numbers = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast a system runs.

    Attributes
    ----------
    rate : float
        Of the camera, hertz.
    frame_period : float
        Seconds, as the certifier is told: more than 1 / rate on a machine that is busy.
    max_age : float
        Seconds after which frames and certificates are old.
    """

    rate: float = 25.0
    frame_period: float = 0.04
    max_age: float = 0.2


@dataclasses.dataclass(frozen=True)
class Model:
    """What is certified: a card, and a picture that the model knows."""

    card: Path
    picture: Path


def shipped_model() -> Model:
    """Return the shipped traffic signs, and the picture of one."""
    folder = shipped_file("models", "traffic_signs", "family.yaml").parent
    card = folder / "traffic_signs_sigma025.yaml"
    return Model(card, load_card(card).reference_image)


class System:
    """The three processes in a namespace of their own, with an observer in this one.

    A context manager: leaving it ends them. rclpy is initialised.

    Parameters
    ----------
    folder : Path
        For logs and records.
    model : Model
    pace : Pace
    simulated : bool
        Whether the time is the camera's /clock.
    fed : type or None
        Image or CompressedImage: there is no camera, and the certifier subscribes reliably to what
        a `publisher` in this process sends, with all the time that it needs.
    """

    def __init__(
        self,
        folder: Path,
        model: Model,
        pace: Pace,
        *,
        simulated: bool = False,
        fed: type[Image] | type[CompressedImage] | None = None,
    ) -> None:
        self._fed = fed
        self.pace, self.simulated = pace, simulated
        self.promise = Promise(max_age=pace.max_age, k=3, m=5, window=5 * pace.max_age)
        self.namespace = f"/faults{next(_numbers)}"
        self.folder = folder / self.namespace.strip("/")
        self.folder.mkdir()
        self.faults = FaultFile(self.folder / "fault")
        self.first_of_node = 0  # index of the first certificate of the certifier that runs now
        self._model = model
        self._record = self.folder / "camera.jsonl"
        self._lines: list[dict[str, Any]] = []
        self._offset = 0
        self._normal = Behaviour(rate=pace.rate)

    def __enter__(self) -> System:
        self.observer = Observer(self.namespace)
        self._client = Node("client", namespace=self.namespace)
        environment = {
            "ROS_LOG_DIR": str(self.folder),
            "FASTDDS_BUILTIN_TRANSPORTS": "DEFAULT",  # whatever this process uses
        }
        self.processes = Processes(self.folder, environment)
        self.processes.__enter__()
        try:
            if self._fed is None:
                self.start_camera()
            self.start_node()
            self.start_monitor()
            self.activate_node()
            certificate = f"{self.namespace}/certificate"
            self.wait(lambda: self.observer.node.count_publishers(certificate), "certificates")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.processes.__exit__()
        self.observer.close()
        self._client.destroy_node()

    # Processes

    def start_camera(self) -> None:
        """Start the camera, silent."""
        words = ["rs_monitor.ros.faults.camera", "--picture", str(self._model.picture)]
        words += ["--record", str(self._record), *(["--clock"] if self.simulated else [])]
        profile = str(shipped_file("config", "fastdds_camera.xml"))
        self.processes.start(
            CAMERA,
            [*words, "--ros-args", "-r", f"__ns:={self.namespace}"],
            environment={"FASTRTPS_DEFAULT_PROFILES_FILE": profile},
            told=True,
        )
        self.command(Behaviour(rate=0.0))

    def start_node(self) -> None:
        """Start the certifier, unconfigured."""
        words = ["rs_monitor.ros.faults.node", "--fault-file", str(self.folder / "fault")]
        self._start(
            NODE,
            words,
            {
                "model.path": str(self._model.card),
                "certification.n": 64,
                "timing.frame_period": self.pace.frame_period,
                "input.max_age": self.pace.max_age,
                "watchdog.max_failures": 0,
                "diagnostics.period": 0.2,
            }
            | self._when_fed(),
        )

    def activate_node(self) -> None:
        """Configure and activate the certifier."""
        client = LifecycleClient(self._client, f"{self.namespace}/certifier")
        try:
            client.change("configure", LIMIT)
            client.change("activate", LIMIT)
        except LifecycleError as error:
            self.wait(lambda: False, str(error), 0.0)  # a process that has ended says more
        client.close()

    def start_monitor(self) -> None:
        """Start the safety monitor."""
        self._start(
            MONITOR,
            ["rs_monitor.ros.safety_node"],
            {
                "expected.model_id": FIRST,  # the card's own, or its int8 twin
                "max_age": self.promise.max_age,
                "debounce.k": self.promise.k,
                "debounce.m": self.promise.m,
                "debounce.window": self.promise.window,
            },
        )

    def stop_for(self, name: str, seconds: float) -> None:
        """Have a process stopped by SIGSTOP for some time."""
        self.processes.signal(name, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self.processes.signal(name, signal.SIGCONT)

    def _start(self, name: str, words: list[str], parameters: dict[str, Any]) -> None:
        file = self.folder / f"{name.replace(' ', '_')}.yaml"
        values = {"/**": {"ros__parameters": parameters | {"use_sim_time": self.simulated}}}
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        words = [*words, "--ros-args", "-r", f"__ns:={self.namespace}"]
        self.processes.start(name, [*words, "--params-file", str(file)])

    # The camera

    def command(self, behaviour: Behaviour) -> None:
        """Have the camera behave so, and wait until it does."""
        known = len(self._records("obeyed"))
        self.processes.tell(CAMERA, behaviour.command())
        self.wait(lambda: len(self._records("obeyed")) > known, "the camera's obedience")

    def normal(self, **changes: Any) -> Behaviour:
        """Return the behaviour of a good camera, but for some changes."""
        return dataclasses.replace(self._normal, **changes)

    def publisher(self) -> Publisher:
        """Return what feeds the certifier, which has subscribed."""
        qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
        publisher = self._client.create_publisher(self._fed, self._fed_topic(), qos)
        self.wait(lambda: publisher.get_subscription_count() > 0, "the certifier's subscription")
        return publisher

    def picture(self) -> np.ndarray:
        """Return uint8 BGR [480, 640, 3] that the model knows."""
        picture = cv2.cvtColor(read_picture(self._model.picture), cv2.COLOR_RGB2BGR)
        return cv2.resize(picture, (640, 480), interpolation=cv2.INTER_NEAREST)

    def _fed_topic(self) -> str:
        return "image" if self._fed is Image else "image/compressed"

    def _when_fed(self) -> dict[str, Any]:
        if self._fed is None:
            return {}
        topic = f"{self.namespace}/{self._fed_topic()}"
        return {
            "input.transport": "raw" if self._fed is Image else "compressed",
            "timing.frame_period": 2.0,
            f"qos_overrides.{topic}.subscription.reliability": "reliable",
        }

    def frames(self) -> list[SentFrame]:
        """Return all frames that were sent so far."""
        return [SentFrame(r["stamp_ns"], r["wall_ns"]) for r in self._records("sent")]

    def _records(self, kind: str) -> list[dict[str, Any]]:
        if self._record.exists():
            with self._record.open("rb") as record:
                record.seek(self._offset)
                text = record.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._offset += len(whole)
            self._lines += [json.loads(line) for line in whole.splitlines()]
        return [line[kind] for line in self._lines if kind in line]

    # What is heard

    @property
    def certificates(self) -> list[HeardCertificate]:
        """All certificates that were heard."""
        return self.observer.certificates

    @property
    def states(self) -> list[HeardState]:
        """All statements that were heard."""
        return self.observer.states

    def wait(self, condition: Callable[[], Any], what: str, limit: float = LIMIT) -> Any:
        """Wait until a condition holds; returns its value.

        Raises
        ------
        ProcessError
            When a process has ended or the time is over.
        """
        found: list[Any] = []

        def holds() -> bool:
            value = condition()
            if value:
                found.append(value)
            return bool(value)

        if not self.processes.wait_until(holds, limit, poll=_POLL):
            raise ProcessError(f"{what}: not within {limit:g} s")
        return found[0]

    def settle(self) -> None:
        """Silence the camera, and wait until every image that the node received is answered.

        Raises
        ------
        ProcessError
            When the certificates do not account for the images that the node has counted.
        """
        self.command(Behaviour(rate=0.0))
        since = time.monotonic() + _SETTLING

        def accounted() -> bool:
            images, when = self.observer.images
            mine = self.certificates[self.first_of_node :]
            last = mine[-1] if mine else None
            return when > since and images == (
                last.sequence + last.superseded_total if last else 0
            )

        try:
            self.wait(accounted, "accounts")
        except ProcessError as error:
            mine = self.certificates[self.first_of_node :]
            counted = f"{mine[-1].sequence} + {mine[-1].superseded_total}" if mine else "0"
            raise ProcessError(
                f"the node received {self.observer.images[0]} images, and its certificates "
                f"account for {counted}"
            ) from error
