# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A sender of garbage that waits for the certificate of each message."""

from __future__ import annotations

import array
import time
from collections import Counter

import cv2
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image

from ...certification import Status
from ...processes import ProcessError
from ...safety import SafetyState
from ..conversions import NANOSECONDS, stamp_nanoseconds
from .audit import SentFrame, unfounded
from .garbage import send_garbage
from .process import open_files, resident_megabytes
from .system import LIMIT, NODE, System
from .trial import Row

_SEED = 2026
_SETTLED = 0.2  # part of the messages after which memory is compared with the end's
_MOST_GROWTH = 10.0  # megabytes


class Sender:
    """Publishes messages one by one.

    Parameters
    ----------
    system : System
        Fed with this kind of message.
    kind : type
        Image or CompressedImage.
    """

    def __init__(self, system: System, kind: type) -> None:
        self._system, self._kind = system, kind
        self._publisher = system.publisher()
        self.frames: list[SentFrame] = []
        self.unanswered: list[str] = []

    def send(self, message: Image | CompressedImage) -> None:
        """Publish a message and wait for its certificate; without one, the rest is not sent."""
        if self.unanswered:
            return
        wall = time.time_ns()
        if message.header.stamp == Time():
            message.header.stamp = Time(sec=wall // NANOSECONDS, nanosec=wall % NANOSECONDS)
        number = len(self.frames) + 1
        message.header.frame_id = f"{number} {message.header.frame_id}"
        self.frames.append(SentFrame(stamp_nanoseconds(message.header.stamp), wall))
        self._publisher.publish(message)
        if not self._system.observer.wait_for_certificates(number, LIMIT):
            self.unanswered.append(f"no certificate for message {number}")
        elif self._system.certificates[number - 1].frame_id != message.header.frame_id:
            self.unanswered.append(f"message {number} got the certificate of another")

    def good(self) -> Image | CompressedImage:
        """Return a message that can be certified."""
        picture = self._system.picture()
        if self._kind is Image:
            height, width = picture.shape[:2]
            data = array.array("B", picture.tobytes())
            return Image(height=height, width=width, step=3 * width, encoding="bgr8", data=data)
        data = array.array("B", cv2.imencode(".png", picture)[1].tobytes())
        return CompressedImage(format="png", data=data)


def fuzz_name(kind: type) -> str:
    """Return what a row of the table is called, without the number."""
    return f"fuzzed {kind.__name__} messages"


def try_garbage(system: System, kind: type, count: int, recovery_limit: float | None) -> Row:
    """Send `count` fuzzed messages of one kind, then good ones until all is well.

    Parameters
    ----------
    system : System
        As for `Sender`.
    kind : type
        Image or CompressedImage.
    count : int
    recovery_limit : float or None
        Seconds from the last of them to CERTIFIED and to SAFE; None: not judged.
    """
    sender, pid = Sender(system, kind), system.processes.pid(NODE)
    before: list[tuple[float, int]] = []

    def send(message: Image | CompressedImage) -> None:
        if not before and len(sender.frames) >= _SETTLED * count:
            before.append((resident_megabytes(pid), open_files(pid)))
        sender.send(message)

    problems, recovered = [], [None, None]
    begun = time.monotonic()
    send_garbage(kind, count, _SEED, send)
    seconds = time.monotonic() - begun
    statuses = Counter(Status(c.status).name for c in system.certificates)
    memory, files = resident_megabytes(pid) - before[0][0], open_files(pid) - before[0][1]
    try:
        recovered = _recover(system, sender)
        if recovery_limit is not None and max(recovered) > recovery_limit:
            problems.append(f"it took {max(recovered):.2f} s to recover")
    except ProcessError as error:
        problems.append(str(error))
    problems += sender.unanswered
    if len(system.certificates) != len(sender.frames):
        problems.append(
            f"{len(system.certificates)} certificates for {len(sender.frames)} messages"
        )
    if memory > _MOST_GROWTH:
        problems.append(f"its memory grew by {memory:.1f} MB")
    if files > 0:
        problems.append(f"{files} more files are open")
    failed = statuses[Status.ENGINE_ERROR.name]
    if failed:
        problems.append(f"{failed} ENGINE_ERROR are not expected")
    wrong = unfounded(
        system.states, system.certificates, sender.frames, system.promise, simulated=False
    )
    return Row(
        fault=f"{count} {fuzz_name(kind)}",
        expected="one certificate each, no leak",
        seen=", ".join(f"{number} {name}" for name, number in statuses.most_common()),
        certificates=len(system.certificates),
        unfounded=len(wrong),
        to_certified=recovered[0],
        to_safe=recovered[1],
        problems=problems + list(dict.fromkeys(wrong))[:3],
        notes=[
            f"{seconds:.0f} s; memory {memory:+.1f} MB, open files {files:+d} in the last "
            f"{1 - _SETTLED:.0%}"
        ],
    )


def _recover(system: System, sender: Sender) -> list[float]:
    """Send good messages at the frame rate until the monitor says SAFE."""
    ended = time.time_ns()
    certified: list[int] = []

    def safe() -> int:
        sender.send(sender.good())
        time.sleep(1 / system.pace.rate)
        if system.certificates[-1].status == Status.CERTIFIED and not certified:
            certified.append(system.certificates[-1].published)
        states = (s.published for s in system.states if s.state == SafetyState.SAFE)
        return next((moment for moment in states if moment >= ended), 0)

    moment = system.wait(safe, "no SAFE after the garbage")
    return [(when - ended) / NANOSECONDS for when in (certified[0], moment)]
