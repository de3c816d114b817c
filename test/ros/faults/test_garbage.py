# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor.frames import FrameError, decode_message
from rs_monitor.ros.faults.garbage import send_garbage

COUNT = 100


def messages(kind, seed):
    found = []
    send_garbage(kind, COUNT, seed, found.append)
    return found


@pytest.mark.parametrize("kind", [Image, CompressedImage])
def test_a_seed_makes_the_same_messages_some_of_which_are_images(kind):
    first, again, other = (messages(kind, seed) for seed in (1, 1, 2))
    assert len(first) == COUNT
    assert first == again != other
    decoded = 0
    for message in first:
        assert deserialize_message(serialize_message(message), kind) == message
        try:
            decode_message(message, 1 << 20)
            decoded += 1
        except FrameError:
            continue
    assert COUNT / 20 < decoded < COUNT * 0.9
