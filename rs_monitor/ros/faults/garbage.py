# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Fuzzed images, made by hypothesis from a seed: from pure noise to almost right."""

from __future__ import annotations

import array
import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ...frames import ENCODINGS

_UINT32, _INT32 = (1 << 32) - 1, (1 << 31) - 1
_LONGEST = 400  # bytes of data
_SIDE = 9  # pixels of the images that could be right


class GarbageError(RuntimeError):
    """Hypothesis is missing; the message says how to install it."""


def send_garbage(
    kind: type, count: int, seed: int, send: Callable[[Image | CompressedImage], None]
) -> None:
    """Make messages and hand each to `send`.

    Parameters
    ----------
    kind : type
        Image or CompressedImage.
    count : int
        How many.
    seed : int
        The same seed and version of hypothesis make the same messages.
    send : callable
        Must not raise. A stamp of zero is for it to replace by the time.

    Raises
    ------
    GarbageError
        When hypothesis is not installed.
    """
    try:
        import hypothesis
        from hypothesis import strategies as st
    except ImportError as error:
        raise GarbageError(
            "fuzzed messages need hypothesis: python -m pip install 'hypothesis>=6.100,<7'"
        ) from error
    # In rounds: hypothesis becomes slower with the number of examples.
    rounds = random.Random(seed)
    left = count
    while left:

        @hypothesis.seed(rounds.getrandbits(32))
        @hypothesis.settings(
            max_examples=min(left, 500),
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(_images(st) if kind is Image else _files(st))
        def one(message: Any) -> None:
            nonlocal left
            if left:
                left -= 1
                send(message)

        one()


def _headers(st: Any) -> Any:
    """Return a strategy of headers, most of which are to be stamped when sent."""
    odd = st.builds(Time, sec=st.integers(-_INT32 - 1, _INT32), nanosec=st.integers(0, _UINT32))
    stamps = st.one_of(st.just(Time()), st.just(Time()), st.just(Time()), odd)
    # A string of ROS ends with NUL, and is UTF-8.
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    return st.builds(Header, stamp=stamps, frame_id=text)


def _text(st: Any, known: list[str]) -> Any:
    text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=100)
    return st.one_of(st.sampled_from(known), text)


def _images(st: Any) -> Any:
    encodings = _text(st, sorted(ENCODINGS))
    sizes = st.one_of(st.integers(0, _SIDE), st.integers(0, _UINT32))
    wild = st.builds(
        Image,
        header=_headers(st),
        encoding=encodings,
        height=sizes,
        width=sizes,
        step=st.one_of(st.integers(0, 4 * _SIDE), sizes),
        is_bigendian=st.integers(0, 255),
        data=st.binary(max_size=_LONGEST).map(_bytes),
    )

    @st.composite
    def almost_right(draw: Any) -> Image:
        encoding = draw(st.sampled_from(sorted(ENCODINGS)))
        form = ENCODINGS[encoding]
        height, width = draw(st.integers(1, _SIDE)), draw(st.integers(1, _SIDE))
        step = width * form.channels * form.bytes_per_channel + draw(st.integers(0, 5))
        length = step * (height * 3 // 2 if form.even_height else height)
        length = max(0, length + draw(st.sampled_from([0, 0, 0, 0, 1, -1, -step, step])))
        return Image(
            header=draw(_headers(st)),
            encoding=encoding,
            height=height,
            width=width,
            step=step,
            data=_bytes(draw(st.binary(min_size=length, max_size=length))),
        )

    return st.one_of(wild, almost_right(), almost_right())


def _files(st: Any) -> Any:
    picture = np.random.default_rng(5).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    good = [cv2.imencode(suffix, picture)[1].tobytes() for suffix in (".jpg", ".png")]
    formats = _text(st, ["jpeg", "png", "", "rgb8; jpeg compressed bgr8", "16UC1; png compressed"])
    wild = st.builds(
        lambda beginning, rest: beginning + rest,
        st.sampled_from([b"", *(content[:n] for content in good for n in (3, 8, 33))]),
        st.binary(max_size=_LONGEST),
    )

    @st.composite
    def damaged(draw: Any) -> bytes:
        content = bytearray(draw(st.sampled_from(good)))
        for _ in range(draw(st.integers(0, 4))):
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        if draw(st.booleans()):
            start = draw(st.integers(0, len(content)))
            del content[start : start + draw(st.integers(0, 50))]
        return bytes(content)

    return st.builds(
        CompressedImage,
        header=_headers(st),
        format=formats,
        data=st.one_of(wild, damaged(), damaged()).map(_bytes),
    )


def _bytes(content: bytes) -> array.array:
    """Return bytes as a message takes them without looking at each."""
    return array.array("B", content)
