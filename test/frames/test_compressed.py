# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math
import struct
import zlib

import cv2
import numpy as np
import pytest

from rs_monitor.frames import (
    InvalidFrame,
    UnsupportedEncoding,
    decode_compressed,
    decode_image,
)
from rs_monitor.frames.headers import png_parts

HEIGHT, WIDTH = 12, 20
RGB = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
SMOOTH = np.stack(
    np.broadcast_arrays(np.arange(0, 240, 12), np.arange(0, 240, 20)[:, None], 128), -1
).astype(np.uint8)


def encode(extension: str, image: np.ndarray, *options: int) -> bytes:
    if image.ndim == 3:
        code = cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        image = cv2.cvtColor(image, code)
    return cv2.imencode(extension, image, options)[1].tobytes()


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png(width: int, height: int, bits: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


JPEG = encode(".jpg", SMOOTH, cv2.IMWRITE_JPEG_QUALITY, 100)
PNG = encode(".png", RGB)
HIDDEN_END = b"\xff\xfe\x00\x04\xff\xd9"  # a comment that holds what looks like the end


@pytest.mark.parametrize(
    "format", ["png", "PNG", " png", "", "bgr8; png compressed bgr8", "rgb8; png compressed "]
)
def test_png_is_exact(format):
    frame = decode_compressed(PNG, format=format)
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert (frame.encoding, frame.sensor_gain) == ("png", 1.0)
    assert not frame.rgb.flags.writeable


@pytest.mark.parametrize("format", ["jpeg", "jpg", "", "rgb8; jpeg compressed bgr8"])
@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
def test_jpeg(format, options):
    data = encode(".jpg", SMOOTH, cv2.IMWRITE_JPEG_QUALITY, 100, *options)
    frame = decode_compressed(memoryview(bytearray(data)), format=format)
    assert frame.rgb.shape == SMOOTH.shape
    assert np.abs(frame.rgb.astype(int) - SMOOTH).max() <= 12  # chroma is subsampled
    assert (frame.encoding, frame.sensor_gain) == ("jpeg", 1.0)


@pytest.mark.parametrize("extension", [".png", ".jpg"])
def test_grey(extension):
    frame = decode_compressed(encode(extension, SMOOTH[..., 1]), format=extension[1:])
    assert np.abs(frame.rgb.astype(int) - SMOOTH[..., 1:2]).max() <= 3
    assert frame.sensor_gain == math.sqrt(3)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_a_mosaic_in_png_is_demosaiced_like_a_raw_one(pattern):
    mosaic, encoding = RGB[..., 0].copy(), f"bayer_{pattern}8"
    raw = decode_image(mosaic, encoding=encoding, height=HEIGHT, width=WIDTH, step=WIDTH)
    frame = decode_compressed(encode(".png", mosaic), format=f"{encoding}; png compressed ")
    np.testing.assert_array_equal(frame.rgb, raw.rgb)
    assert frame.encoding == "png"
    assert math.isnan(frame.sensor_gain)


@pytest.mark.parametrize(
    ("extension", "image", "format", "reason"),
    [
        (".jpg", RGB[..., 0], "bayer_rggb8; jpeg compressed mono8", "jpeg has blurred"),
        (".jpg", RGB[..., 0], "bayer_rggb8; png compressed ", "jpeg has blurred"),
        (".png", RGB[..., 0].astype(np.uint16), "bayer_rggb16; png compressed ", "with 16 bits"),
        (".png", RGB[..., 0].astype(np.uint16), "bayer_rggb8; png compressed ", "with 16 bits"),
    ],
)
def test_a_mosaic_that_cannot_be_demosaiced_is_refused(extension, image, format, reason):
    with pytest.raises(UnsupportedEncoding, match=reason):
        decode_compressed(encode(extension, image), format=format)


def test_a_mosaic_too_small_is_refused():
    with pytest.raises(InvalidFrame, match="at least 3 by 3"):
        decode_compressed(png(1, 1, 8, 0, b"\0\x80"), format="bayer_rggb8; png compressed ")


@pytest.mark.parametrize("codec", ["png", "jpeg"])
def test_colour_made_of_a_mosaic_by_the_camera_is_taken_as_it_is(codec):
    data = {"png": PNG, "jpeg": JPEG}[codec]
    frame = decode_compressed(data, format=f"bayer_rggb8; {codec} compressed bgr8")
    np.testing.assert_array_equal(frame.rgb, decode_compressed(data, format=codec).rgb)
    assert frame.sensor_gain == 1.0


def test_alpha_is_dropped():
    rgba = np.dstack([RGB, np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)])
    frame = decode_compressed(encode(".png", rgba), format="png")
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert frame.sensor_gain == 1.0


