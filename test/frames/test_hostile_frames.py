# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever a sender puts into a message: a frame or a FrameError with one short line."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.frames import (
    ENCODINGS,
    Frame,
    FrameError,
    Resizer,
    decode_compressed,
    decode_image,
)

MAX_PIXELS = 4096
PICTURE = np.random.default_rng(5).integers(0, 256, (12, 20, 3), dtype=np.uint8)
JPEG, PNG = (cv2.imencode(extension, PICTURE)[1].tobytes() for extension in (".jpg", ".png"))
encodings = st.one_of(st.sampled_from(sorted(ENCODINGS)), st.text(max_size=300))
sizes = st.one_of(st.integers(-1, 9), st.integers(0, 2**32 - 1))
formats = st.one_of(
    st.sampled_from(["jpeg", "png", "", "rgb8; jpeg compressed bgr8"]), st.text(max_size=300)
)


def check(decode) -> None:
    try:
        frame = decode()
    except FrameError as error:
        message = str(error)
        assert 0 < len(message) <= 300
        assert message.isascii()
        assert message.isprintable()
    else:
        assert isinstance(frame, Frame)
        assert frame.rgb.shape == (frame.height, frame.width, 3)
        assert frame.rgb.dtype == np.uint8
        assert Resizer(4, 4)(frame.rgb).max() <= 1.0


@settings(max_examples=400, deadline=None)
@given(
    st.binary(max_size=300),
    encodings,
    sizes,
    sizes,
    st.one_of(st.integers(0, 40), sizes),
    st.booleans(),
)
def test_random_images(data, encoding, height, width, step, big):
    check(
        lambda: decode_image(
            data,
            encoding=encoding,
            height=height,
            width=width,
            step=step,
            is_bigendian=big,
            max_pixels=MAX_PIXELS,
        )
    )


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(sorted(ENCODINGS)), st.integers(1, 9), st.integers(1, 9))
def test_images_of_the_right_length(data, encoding, height, width):
    row_format = ENCODINGS[encoding]
    row = width * row_format.channels * row_format.bytes_per_channel
    step = row + data.draw(st.integers(0, 5))
    rows = height * 3 // 2 if row_format.even_height else height
    content = data.draw(st.binary(min_size=step * rows, max_size=step * rows))
    check(lambda: decode_image(content, encoding=encoding, height=height, width=width, step=step))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), formats, st.sampled_from([b"", JPEG[:3], PNG[:8], PNG[:33]]))
def test_random_files(data, format, beginning):
    check(lambda: decode_compressed(beginning + data, format=format, max_pixels=MAX_PIXELS))


@settings(max_examples=400, deadline=None)
@given(st.data(), st.sampled_from([JPEG, PNG]))
def test_damaged_files(data, good):
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(2, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        start, length = data.draw(st.integers(2, len(content))), data.draw(st.integers(0, 50))
        del content[start : start + length]
    check(lambda: decode_compressed(bytes(content), format="", max_pixels=MAX_PIXELS))
