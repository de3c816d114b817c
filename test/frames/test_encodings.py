# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import array
import math

import numpy as np
import pytest

from rs_monitor.frames import (
    DEFAULT_MAX_PIXELS,
    ENCODINGS,
    InvalidFrame,
    UnsupportedEncoding,
    decode_image,
)

HEIGHT, WIDTH = 6, 8
RGB = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GREY = RGB[..., 0]
ALPHA = RGB[..., 1:2]
COLOUR = (200, 90, 40)


def mosaic(first: str, second: str) -> np.ndarray:
    """What a colour filter array sees of a plain area of COLOUR; rows of ROS's pattern name."""
    value = dict(zip("rgb", COLOUR))
    pattern = [[value[letter] for letter in row] for row in (first, second)]
    return np.tile(np.array(pattern, np.uint8), (HEIGHT // 2, WIDTH // 2))


def yuv(rgb: tuple[int, int, int]) -> np.ndarray:
    """BT.601 of limited range: ITU-R BT.601-7, 8-bit quantisation."""
    r, g, b = rgb
    y = 0.299 * r + 0.587 * g + 0.114 * b
    luma = 16 + y * 219 / 255
    return np.rint(
        [luma, 128 + 0.5 * (b - y) / 0.886 * 224 / 255, 128 + 0.5 * (r - y) / 0.701 * 224 / 255]
    )


Y, U, V = yuv(COLOUR).astype(np.uint8)
LUMA = np.full((HEIGHT, WIDTH), Y, np.uint8)


def semi_planar(first: int, second: int) -> np.ndarray:
    chroma = np.tile(np.array([first, second], np.uint8), (HEIGHT // 2, WIDTH // 2))
    return np.vstack([LUMA, chroma])


def packed(*pair: int) -> np.ndarray:
    return np.tile(np.array(pair, np.uint8), (HEIGHT, WIDTH // 2))


PLAIN = np.broadcast_to(np.array(COLOUR, np.uint8), (HEIGHT, WIDTH, 3))
UYVY, YUYV = packed(U, Y, V, Y), packed(Y, U, Y, V)
MONO16 = (GREY.astype(np.uint16) * 257).astype("<u2").view(np.uint8).reshape(HEIGHT, -1)
GREY_RGB = np.repeat(GREY[..., None], 3, axis=2)

# encoding: rows as sent (uint8 [rows, bytes]), expected RGB, tolerance in levels
CASES = {
    "rgb8": (RGB.reshape(HEIGHT, -1), RGB, 0),
    "bgr8": (RGB[..., ::-1].reshape(HEIGHT, -1), RGB, 0),
    "rgba8": (np.concatenate([RGB, ALPHA], 2).reshape(HEIGHT, -1), RGB, 0),
    "bgra8": (np.concatenate([RGB[..., ::-1], ALPHA], 2).reshape(HEIGHT, -1), RGB, 0),
    "mono8": (GREY, GREY_RGB, 0),
    "mono16": (MONO16, GREY_RGB, 0),
    "8UC1": (GREY, GREY_RGB, 0),
    "8UC3": (RGB[..., ::-1].reshape(HEIGHT, -1), RGB, 0),
    "bayer_rggb8": (mosaic("rg", "gb"), PLAIN, 0),
    "bayer_bggr8": (mosaic("bg", "gr"), PLAIN, 0),
    "bayer_gbrg8": (mosaic("gb", "rg"), PLAIN, 0),
    "bayer_grbg8": (mosaic("gr", "bg"), PLAIN, 0),
    "yuv422": (UYVY, PLAIN, 2),
    "uyvy": (UYVY, PLAIN, 2),
    "yuv422_yuy2": (YUYV, PLAIN, 2),
    "yuyv": (YUYV, PLAIN, 2),
    "nv12": (semi_planar(U, V), PLAIN, 2),
    "nv21": (semi_planar(V, U), PLAIN, 2),
}


def decode(rows, encoding, **changes):
    arguments = {"height": HEIGHT, "width": WIDTH, "step": rows.shape[1], **changes}
    return decode_image(np.ascontiguousarray(rows), encoding=encoding, **arguments)


def assert_pixels(frame, expected, tolerance):
    assert frame.rgb.dtype == np.uint8
    assert (frame.height, frame.width) == expected.shape[:2]
    difference = np.abs(frame.rgb.astype(int) - expected.astype(int))
    assert difference.max() <= tolerance


def test_every_encoding_has_a_case():
    assert CASES.keys() == ENCODINGS.keys()


@pytest.mark.parametrize("encoding", CASES)
@pytest.mark.parametrize("padding", [0, 1, 24])
def test_pixels(encoding, padding):
    rows, expected, tolerance = CASES[encoding]
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xEE)
    frame = decode(rows, encoding)
    assert frame.encoding == encoding
    assert_pixels(frame, expected, tolerance)
    if padding:
        without_last = np.ascontiguousarray(rows).ravel()[:-padding]
        again = decode_image(
            without_last, encoding=encoding, height=HEIGHT, width=WIDTH, step=rows.shape[1]
        )
        np.testing.assert_array_equal(again.rgb, frame.rgb)


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda b: array.array("B", b)])
@pytest.mark.parametrize("encoding", CASES)
def test_any_buffer(encoding, make):
    rows, expected, tolerance = CASES[encoding]
    data = make(np.ascontiguousarray(rows).tobytes())
    frame = decode_image(data, encoding=encoding, height=HEIGHT, width=WIDTH, step=rows.shape[1])
    assert_pixels(frame, expected, tolerance)
    assert not frame.rgb.flags.writeable


@pytest.mark.parametrize("padding", [0, 5])
def test_rgb8_is_a_view(padding):
    data = array.array("B", bytes(HEIGHT * (WIDTH * 3 + padding)))
    step = WIDTH * 3 + padding
    frame = decode_image(data, encoding="rgb8", height=HEIGHT, width=WIDTH, step=step)
    data[step] = 77
    assert frame.rgb[1, 0, 0] == 77


@pytest.mark.parametrize("padding", [0, 1, 6])
@pytest.mark.parametrize("big", [False, True])
def test_mono16_rounds_every_value(big, padding):
    values = np.arange(65536).reshape(256, 256)
    rows = values.astype(">u2" if big else "<u2").view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    frame = decode(rows, "mono16", height=256, width=256, is_bigendian=big)
    expected = (values + 128) // 257  # 257 is odd: no ties
    assert_pixels(frame, np.repeat(expected[..., None], 3, axis=2), 0)


def test_mono16_from_an_odd_address():
    buffer = memoryview(b"\x00" + MONO16.tobytes())[1:]
    frame = decode_image(buffer, encoding="mono16", height=HEIGHT, width=WIDTH, step=2 * WIDTH)
    assert_pixels(frame, GREY_RGB, 0)


def test_sensor_gain():
    gains = {name: row.sensor_gain for name, row in ENCODINGS.items()}
    for name in ("rgb8", "bgr8", "rgba8", "bgra8", "8UC3"):
        assert gains.pop(name) == 1.0
    for name in ("mono8", "8UC1"):
        assert gains.pop(name) == math.sqrt(3)
    assert all(math.isnan(gain) for gain in gains.values())
    assert decode(GREY, "mono8").sensor_gain == math.sqrt(3)


@pytest.mark.parametrize("encoding", CASES)
def test_tiny_sizes_decode_or_say_why(encoding):
    row_format = ENCODINGS[encoding]
    for height in range(1, 5):
        for width in range(1, 5):
            row = width * row_format.channels * row_format.bytes_per_channel
            rows = height * 3 // 2 if row_format.even_height else height
            possible = (
                min(height, width) >= row_format.least_side
                and not (row_format.even_width and width % 2)
                and not (row_format.even_height and height % 2)
            )
            arguments = {"encoding": encoding, "height": height, "width": width, "step": row}
            data = b"\x80" * (row * rows)
            if possible:
                assert decode_image(data, **arguments).rgb.shape == (height, width, 3)
                assert decode_image(data, **arguments).rgb.min() > 0  # not left black
            else:
                with pytest.raises(InvalidFrame, match="even|too small"):
                    decode_image(data, **arguments)


@pytest.mark.parametrize("encoding", ["rgb8", "mono8", "mono16", "bgra8"])
def test_one_pixel(encoding):
    row = ENCODINGS[encoding].channels * ENCODINGS[encoding].bytes_per_channel
    frame = decode_image(b"\x80" * row, encoding=encoding, height=1, width=1, step=row)
    assert frame.rgb.tolist() == [[[128, 128, 128]]]


@pytest.mark.parametrize("encoding", ["32FC3", "", "RGB8", "rgb16", "nv24", "rgb8 "])
def test_other_encodings_are_unsupported(encoding):
    # first of all: nothing else about this image is right
    with pytest.raises(UnsupportedEncoding, match="rgb8.*nv21"):
        decode_image(b"", encoding=encoding, height=0, width=0, step=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"height": 0}, "at least 1"),
        ({"width": 0}, "at least 1"),
        ({"height": -1}, "at least 1"),
        ({"step": WIDTH * 3 - 1}, "step of 23 bytes is less than a row"),
        ({"step": 0}, "step of 0 bytes"),
        ({"step": WIDTH * 3 + 1}, "needs 150 .* got 144"),
        ({"height": HEIGHT - 1}, "needs 120 .* got 144"),
        ({"height": HEIGHT + 1}, "needs 168 .* got 144"),
        ({"step": 2**32 - 1}, "got 144"),
        ({"max_pixels": HEIGHT * WIDTH - 1}, "input.max_pixels"),
    ],
)
def test_invalid_sizes(changes, message):
    with pytest.raises(InvalidFrame, match=message):
        decode(RGB.reshape(HEIGHT, -1), "rgb8", **changes)


