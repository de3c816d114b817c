# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A camera process whose frames are larger than DDS's default shared-memory segment.

Its first argument is the topic. Best effort, without config/fastdds_camera.xml: frames get lost.
"""

import array
import contextlib
import sys
import time

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

HEIGHT, WIDTH = 1080, 1920

if __name__ == "__main__":
    rclpy.init()
    node = rclpy.create_node("losing_camera")
    camera = node.create_publisher(
        Image, sys.argv[1], QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    data = array.array("B", bytes(3 * HEIGHT * WIDTH))
    message = Image(height=HEIGHT, width=WIDTH, step=3 * WIDTH, encoding="rgb8", data=data)
    with contextlib.suppress(Exception):  # a signal ends the context, maybe in the middle
        while rclpy.ok():
            message.header.stamp = node.get_clock().now().to_msg()
            camera.publish(message)
            time.sleep(0.03)
