# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""When a camera that plays a recording publishes which frame, and by which clock."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from ..evaluation.bags import BagImages
from .conversions import NANOSECONDS
from .lifecycle_client import LifecycleError

_CLOCK_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_TICK = 0.01  # seconds between two messages on /clock
_AHEAD = 0.5  # seconds of ticks before the first frame: subscribers must know the time by then
# A camera reads a frame out just before it hands it over. So does this one, one frame ahead.
_READ_OUT = 0.25  # of the frame period
_MOST_DELAY = NANOSECONDS // 10  # between stamp and recording, if both are of one clock
_LOOKED_AT = 100  # images that tell whether they are


@dataclasses.dataclass(frozen=True)
class Cue:
    """A message to publish, with its number in the recording and its times in nanoseconds."""

    message: Any
    index: int
    log_time: int
    stamp: int


class FixedRate:
    """A frame every 1 / rate seconds of the steady clock, stamped with the time of publication.

    The schedule is absolute, so that a late frame does not delay those after it.

    Parameters
    ----------
    node : Node
        Whose clock stamps.
    rate : float
        Hertz.
    """

    def __init__(self, node: Node, rate: float) -> None:
        self._node, self._period = node, 1 / rate
        self.read_out = _READ_OUT * self._period

    def begin(self, first: Cue) -> None:
        """Set the time of the first frame."""
        self._start = time.monotonic() + self._period

    def slot(self, number: int, cue: Cue) -> float:
        """Return when on the steady clock a frame is due."""
        return self._start + number * self._period

    def sleep_until(self, moment: float) -> None:
        """Wait for a moment of the steady clock."""
        time.sleep(max(0.0, moment - time.monotonic()))

    def release(self, cue: Cue) -> None:
        """Prepare the message to be published now."""
        cue.message.header.stamp = self._node.get_clock().now().to_msg()


class AsRecorded:
    """Frames keep their stamps, and /clock shows the time of the recording.

    Parameters
    ----------
    node : Node
        Publishes /clock.
    images : BagImages
    rate : float or None
        Hertz; None for the recorded intervals.
    """

    def __init__(self, node: Node, images: BagImages, rate: float | None) -> None:
        self._node, self._rate = node, rate
        self._publisher = node.create_publisher(Clock, "/clock", _CLOCK_QOS)
        self._by_log, period = _clock_and_period(images)
        self.read_out = _READ_OUT * (1 / rate if rate else period)
        self._shown, self._shown_at = 1, 0.0
        self._next_time: int | None = None
        if not self._by_log:
            node.get_logger().warning(
                f"the stamps of {images.topic} are not of the clock it was recorded by: /clock "
                "shows the stamps"
            )

    def wait_for_reader(self, timeout: float) -> None:
        """Wait until somebody listens to /clock.

        Raises
        ------
        LifecycleError
            When the time is over.
        """
        end = time.monotonic() + timeout
        while self._publisher.get_subscription_count() == 0:
            if time.monotonic() > end:
                raise LifecycleError(f"nobody listens to /clock within {timeout:g} s")
            rclpy.spin_once(self._node, timeout_sec=0.02)

    def begin(self, first: Cue) -> None:
        """Set the time of the first frame, and show the time before it."""
        self._first = first
        self._start = time.monotonic() + _AHEAD
        self._show(self._time(first) - round(_AHEAD * NANOSECONDS))

    def slot(self, number: int, cue: Cue) -> float:
        """Return when on the steady clock a frame is due."""
        self._next_time = self._time(cue)
        if self._rate:
            return self._start + number / self._rate
        return self._start + (cue.log_time - self._first.log_time) / NANOSECONDS

    def sleep_until(self, moment: float) -> None:
        """Wait for a moment of the steady clock, while /clock goes on."""
        while (rest := moment - time.monotonic()) > 0:
            time.sleep(min(rest, _TICK))
            passed = round((time.monotonic() - self._shown_at) * NANOSECONDS)
            # Never beyond the next frame, whose time comes with it.
            self._publish(min(self._shown + passed, self._next_time - 1))

    def release(self, cue: Cue) -> None:
        """Show the time of the frame that is published now."""
        self._show(self._time(cue))

    def _time(self, cue: Cue) -> int:
        return cue.log_time if self._by_log or not cue.stamp else cue.stamp

    def _show(self, nanoseconds: int) -> None:
        self._shown, self._shown_at = max(1, nanoseconds), time.monotonic()
        self._publish(self._shown)

    def _publish(self, nanoseconds: int) -> None:
        message = Clock()
        # Zero would mean that there is no time yet.
        message.clock.sec, message.clock.nanosec = divmod(max(1, nanoseconds), NANOSECONDS)
        self._publisher.publish(message)


def _clock_and_period(images: BagImages) -> tuple[bool, float]:
    """Return whether stamps are of the clock of the log times, and the first interval."""
    head = list(
        (image.log_time, image.stamp) for image in itertools.islice(images.read(), _LOOKED_AT)
    )
    same = all(0 <= log - stamp <= _MOST_DELAY for log, stamp in head if stamp)
    gaps = [(b[0] - a[0]) / NANOSECONDS for a, b in zip(head, head[1:])]
    return same, min((gap for gap in gaps if gap > 0), default=0.04)
