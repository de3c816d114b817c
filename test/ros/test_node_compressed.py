# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The compressed transport of the running node."""

import math

import cv2
import numpy as np
import pytest
from color_model import plain
from image_messages import image
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor.certification import Status


@pytest.fixture(scope="module")
def monitor(model, tmp_path_factory, starter):
    with starter(model, tmp_path_factory.mktemp("compressed")) as start:
        yield start({"input.transport": "compressed"}, compressed=True).activate()


def compressed(pixels, kind, format=None, cut=None):
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    content = cv2.imencode(f".{kind}", pixels)[1].tobytes()
    return CompressedImage(format=kind if format is None else format, data=content[:cut])


GREEN = plain("green", 16, 24)
WHITE = plain("white", 16, 24)[..., 0]


@pytest.mark.parametrize(
    "message, color, factor",
    [
        (compressed(GREEN, "jpeg"), "green", math.sqrt(6)),
        (compressed(GREEN, "jpeg", "rgb8; jpeg compressed bgr8"), "green", math.sqrt(6)),
        (compressed(GREEN, "png", "bgr8; png compressed bgr8"), "green", math.sqrt(6)),
        (compressed(WHITE, "jpeg"), "white", math.sqrt(2)),
        (compressed(WHITE, "png", ""), "white", math.sqrt(2)),
        (compressed(WHITE.astype(np.uint16) * 257, "png"), "white", math.nan),
        (compressed(GREEN[:1, :1], "png"), "green", 1 / 8),
    ],
)
def test_jpeg_and_png_are_certified(monitor, message, color, factor):
    certificate = monitor.certificate_of(message)
    assert (certificate.status, certificate.class_name) == (Status.CERTIFIED, color)
    expected = certificate.radius * factor
    # A little less, for the resize in float32.
    assert certificate.radius_sensor == pytest.approx(expected, rel=2e-4, nan_ok=True)
    assert not certificate.radius_sensor > expected


@pytest.mark.parametrize(
    "message, status",
    [
        (CompressedImage(format="jpeg"), Status.INVALID_INPUT),
        (CompressedImage(format="png", data=b"nonsense" * 9), Status.INVALID_INPUT),
        (compressed(GREEN, "jpeg", cut=-200), Status.INVALID_INPUT),
        (compressed(GREEN, "jpeg", cut=30), Status.INVALID_INPUT),
        (compressed(GREEN, "png", cut=-20), Status.INVALID_INPUT),
        (compressed(np.zeros((6000, 6000), np.uint8), "png"), Status.INVALID_INPUT),
        (compressed(GREEN, "jpeg", "h264"), Status.UNSUPPORTED_ENCODING),
        (compressed(GREEN, "png", "16UC1; compressedDepth png"), Status.UNSUPPORTED_ENCODING),
    ],
    ids=["empty", "corrupt", "truncated", "cut", "png cut", "pixels", "h264", "depth"],
)
def test_a_bad_file_has_one_certificate_that_says_why(monitor, message, status):
    certificate = monitor.certificate_of(message)
    assert Status(certificate.status) == status
    assert certificate.reason
    assert monitor.certificate_of(compressed(GREEN, "png")).status == Status.CERTIFIED


def test_the_raw_topic_is_not_subscribed(monitor):
    raw = monitor.client.create_publisher(Image, "image", 1)
    compressed_topic = f"{monitor.namespace}/image/compressed"
    monitor.wait(lambda: monitor.client.count_subscribers(compressed_topic) == 1, "subscription")
    assert monitor.client.count_subscribers(f"{monitor.namespace}/image") == 0
    raw.publish(image())
    known = len(monitor.certificates)
    monitor.certificate_of(compressed(GREEN, "png"))
    assert len(monitor.certificates) == known + 1
    monitor.client.destroy_publisher(raw)