@pytest.mark.parametrize("missing", [1, 3, 24, 143])
def test_truncated(missing):
    data = RGB.tobytes()[:-missing]
    with pytest.raises(InvalidFrame, match=f"got {144 - missing}"):
        decode_image(data, encoding="rgb8", height=HEIGHT, width=WIDTH, step=WIDTH * 3)


def test_padded_image_may_lose_its_last_padding_only():
    rows = np.pad(RGB.reshape(HEIGHT, -1), ((0, 0), (0, 8)))
    for missing in (1, 7, 9):
        with pytest.raises(InvalidFrame, match="needs"):
            decode_image(
                rows.tobytes()[:-missing], encoding="rgb8", height=HEIGHT, width=WIDTH, step=32
            )


def test_empty():
    with pytest.raises(InvalidFrame, match="no data"):
        decode_image(b"", encoding="rgb8", height=2, width=2, step=6)


def test_pixel_limit_comes_before_the_data():
    # data is not even a buffer: it must not have been looked at
    with pytest.raises(InvalidFrame, match=str(DEFAULT_MAX_PIXELS)):
        decode_image(None, encoding="rgb8", height=2**32 - 1, width=2**32 - 1, step=1)


def test_fixed_width_integers_do_not_wrap_around_the_limit():
    sizes = {name: np.uint32(2**16) for name in ("height", "width", "step")}
    with pytest.raises(InvalidFrame, match="input.max_pixels"):
        decode_image(b"", encoding="mono8", **sizes)


def test_strided_buffer_is_refused():
    with pytest.raises(InvalidFrame, match="contiguous"):
        decode_image(memoryview(bytes(24))[::2], encoding="rgb8", height=2, width=2, step=6)