@pytest.mark.parametrize("format", ["png", "mono16; png compressed "])
def test_sixteen_bit_grey_rounds(format):
    values = np.arange(0, 65536, 7, dtype=np.uint16)[: 96 * 96].reshape(96, 96)
    values[-1, -1] = 65535
    frame = decode_compressed(encode(".png", values), format=format)
    expected = (values.astype(int) + 128) // 257
    np.testing.assert_array_equal(frame.rgb, np.repeat(expected[..., None], 3, axis=2))
    assert math.isnan(frame.sensor_gain)


def test_sixteen_bit_colour():
    frame = decode_compressed(encode(".png", RGB.astype(np.uint16) * 257), format="png")
    np.testing.assert_array_equal(frame.rgb, RGB)
    assert math.isnan(frame.sensor_gain)


def test_one_bit_and_palette_png():
    bits = decode_compressed(png(8, 1, 1, 0, b"\0\xa5"), format="png")
    assert bits.rgb[0, :, 0].tolist() == [255, 0, 255, 0, 0, 255, 0, 255]
    assert bits.sensor_gain == math.sqrt(3)
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 7])) + chunk(b"tRNS", b"\x10")
    colours = decode_compressed(png(2, 1, 8, 3, b"\0\0\1", palette), format="png")
    assert colours.rgb.tolist() == [[[255, 0, 0], [0, 255, 7]]]
    assert colours.sensor_gain == 1.0


def test_one_pixel():
    assert decode_compressed(png(1, 1, 8, 0, b"\0\x80"), format="png").rgb.tolist() == [
        [[128] * 3]
    ]


def test_exif_orientation_is_ignored():
    # big-endian TIFF with one entry: orientation (0x0112), SHORT, 6 (turned by 90 degrees)
    tiff = b"MM\0\x2a\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    turned = JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + JPEG[2:]
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape[0] == WIDTH
    expected = decode_compressed(JPEG, format="jpeg")
    np.testing.assert_array_equal(decode_compressed(turned, format="jpeg").rgb, expected.rgb)


@pytest.mark.parametrize(
    "format",
    [
        "tiff",
        "rvl",
        "h264",
        "webp",
        "compressedDepth",
        "16UC1; compressedDepth png",
        "32FC1; compressedDepth rvl",
        "bgr8; tiff compressed bgr8",
        "jpegxl",
        "jpeg; webp",
        ";",
        "x\n" * 1000,
    ],
)
def test_other_formats_are_unsupported(format):
    with pytest.raises(UnsupportedEncoding, match="jpeg or png") as caught:
        decode_compressed(PNG, format=format)
    message = str(caught.value)
    assert len(message) <= 300
    assert "\n" not in message


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff\xd8", b"GIF89a" + bytes(90), bytes(1000)])
def test_neither_jpeg_nor_png(data):
    with pytest.raises(InvalidFrame, match="neither JPEG nor PNG"):
        decode_compressed(data, format="jpeg")


@pytest.mark.parametrize("data", [JPEG, PNG], ids=["jpeg", "png"])
def test_truncated_anywhere(data):
    for length in [*range(0, 60), *range(60, len(data), 41), *range(len(data) - 12, len(data))]:
        with pytest.raises(InvalidFrame):
            decode_compressed(data[:length], format="")


def test_bytes_after_the_end_are_allowed():
    # cameras send buffers of a fixed size
    for data in (JPEG, PNG):
        frame = decode_compressed(data + bytes(100), format="")
        np.testing.assert_array_equal(frame.rgb, decode_compressed(data, format="").rgb)


@pytest.mark.parametrize("offset", [20, 29, 45, 60, 200, len(PNG) - 20, len(PNG) - 14])
def test_corrupt_png(offset):
    data = bytearray(PNG)
    data[offset] ^= 0x55
    with pytest.raises(InvalidFrame):
        decode_compressed(bytes(data), format="png")


def test_animated_png():
    data = png(1, 1, 8, 0, b"\0\x80", chunk(b"acTL", struct.pack(">II", 1, 0)))
    with pytest.raises(InvalidFrame, match="animation"):
        decode_compressed(data, format="png")


def resized_jpeg(height: int, width: int) -> bytes:
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + struct.pack(">HH", height, width) + JPEG[at + 4 :]


@pytest.mark.parametrize(
    "data",
    [png(100_000, 100_000, 8, 2, b""), png(2**31 - 1, 1, 16, 6, b""), resized_jpeg(65535, 65535)],
)
def test_bombs_are_refused_by_their_header(data):
    with pytest.raises(InvalidFrame, match="input.max_pixels"):
        decode_compressed(data, format="")


