# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a recording as a camera would: at a fixed rate, whether or not anybody keeps up.

As a program: `python -m rs_monitor.ros.camera_publisher --bag DRIVE --rate 25`. Publishes on
`image`, or on `image/compressed` for a recording of compressed images.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CompressedImage, Image

from ..evaluation.bags import IMAGE, BagError, BagImages, RecordedImage, read_images
from .conversions import stamp_nanoseconds
from .lifecycle_client import LifecycleClient, LifecycleError, run_client

_CAMERA_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# A camera reads a frame out just before it hands it over. So does this one, one frame ahead.
_READ_OUT = 0.25  # of the frame period
_DELIVERY = 0.5  # seconds in which readers may still fetch the last frame from shared memory


def message_from(recorded: RecordedImage) -> Image | CompressedImage:
    """Return a recorded image as a message to publish: same encoding, same bytes."""
    source = recorded.message
    if recorded.type == IMAGE:
        message = Image(
            height=source.height,
            width=source.width,
            encoding=source.encoding,
            is_bigendian=source.is_bigendian,
            step=source.step,
        )
    else:
        message = CompressedImage(format=source.format)
    message.header.frame_id = source.header.frame_id
    # An array.array is taken as it is; any other sequence is copied byte by byte.
    data = array.array("B")
    data.frombytes(memoryview(source.data))
    message.data = data
    return message


def played(images: BagImages, frames: int | None) -> Iterator[Image | CompressedImage]:
    """Yield `frames` messages, from the beginning again when the recording ends; None: once."""
    count = 0
    while True:
        for recorded in images:
            if count == frames:
                return
            yield message_from(recorded)
            count += 1
        if frames is None or count == 0:
            return


class CameraPublisher(Node):
    """The camera's node.

    Parameters
    ----------
    images : BagImages
        Decides the type of the topic.
    """

    def __init__(self, images: BagImages) -> None:
        super().__init__("camera")
        raw = images.type == IMAGE
        self._publisher = self.create_publisher(
            Image if raw else CompressedImage,
            "image" if raw else "image/compressed",
            _CAMERA_QOS,
        )

    def wait_for_reader(self, timeout: float, certifier: str) -> None:
        """Wait for a subscription, and until the certifier is active and knows this camera.

        Parameters
        ----------
        timeout : float
            Seconds.
        certifier : str
            Full name of a managed node; "" for a reader that is none.

        Raises
        ------
        LifecycleError
            When the time is over.
        """
        end = time.monotonic() + timeout
        if certifier:
            client = LifecycleClient(self, certifier)
            client.wait_for("active", timeout)
            client.close()
        while self._publisher.get_subscription_count() == 0:
            if time.monotonic() > end:
                raise LifecycleError(
                    f"nobody subscribed to {self._publisher.topic_name} within {timeout:g} s "
                    "(best effort, volatile): is the certifier active, and its `image` remapped?"
                )
            rclpy.spin_once(self, timeout_sec=0.02)

    def play(
        self, messages: Iterator[Image | CompressedImage], rate: float, record: TextIO | None
    ) -> int:
        """Publish a message every 1 / rate seconds of the steady clock.

        The schedule is absolute, so that a late frame does not delay those after it.
        header.stamp becomes the time of publication: certifiers refuse old frames.

        Parameters
        ----------
        messages : iterator
        rate : float
            Hertz.
        record : TextIO or None
            Takes a JSON line a frame: `{"sent": {...}}` with its number, its stamp, and when on
            the steady clock it was due and published.

        Returns
        -------
        int
            Number of frames published.
        """
        period, sent = 1 / rate, 0
        waiting: Any = next(messages, None)
        start = time.monotonic() + period
        while waiting is not None:
            slot = start + sent * period
            _sleep_until(slot - _READ_OUT * period)
            following = next(messages, None)
            _sleep_until(slot)
            steady = time.monotonic()
            waiting.header.stamp = self.get_clock().now().to_msg()
            self._publisher.publish(waiting)
            if record is not None:
                stamp = stamp_nanoseconds(waiting.header.stamp)
                line = {"frame": sent, "stamp_ns": stamp, "due": slot, "steady": steady}
                print(json.dumps({"sent": line}), file=record, flush=True)
            sent += 1
            waiting = following
        return sent


def _sleep_until(moment: float) -> None:
    rest = moment - time.monotonic()
    if rest > 0:
        time.sleep(rest)


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Plays a recording as a camera would.",
        epilog="example:\n  python -m rs_monitor.ros.camera_publisher --bag drive --rate 25 "
        "--ros-args -r image:=/camera/image",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bag", required=True, type=Path, help="rosbag2 directory or file")
    parser.add_argument("--bag-topic", help="its image topic, where it has several")
    parser.add_argument("--rate", type=float, default=25.0, help="Hz (default: %(default)s)")
    parser.add_argument("--frames", type=int, help="how many, over and over (default: all, once)")
    parser.add_argument("--certifier", default="", help="managed node to wait for, full name")
    parser.add_argument(
        "--timeout", type=float, default=30.0, help="seconds to wait for a reader (%(default)s)"
    )
    parser.add_argument("--record", type=Path, help="write a JSON line for every frame sent")
    arguments = parser.parse_args(args)
    if not 0 < arguments.rate <= 1000:
        parser.error(f"--rate must be in (0, 1000] Hz, got {arguments.rate:g}")
    if arguments.frames is not None and arguments.frames < 1:
        parser.error(f"--frames must be at least 1, got {arguments.frames}")
    return arguments


def main(args: list[str] | None = None) -> int:
    """Play; 0 also for SIGINT and SIGTERM, 1 without a reader, 2 for wrong usage or input."""
    arguments = _parse(remove_ros_args(args or sys.argv)[1:])
    try:
        images = read_images(arguments.bag, arguments.bag_topic)
        record = arguments.record and arguments.record.open("w", encoding="utf-8")
    except (BagError, OSError) as error:
        print(f"camera_publisher: {error}", file=sys.stderr)
        return 2

    def play(node: CameraPublisher) -> None:
        node.wait_for_reader(arguments.timeout, arguments.certifier)
        sent = node.play(played(images, arguments.frames), arguments.rate, record)
        for warning in images.warnings:
            node.get_logger().warning(warning)
        node.get_logger().info(f"{sent} frames of {arguments.bag}, stamped anew, at the end")
        time.sleep(_DELIVERY)

    with record or contextlib.nullcontext():
        return run_client(lambda: CameraPublisher(images), play, args)


if __name__ == "__main__":
    sys.exit(main())
