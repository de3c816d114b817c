# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that misbehaves on command.

`python -m rs_monitor.ros.faults.camera --picture FILE --record FILE [--clock]` reads a Behaviour
as a JSON object from each line of its standard input, and ends with it. Into the record go a JSON
line for every frame sent and one for every command obeyed.
"""

from __future__ import annotations

import argparse
import array
import dataclasses
import json
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image

from ...files import read_file
from ...frames import FrameError, decode_compressed
from ..conversions import NANOSECONDS
from ..lifecycle_client import run_client

_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_HEIGHT, _WIDTH = 480, 640
_MOST_BYTES = 1 << 26  # of the picture's file
_TICK = 0.01  # seconds between two messages on /clock
_BETWEEN_GAPS = 10  # frames
_FROM_RGB = {
    "rgb8": None,
    "bgr8": cv2.COLOR_RGB2BGR,
    "rgba8": cv2.COLOR_RGB2RGBA,
    "mono8": cv2.COLOR_RGB2GRAY,
}


@dataclasses.dataclass(frozen=True)
class Behaviour:
    """What the camera does until another one is commanded.

    Attributes
    ----------
    rate : float
        Hertz; 0: it is silent.
    encoding : str
        One that is not known here is only named so.
    scale : float
        Of 640x480.
    truncated : bool
        Half of the data is missing.
    gap : float
        Seconds left out after every tenth frame.
    stamps_ahead, clock_ahead : float
        Seconds that the stamps, and /clock, are ahead of the system's clock.
    loop : float
        Seconds after which stamps and /clock begin again, as those of a looped bag; 0: never.
    clock_stopped : bool
        Whether /clock shows the same time again and again.
    """

    rate: float = 25.0
    encoding: str = "rgb8"
    scale: float = 1.0
    truncated: bool = False
    gap: float = 0.0
    stamps_ahead: float = 0.0
    clock_ahead: float = 0.0
    loop: float = 0.0
    clock_stopped: bool = False

    def command(self) -> str:
        """Return the line that commands it."""
        return json.dumps(dataclasses.asdict(self)) + "\n"


class FaultyCamera(Node):
    """Publishes `image`, and /clock where wanted.

    Parameters
    ----------
    picture : np.ndarray
        uint8 RGB; what it sees.
    record : TextIO
    clock : bool
        Whether it publishes /clock; then its stamps are of that clock.
    """

    def __init__(self, picture: np.ndarray, record: TextIO, clock: bool) -> None:
        super().__init__("camera")
        self._picture = cv2.resize(picture, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_NEAREST)
        self._record = record
        self._writing = threading.Lock()
        self._images = self.create_publisher(Image, "image", _QOS)
        self._clock = self.create_publisher(Clock, "/clock", _QOS) if clock else None
        self._commanded = threading.Condition()
        self._behaviour, self._since = Behaviour(rate=0.0), time.time_ns()
        self._message = self._image()
        self._ended = False
        self._sent = 0

    def obey(self, line: str) -> None:
        """Take a command."""
        behaviour = Behaviour(**json.loads(line))
        with self._commanded:
            self._behaviour, self._since = behaviour, time.time_ns()
            self._message = self._image()
            self._commanded.notify_all()
        self._note("obeyed", dataclasses.asdict(behaviour))

    def end(self) -> None:
        """Have `play` and `tick` return."""
        with self._commanded:
            self._ended = True
            self._commanded.notify_all()

    def play(self) -> None:
        """Publish frames until the end."""
        due, in_row = time.monotonic(), 0
        while not self._ended:
            with self._commanded:
                behaviour = self._behaviour
                if not behaviour.rate:
                    self._commanded.wait()
                    due, in_row = time.monotonic(), 0
                    continue
                message = self._message
                wall = time.time_ns()
                stamp = self._shown(wall, behaviour.stamps_ahead)
            message.header.stamp = Time(sec=stamp // NANOSECONDS, nanosec=stamp % NANOSECONDS)
            self._images.publish(message)
            self._note("sent", {"frame": self._sent, "stamp_ns": stamp, "wall_ns": wall})
            self._sent, in_row = self._sent + 1, in_row + 1
            due += 1 / behaviour.rate
            if behaviour.gap and in_row % _BETWEEN_GAPS == 0:
                due += behaviour.gap
            due = max(due, time.monotonic() - 1 / behaviour.rate)  # it never hurries
            time.sleep(max(0.0, due - time.monotonic()))

    def tick(self) -> None:
        """Publish /clock until the end."""
        while not self._ended:
            with self._commanded:
                wall = self._since if self._behaviour.clock_stopped else time.time_ns()
                shown = self._shown(wall, self._behaviour.clock_ahead)
            clock = Time(sec=shown // NANOSECONDS, nanosec=shown % NANOSECONDS)
            self._clock.publish(Clock(clock=clock))
            time.sleep(_TICK)

    def _shown(self, wall: int, ahead: float) -> int:
        """Return what the camera takes a moment of the system's clock for."""
        if self._behaviour.loop:
            loop = round(self._behaviour.loop * NANOSECONDS)
            wall = self._since + (wall - self._since) % loop
        return wall + round(ahead * NANOSECONDS)

    def _image(self) -> Image:
        """Return the message that the behaviour asks for."""
        behaviour = self._behaviour
        size = (round(_WIDTH * behaviour.scale), round(_HEIGHT * behaviour.scale))
        rows = cv2.resize(self._picture, size, interpolation=cv2.INTER_NEAREST)
        code = _FROM_RGB.get(behaviour.encoding)
        rows = np.ascontiguousarray(rows if code is None else cv2.cvtColor(rows, code))
        data = rows.tobytes()
        return Image(
            height=size[1],
            width=size[0],
            encoding=behaviour.encoding,
            step=len(data) // size[1],
            data=array.array("B", data[: len(data) // 2] if behaviour.truncated else data),
        )

    def _note(self, what: str, about: dict) -> None:
        with self._writing:
            print(json.dumps({what: about}), file=self._record, flush=True)


def read_picture(path: Path) -> np.ndarray:
    """Read an image, uint8 RGB [H, W, 3].

    Raises
    ------
    OSError, FrameError
        When it cannot be read or decoded.
    """
    return decode_compressed(read_file(path, _MOST_BYTES), format="").rgb


def main(args: list[str] | None = None) -> int:
    """Run until standard input ends; 2 for a picture that cannot be read."""
    parser = argparse.ArgumentParser(description="A camera that misbehaves on command.")
    parser.add_argument("--picture", type=Path, required=True, help="what it sees")
    parser.add_argument("--record", type=Path, required=True, help="takes JSON lines")
    parser.add_argument("--clock", action="store_true", help="publish /clock")
    arguments = parser.parse_args(remove_ros_args(args or sys.argv)[1:])
    try:
        picture = read_picture(arguments.picture)
    except (OSError, FrameError) as error:
        print(f"faults.camera: {arguments.picture} is no picture: {error}", file=sys.stderr)
        return 2

    def work(camera: FaultyCamera) -> None:
        threads = [threading.Thread(target=camera.play)]
        threads += [threading.Thread(target=camera.tick)] if arguments.clock else []
        for thread in threads:
            thread.start()
        try:
            for line in sys.stdin:
                camera.obey(line)
        finally:
            camera.end()
            for thread in threads:
                thread.join()

    with arguments.record.open("w", encoding="utf-8") as record:
        return run_client(lambda: FaultyCamera(picture, record, arguments.clock), work, args)


if __name__ == "__main__":
    sys.exit(main())