@pytest.mark.parametrize("data", [JPEG, PNG], ids=["jpeg", "png"])
def test_pixel_limit(data):
    decode_compressed(data, format="", max_pixels=HEIGHT * WIDTH)
    with pytest.raises(InvalidFrame, match=f"more than {HEIGHT * WIDTH - 1} pixels"):
        decode_compressed(data, format="", max_pixels=HEIGHT * WIDTH - 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (resized_jpeg(0, WIDTH), "at least 1"),
        (png(0, 1, 8, 0, b"\0"), "at least 1"),
        (png(1, 1, 8, 5, b"\0\0"), "colour type 5"),
        (JPEG[:2] + b"\xff\xfe\x00\x02" * 70_000 + JPEG[2:], "segments"),
        (PNG[:33] + chunk(b"tEXt", b"") * 70_000 + PNG[33:], "chunks"),
        (JPEG[:2] + b"\xff\xfe\x00\x02" + b"\x00" + JPEG[2:], "no marker"),
        (JPEG[:2] + b"\xff\xd9" + JPEG[2:], "before its image"),
        (JPEG[:-2] + b"\xff\xda\x00\x02" * 100 + JPEG[-2:], "100 scans"),
        (JPEG[:-2] + HIDDEN_END + b"\xff\xda\x00\x02" * 100 + JPEG[-2:], "100 scans"),
        (JPEG[:-2] + HIDDEN_END, "end-of-image marker is missing"),
        (JPEG[:-2] + b"\xff\xfe\x00\x02" * 70_000 + JPEG[-2:], "segments"),
        (JPEG[:-2] + b"\xff\xfe\x00\x01" + JPEG[-2:], "does not fit"),
        (JPEG[:-2] + b"\xff\xfe\xff\xff" + JPEG[-2:], "does not fit"),
        (JPEG[:-2] + b"\xff\xc2\x00\x0b" + JPEG[-2:], "misplaced frame header"),
    ],
)
def test_malformed(data, message):
    with pytest.raises(InvalidFrame, match=message):
        decode_compressed(data, format="")


def test_second_frame_header_cannot_change_the_size():
    at = JPEG.index(b"\xff\xc0")
    length = struct.unpack_from(">H", JPEG, at + 2)[0] + 2
    twice = JPEG[:at] + JPEG[at : at + length] + JPEG[at:]
    with pytest.raises(InvalidFrame, match="frame header"):
        decode_compressed(twice, format="jpeg")
    four_channels = JPEG[: at + 9] + b"\x04" + JPEG[at + 10 :]
    with pytest.raises(InvalidFrame, match="4 channels"):
        decode_compressed(four_channels, format="jpeg")


def test_time_for_scans_is_bounded():
    # Each takes a pass over all pixels, however few bytes it has.
    data = encode(".jpg", SMOOTH, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    first = data.index(b"\xff\xda")
    scans = data.count(b"\xff\xda")
    assert 1 < scans <= 16
    last = data[data.rindex(b"\xff\xda") : -2]
    most = data[:-2] + last * (16 - scans)
    for content in (data, most, most + HIDDEN_END):
        whole = content if content is data else content + data[-2:]
        frame = decode_compressed(whole, format="jpeg", max_pixels=HEIGHT * WIDTH)
        assert frame.rgb.shape == SMOOTH.shape
    with pytest.raises(InvalidFrame, match="in 17 scans takes too long"):
        decode_compressed(most + last + data[-2:], format="jpeg", max_pixels=HEIGHT * WIDTH)
    with pytest.raises(InvalidFrame, match="in 17 scans takes too long"):
        hidden = data[:first] + HIDDEN_END + most[first:] + HIDDEN_END + last + data[-2:]
        decode_compressed(hidden, format="jpeg", max_pixels=HEIGHT * WIDTH)


def test_text_in_a_png_is_never_inflated():
    rows = b"".join(b"\0" + row.tobytes() for row in RGB)
    plain = png(WIDTH, HEIGHT, 8, 2, rows)
    bomb = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1_000_000))) * 1000
    full = png(WIDTH, HEIGHT, 8, 2, rows, bomb)
    assert png_parts(full, HEIGHT * WIDTH)[1] == plain
    np.testing.assert_array_equal(decode_compressed(full, format="png").rgb, RGB)


def test_a_png_with_more_pixels_than_its_header_says():
    rows = b"".join(b"\0" + row.tobytes() for row in RGB)
    decode_compressed(png(WIDTH, HEIGHT, 8, 2, rows), format="png")
    bomb = png(WIDTH, HEIGHT, 8, 2, rows + bytes(50_000_000))
    with pytest.raises(InvalidFrame, match="more pixels than its header"):
        decode_compressed(bomb, format="png")


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_interlaced_png(bits):
    # The seven passes of an image of 8 by 8: columns and rows of each.
    passes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]
    rows = b"".join((b"\0" + b"\xff" * -(-columns * bits // 8)) * n for columns, n in passes)
    header = struct.pack(">IIBBBBB", 8, 8, bits, 0, 0, 0, 1)
    data = PNG[:8] + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
    frame = decode_compressed(data + chunk(b"IEND", b""), format="png")
    assert frame.rgb.shape == (8, 8, 3) and frame.rgb.min() == 255
