# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Plays a recording as a camera would, whether or not anybody keeps up.

As a program: `python -m rs_monitor.ros.camera_publisher --bag DRIVE --rate 25`. Publishes on
`image`, or on `image/compressed` for a recording of compressed images.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import rclpy
from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CompressedImage, Image

from ..evaluation.bags import IMAGE, BagError, BagImages, RecordedImage, read_images
from .conversions import stamp_nanoseconds
from .lifecycle_client import LifecycleClient, LifecycleError, node_name, run_client, seconds
from .playback import AsRecorded, Cue, FixedRate

_CAMERA_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_RATE = 25.0  # Hz
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
    stamp = source.header.stamp
    message.header.stamp = Time(sec=stamp.sec, nanosec=stamp.nanosec)
    # An array.array is taken as it is; any other sequence is copied byte by byte.
    data = array.array("B")
    data.frombytes(memoryview(source.data))
    message.data = data
    return message


def played(images: BagImages, frames: int | None) -> Iterator[Cue]:
    """Yield `frames` messages, from the beginning again when the recording ends; None: once."""
    count = 0
    while True:
        for recorded in images:
            if count == frames:
                return
            yield Cue(message_from(recorded), recorded.index, recorded.log_time, recorded.stamp)
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
        self, cues: Iterator[Cue], pace: FixedRate | AsRecorded, record: TextIO | None
    ) -> int:
        """Publish every message when it is due.

        Parameters
        ----------
        cues : iterator
        pace : FixedRate or AsRecorded
        record : TextIO or None
            Takes a JSON line a frame: `{"sent": {...}}` with its number, its number in the
            recording, its stamp, and when on the steady clock it was due and published.

        Returns
        -------
        int
            Number of frames published.
        """
        sent = 0
        waiting = next(cues, None)
        if waiting is not None:
            pace.begin(waiting)
        while waiting is not None:
            slot = pace.slot(sent, waiting)
            pace.sleep_until(slot - pace.read_out)
            following = next(cues, None)
            pace.sleep_until(slot)
            steady = time.monotonic()
            pace.release(waiting)
            self._publisher.publish(waiting.message)
            if record is not None:
                line = {
                    "frame": sent,
                    "index": waiting.index,
                    "log_time_ns": waiting.log_time,
                    "frame_id": waiting.message.header.frame_id,
                    "stamp_ns": stamp_nanoseconds(waiting.message.header.stamp),
                    "due": slot,
                    "steady": steady,
                }
                print(json.dumps({"sent": line}), file=record, flush=True)
            sent += 1
            waiting = following
        return sent


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Plays a recording as a camera would.",
        epilog="example:\n  python -m rs_monitor.ros.camera_publisher --bag drive --rate 25 "
        "--ros-args -r image:=/camera/image",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bag", required=True, type=Path, help="rosbag2 directory or file")
    parser.add_argument("--bag-topic", help="its image topic, where it has several")
    parser.add_argument(
        "--rate", type=float, help=f"Hz (default: {_RATE:g}, or the recorded intervals)"
    )
    parser.add_argument(
        "--recorded", action="store_true", help="keep the stamps, and publish /clock to them"
    )
    parser.add_argument("--frames", type=int, help="how many, over and over (default: all, once)")
    parser.add_argument("--certifier", type=node_name, help="managed node to wait for, full name")
    parser.add_argument(
        "--timeout", type=seconds, default=30.0, help="seconds to wait for a reader (%(default)s)"
    )
    parser.add_argument(
        "--record",
        type=Path,
        help="write a JSON line for every frame sent, and what is known to be lost at the end",
    )
    arguments = parser.parse_args(args)
    if arguments.rate is None and not arguments.recorded:
        arguments.rate = _RATE
    if arguments.rate is not None and not 0 < arguments.rate <= 1000:
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
        node.wait_for_reader(arguments.timeout, arguments.certifier or "")
        if arguments.recorded:
            pace = AsRecorded(node, images, arguments.rate)
            pace.wait_for_reader(arguments.timeout)
        else:
            pace = FixedRate(node, arguments.rate)
        sent = node.play(played(images, arguments.frames), pace, record)
        if record is None:
            for warning in images.warnings:
                node.get_logger().warning(warning)
        else:
            gap = images.gap and dataclasses.asdict(images.gap)
            read = {"warnings": images.warnings, "gap": gap}
            print(json.dumps({"read": read}), file=record, flush=True)
        node.get_logger().info(f"{sent} frames of {arguments.bag} are sent")
        time.sleep(_DELIVERY)

    with record or contextlib.nullcontext():
        return run_client(lambda: CameraPublisher(images), play, args)


if __name__ == "__main__":
    sys.exit(main())
