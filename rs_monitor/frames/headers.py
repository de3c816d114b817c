# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a JPEG or PNG says of itself, read without decoding a pixel.

The decoder allocates what the header asks for, so the size is read and bounded first. Both parsers
walk the file's segments in bounded time; they also find what decoders forgive: OpenCV up to 4.10
fills the missing part of a truncated JPEG with grey and reports success.

Sources: ITU-T T.81 annex B (JPEG), W3C PNG specification, third edition.
"""

import struct
from dataclasses import dataclass

from .errors import InvalidFrame, quoted

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_MAX_SEGMENTS = 65_536  # a camera's file has tens to hundreds
_MAX_SCANS = 100  # each is a pass over all pixels; progressive encoders write about ten

_EOI, _SOS = 0xD9, 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}  # TEM, RST0 to RST7, SOI
_FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # not DHT, JPG, DAC

_PNG_COLOUR_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}  # by colour type; alpha is not counted


@dataclass(frozen=True)
class ImageHeader:
    """Size in pixels, colour channels (1 or 3) and bits per channel of a compressed image."""

    height: int
    width: int
    channels: int
    bits: int


def image_header(data: bytes) -> tuple[str, ImageHeader]:
    """Kind, ``jpeg`` or ``png``, and header of a complete file; its first bytes tell the kind.

    Raises
    ------
    InvalidFrame
        As `jpeg_header` and `png_header`, and if it is neither.
    """
    if data.startswith(JPEG_MAGIC):
        return "jpeg", jpeg_header(data)
    if data.startswith(PNG_MAGIC):
        return "png", png_header(data)
    raise InvalidFrame(
        f"compressed image of {len(data)} bytes begins with {quoted(data[:8])}, which "
        "is neither JPEG nor PNG; check the camera's encoder"
    )


def jpeg_header(data: bytes) -> ImageHeader:
    """Header of a JPEG file that is complete as far as its markers tell.

    Raises
    ------
    InvalidFrame
        If the segments are malformed, there is no image, its end is missing, it has more than 100
        scans, or it is neither grey nor of three channels.
    """
    header = None
    position = 2  # after SOI
    for _ in range(_MAX_SEGMENTS):
        if data[position : position + 1] != b"\xff":
            raise _corrupt("JPEG", f"no marker at byte {position}")
        while data[position : position + 1] == b"\xff":  # fill bytes are allowed
            position += 1
        marker = data[position] if position < len(data) else _EOI
        position += 1
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _EOI:
            raise _corrupt("JPEG", "it ends before its image")
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise _corrupt("JPEG", f"the segment at byte {position} does not fit")
        if marker in _FRAME_HEADERS:
            if header is not None or length < 8:
                raise _corrupt("JPEG", f"misplaced or short frame header at byte {position}")
            bits, height, width, channels = struct.unpack_from(">BHHB", data, position + 2)
            header = ImageHeader(height, width, channels, bits)
        position += length
        if marker == _SOS:
            break
    else:
        raise _corrupt("JPEG", f"more than {_MAX_SEGMENTS} segments")
    if header is None:
        raise _corrupt("JPEG", "no frame header before the image")
    if header.channels not in (1, 3):
        raise InvalidFrame(
            f"JPEG of {header.channels} channels (CMYK?) is not a camera image; send grey or "
            "colour"
        )
    # In coded data 0xff is followed by zero or a restart marker only: this finds the real end.
    end = data.find(bytes((0xFF, _EOI)), position)
    if end < 0:
        raise _corrupt("JPEG", "the end-of-image marker is missing: the data is truncated")
    if data.count(bytes((0xFF, _SOS)), position, end) >= _MAX_SCANS:
        raise _corrupt("JPEG", f"more than {_MAX_SCANS} scans")
    return header


def png_header(data: bytes) -> ImageHeader:
    """Header of a still PNG file whose chunks are all there; OpenCV checks their checksums.

    Raises
    ------
    InvalidFrame
        If the chunks are malformed or truncated, or the file is an animation.
    """
    if data[12:16] != b"IHDR" or data[8:12] != b"\0\0\0\r" or len(data) < 33:
        raise _corrupt("PNG", "it does not begin with a header chunk")
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    if colour not in _PNG_COLOUR_CHANNELS:
        raise _corrupt("PNG", f"colour type {colour} does not exist")
    position = len(PNG_MAGIC)
    for _ in range(_MAX_SEGMENTS):
        if position + 12 > len(data):
            raise _corrupt("PNG", "the end chunk is missing: the data is truncated")
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"acTL":
            raise InvalidFrame("PNG is an animation; send one still image a message")
        position += 12 + length
        if kind == b"IEND" and position <= len(data):
            return ImageHeader(height, width, _PNG_COLOUR_CHANNELS[colour], bits)
    raise _corrupt("PNG", f"more than {_MAX_SEGMENTS} chunks")


def _corrupt(kind: str, reason: str) -> InvalidFrame:
    return InvalidFrame(f"corrupt {kind}: {quoted(reason, 120)[1:-1]}; check the camera's encoder")
