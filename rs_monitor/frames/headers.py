# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a JPEG or PNG says of itself, read without decoding a pixel.

The decoder allocates what the header asks for, so the size is read and bounded first. Both parsers
walk the file's segments in bounded time; they also find what decoders forgive: OpenCV up to 4.10
fills the missing part of a truncated JPEG with grey and reports success.

Sources: ITU-T T.81 annex B (JPEG), W3C PNG specification, third edition.
"""

import dataclasses
import re
import struct
import zlib
from dataclasses import dataclass

from .errors import InvalidFrame, check_pixels, quoted

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_MAX_SEGMENTS = 65_536  # a camera's file has tens to hundreds
_MAX_SCANS = 100  # each is a pass over all pixels; progressive encoders write about ten

_EOI, _SOS = 0xD9, 0xDA
# A marker after coded data, where 0xff is followed by zero, or a restart marker, or fill bytes.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}  # TEM, RST0 to RST7, SOI
_FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # not DHT, JPG, DAC

_PNG_COLOUR_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}  # by colour type; alpha is not counted
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel in the file
_ANCILLARY = 0x20  # in the first letter of a chunk's name
_MOST_INFLATION = 1032  # deflate makes no more of a byte
_PIECE = 1 << 14  # bytes inflated at a time: to 17 MB at most


@dataclass(frozen=True)
class ImageHeader:
    """Size in pixels, colour channels (1 or 3) and bits per channel of a compressed image.

    `passes` is how often its decoder goes over all pixels.
    """

    height: int
    width: int
    channels: int
    bits: int
    passes: int = 1


def image_header(data: bytes, max_pixels: int) -> tuple[str, ImageHeader, bytes]:
    """Kind, ``jpeg`` or ``png``, header, and what is to be decoded of a complete file.

    Its first bytes tell the kind.

    Raises
    ------
    InvalidFrame
        As `jpeg_header` and `png_parts`, and if it is neither.
    """
    if data.startswith(JPEG_MAGIC):
        return "jpeg", jpeg_header(data, max_pixels), data
    if data.startswith(PNG_MAGIC):
        return "png", *png_parts(data, max_pixels)
    raise InvalidFrame(
        f"compressed image of {len(data)} bytes begins with {quoted(data[:8])}, which "
        "is neither JPEG nor PNG; check the camera's encoder"
    )


def jpeg_header(data: bytes, max_pixels: int) -> ImageHeader:
    """Header of a JPEG file that is complete as far as its markers tell.

    Raises
    ------
    InvalidFrame
        If the segments are malformed, there is no image, its end is missing, it is over
        `max_pixels`, has more than 100 scans, or is neither grey nor of three channels.
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
            check_pixels(height, width, max_pixels)
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
    return dataclasses.replace(header, passes=_count_scans(data, position))


def _count_scans(data: bytes, position: int) -> int:
    """Walk from the first scan's data to the end of the image, as decoders do.

    Segments between scans are skipped by their length: what they hold may look like an end.
    """
    scans = 1
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        if not found:
            raise _corrupt("JPEG", "the end-of-image marker is missing: the data is truncated")
        marker, position = data[found.end() - 1], found.end()
        if marker == _EOI:
            return scans
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in _FRAME_HEADERS:
            raise _corrupt("JPEG", f"misplaced frame header at byte {position}")
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise _corrupt("JPEG", f"the segment at byte {position} does not fit")
        position += length
        scans += marker == _SOS
        if scans > _MAX_SCANS:
            raise _corrupt("JPEG", f"more than {_MAX_SCANS} scans")
    raise _corrupt("JPEG", f"more than {_MAX_SEGMENTS} segments")


def png_parts(data: bytes, max_pixels: int) -> tuple[ImageHeader, bytes]:
    """Header of a still PNG file whose chunks are all there, and the file with the critical ones.

    Of the others no pixel depends, but they may hold compressed text, which a decoder inflates
    chunk by chunk: a file of 15 MB would keep it busy for a minute. OpenCV checks the checksums.

    Raises
    ------
    InvalidFrame
        If the chunks are malformed or truncated, the file is an animation or over `max_pixels`,
        or its pixels inflate to more than the header's.
    """
    if data[12:16] != b"IHDR" or data[8:12] != b"\0\0\0\r" or len(data) < 33:
        raise _corrupt("PNG", "it does not begin with a header chunk")
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    if colour not in _PNG_COLOUR_CHANNELS:
        raise _corrupt("PNG", f"colour type {colour} does not exist")
    check_pixels(height, width, max_pixels)
    position = len(PNG_MAGIC)
    kept, pixels = [PNG_MAGIC], []
    for _ in range(_MAX_SEGMENTS):
        if position + 12 > len(data):
            raise _corrupt("PNG", "the end chunk is missing: the data is truncated")
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"acTL":
            raise InvalidFrame("PNG is an animation; send one still image a message")
        start, position = position, position + 12 + length
        if not kind[0] & _ANCILLARY:
            kept.append(data[start:position])
        if kind == b"IDAT":
            pixels.append(data[start + 8 : position - 4])
        if kind == b"IEND" and position <= len(data):
            break
    else:
        raise _corrupt("PNG", f"more than {_MAX_SEGMENTS} chunks")
    row = 1 + -(-width * bits * _PNG_SAMPLES[colour] // 8)
    _check_inflation(pixels, 2 * height * row + 64)  # interlaced rows are more, but not twice
    header = ImageHeader(height, width, _PNG_COLOUR_CHANNELS[colour], bits)
    return header, b"".join(kept)


def _check_inflation(pieces: list[bytes], limit: int) -> None:
    """Refuse compressed data that becomes more than `limit` bytes: decoders inflate all of it."""
    if _MOST_INFLATION * sum(map(len, pieces)) <= limit:
        return
    stream, total, data = zlib.decompressobj(), 0, memoryview(b"".join(pieces))
    for start in range(0, len(data), _PIECE):
        try:
            total += len(stream.decompress(data[start : start + _PIECE]))
        except zlib.error:
            return  # the decoder stops there too
        if total > limit:
            raise _corrupt("PNG", "it holds more pixels than its header says")
        if stream.eof:
            return


def _corrupt(kind: str, reason: str) -> InvalidFrame:
    return InvalidFrame(f"corrupt {kind}: {quoted(reason, 120)[1:-1]}; check the camera's encoder")
