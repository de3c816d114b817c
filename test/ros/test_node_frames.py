# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Every encoding, and every bad input, through the running node."""

import math

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from color_model import COLORS, mosaic, plain, yuv
from image_messages import image, image_of, now
from rclpy.serialization import serialize_message
from scipy.special import ndtri

from rs_monitor.certification import Status, lower_bound
from rs_monitor.frames import ENCODINGS

HEIGHT, WIDTH = 16, 24  # 2 and 3 times the network's input


def grey(color):
    return plain(color, HEIGHT, WIDTH)[..., 0]


def alpha(rgb):
    return np.dstack([rgb, np.full(rgb.shape[:2], 7, np.uint8)])


def interleaved(*samples):
    return np.tile(np.array(samples, np.uint8), (HEIGHT, WIDTH // 2))


def semi_planar(y, *chroma):
    luma = np.full((HEIGHT, WIDTH), y, np.uint8)
    return np.vstack([luma, np.tile(np.array(chroma, np.uint8), (HEIGHT // 2, WIDTH // 2))])


def rows_of(encoding, color):
    rgb = plain(color, HEIGHT, WIDTH)
    y, u, v = yuv(color)
    if encoding.startswith("bayer"):
        return mosaic(color, encoding[6:10], HEIGHT, WIDTH)
    return {
        "rgb8": rgb,
        "bgr8": rgb[..., ::-1],
        "8UC3": rgb[..., ::-1],
        "rgba8": alpha(rgb),
        "bgra8": alpha(rgb[..., ::-1]),
        "mono8": rgb[..., 0],
        "8UC1": rgb[..., 0],
        "mono16": rgb[..., 0].astype("<u2") * 257,
        "yuv422": interleaved(u, y, v, y),
        "uyvy": interleaved(u, y, v, y),
        "yuv422_yuy2": interleaved(y, u, y, v),
        "yuyv": interleaved(y, u, y, v),
        "nv12": semi_planar(y, u, v),
        "nv21": semi_planar(y, v, u),
    }[encoding]


GREY = ("mono8", "8UC1", "mono16")
# Per unit of radius at the network's input: averaging 2 x 3 pixels shrinks changes at least by
# the root of 6, copying grey to three channels stretches them by that of 3.
COLOR_FACTOR = math.sqrt(6)
SENSOR_FACTOR = dict.fromkeys(("rgb8", "bgr8", "rgba8", "bgra8", "8UC3"), COLOR_FACTOR) | {
    "mono8": math.sqrt(2),
    "8UC1": math.sqrt(2),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_certified(active, encoding):
    for color in ("black", "white") if encoding in GREY else ("red", "blue"):
        for padding in (0, 6):
            message = image_of(rows_of(encoding, color), encoding, padding)
            message.height = HEIGHT  # of nv12 and nv21, the rows of chroma are not counted
            message.width = WIDTH
            message.header.frame_id = "a camera"
            certificate = active.certificate_of(message)
            assert certificate.status == Status.CERTIFIED
            assert (certificate.class_name, certificate.abstain) == (color, False)
            assert certificate.class_id == list(COLORS).index(color)
            expected = certificate.radius * SENSOR_FACTOR.get(encoding, math.nan)
            # A little less, for the resize in float32.
            assert certificate.radius_sensor == pytest.approx(expected, rel=2e-4, nan_ok=True)
            assert not certificate.radius_sensor > expected


def test_big_endian_mono16(active):
    rows = grey("white").astype(">u2") * 257
    message = image_of(rows, "mono16", is_bigendian=1)
    assert active.certificate_of(message).class_name == "white"
    low = image_of(np.full((HEIGHT, WIDTH), 0x00E6, ">u2"), "mono16", is_bigendian=1)
    assert active.certificate_of(low).class_name == "black"
    low.is_bigendian = 0  # the same bytes are 0xE600
    assert active.certificate_of(low).class_name == "white"


def test_what_a_certificate_says_of_itself(active):
    first = active.certificate_of(image())
    message = image()
    message.header.frame_id = "front " * 1000
    certificate = active.certificate_of(message)
    assert certificate.sequence == first.sequence + 1
    assert certificate.superseded_total == first.superseded_total
    votes = f"{certificate.votes_top} of 64 votes, {certificate.votes_required} are required"
    assert certificate.reason == votes
    assert (certificate.sigma, certificate.alpha) == (0.25, 0.001)
    assert (certificate.n_requested, certificate.n_used, certificate.n_drawn) == (64, 64, 64)
    assert certificate.procedure == "single_pass"
    top, n = certificate.votes_top, certificate.n_used
    assert certificate.votes_required <= top <= n
    assert lower_bound(top, n, certificate.alpha_bound) == certificate.p_lower
    assert certificate.radius == pytest.approx(0.25 * ndtri(certificate.p_lower))
    assert 0 < certificate.radius <= certificate.radius_cap
    assert 0.0005 <= certificate.alpha_bound < 0.001
    assert math.isnan(certificate.randomization)
    assert certificate.reference_stamp == message.header.stamp
    assert certificate.reference_distance == 0
    region = certificate.region
    assert (region.x_offset, region.y_offset, region.width, region.height) == (0, 0, 0, 0)
    assert (certificate.budget.sec, certificate.budget.nanosec) == (1, 600_000_000)
    assert 0 < certificate.processing_time.sec * 10**9 + certificate.processing_time.nanosec
    assert certificate.input_age.sec >= 0
    info = active.info()
    assert (certificate.model_id, certificate.config_id) == (info.model_id, info.config_id)


@pytest.mark.parametrize(
    "rows, encoding",
    [
        (plain("green", 1, 1), "rgb8"),
        (plain("white", 1, 1)[..., 0], "mono8"),
        (plain("red", 1, 7), "rgb8"),
        (plain("red", 700, 1), "rgb8"),
        (plain("blue", 480, 640), "rgb8"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "x".join(map(str, value.shape)),
)
def test_any_size_is_certified(active, rows, encoding):
    certificate = active.certificate_of(image_of(rows, encoding))
    assert certificate.status == Status.CERTIFIED
    assert COLORS[certificate.class_name] == tuple(np.broadcast_to(rows[0, 0], 3))


def changed(message, **fields):
    for name, value in fields.items():
        setattr(message, name, value)
    return message


BAD_FRAMES = {
    "empty": (image(data=[]), Status.INVALID_INPUT),
    "no rows": (changed(image(), height=0), Status.INVALID_INPUT),
    "no columns": (changed(image(), width=0, step=0), Status.INVALID_INPUT),
    "truncated": (image(data=bytes(12 * 48 - 1)), Status.INVALID_INPUT),
    "one row missing": (image(data=bytes(11 * 48)), Status.INVALID_INPUT),
    "too long": (image(data=bytes(12 * 48 + 1)), Status.INVALID_INPUT),
    "step too small": (image(step=47), Status.INVALID_INPUT),
    "step zero": (image(step=0), Status.INVALID_INPUT),
    "step too large": (image(step=2**32 - 1), Status.INVALID_INPUT),
    "height of 2^32 - 1": (changed(image(), height=2**32 - 1), Status.INVALID_INPUT),
    "2^64 pixels": (
        changed(image(), height=2**32 - 1, width=2**32 - 1, step=2**32 - 1),
        Status.INVALID_INPUT,
    ),
    "mosaic too small": (image_of(grey("red")[:2, :2], "bayer_rggb8"), Status.INVALID_INPUT),
    "odd width": (image_of(grey("red")[:, :6], "yuv422", width=3), Status.INVALID_INPUT),
    "odd height": (image_of(grey("red")[:4], "nv12", height=3), Status.INVALID_INPUT),
    "32FC3": (image(encoding="32FC3"), Status.UNSUPPORTED_ENCODING),
    "16UC1": (image(encoding="16UC1"), Status.UNSUPPORTED_ENCODING),
    "no encoding": (image(encoding=""), Status.UNSUPPORTED_ENCODING),
    "upper case": (image(encoding="RGB8"), Status.UNSUPPORTED_ENCODING),
    "several lines": (image(encoding="rgb8\n[ERROR] %s %n {}"), Status.UNSUPPORTED_ENCODING),
    "not ASCII": (image(encoding="gr\u00f6\u00dfe \U0001f6d1"), Status.UNSUPPORTED_ENCODING),
    "very long": (image(encoding="x" * 100_000), Status.UNSUPPORTED_ENCODING),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_has_one_certificate_that_says_why(active, name):
    message, status = BAD_FRAMES[name]
    certificate = active.certificate_of(message)
    assert Status(certificate.status) == status
    assert certificate.reason.isascii() and certificate.reason.isprintable()
    assert 0 < len(certificate.reason) < 400
    assert certificate.abstain
    assert (certificate.class_id, certificate.class_name, certificate.radius) == (-1, "", 0.0)
    assert certificate.reference_stamp == Time()
    after = active.certificate_of(image())  # and the node goes on
    assert (after.status, after.sequence) == (Status.CERTIFIED, certificate.sequence + 1)


def test_an_encoding_that_is_not_utf8(active):
    message = image()
    message.header.stamp = now()
    known = len(active.certificates)
    active.images.publish(serialize_message(message).replace(b"rgb8", b"\xff\xfe\xfa8"))
    active.wait(lambda: len(active.certificates) > known, "certificate")
    assert active.certificates[-1].status == Status.UNSUPPORTED_ENCODING


def test_a_message_that_cannot_be_deserialised_is_no_frame(active):
    content = serialize_message(image())
    known = len(active.certificates)
    for junk in (content[:20], content[:-60], b"\x00\x01\x00\x00" + b"\xff" * 40, b""):
        active.images.publish(junk)
        assert active.certificate_of(image()).status == Status.CERTIFIED
    assert len(active.certificates) == known + 4


@pytest.mark.parametrize(
    "stamp, said",
    [
        (Time(), "zero"),
        (Time(sec=1), "s old, input.max_age is 30 s"),
        (Time(sec=-5), "s old"),
        (Time(sec=2**31 - 1, nanosec=999_999_999), "in the future: the clocks disagree"),
        (Time(nanosec=2**32 - 1), "s old"),
    ],
    ids=str,
)
def test_frames_that_are_not_of_now_are_stale(active, stamp, said):
    message = image()
    message.header.stamp = stamp
    known = len(active.certificates)
    active.images.publish(message)
    active.wait(lambda: len(active.certificates) > known, "certificate")
    certificate = active.certificates[-1]
    assert (certificate.header, Status(certificate.status)) == (message.header, Status.STALE_INPUT)
    assert said in certificate.reason
    assert certificate.class_id == -1
