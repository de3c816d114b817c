# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Small pictures of the worst frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2

from ...certification import Status
from ...frames import FrameError, decode_message
from ..bags import read_images
from .labels import UNKNOWN
from .plan import Stream

FOLDER = "thumbnails"
KEPT = 12  # at each point of the sweep
WIDTH = 160  # pixels, at most
_QUALITY = 80  # of the JPEG, percent


class Worst:
    """The worst frames at one point: certified as the wrong class first, the largest radius
    before all; then those with the smallest radius, abstentions by their votes.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[tuple[float, ...], int, int, int]] = []

    def add(self, row: Mapping[str, Any], number: int, stream: int, label: int) -> None:
        """Take a frame with the number of its row."""
        if row["status"] not in (Status.CERTIFIED.name, Status.ABSTAINED.name):
            return
        wrong = not row["abstain"] and label not in (UNKNOWN, row["class_id"])
        badness = (0, -row["radius"], 0) if wrong else (1, row["radius"], row["votes_top"])
        entry = (badness, number, stream, row["index"])
        if len(self._kept) < KEPT or entry < self._kept[-1]:
            self._kept = sorted([*self._kept, entry])[:KEPT]

    def rows(self) -> dict[int, tuple[int, int]]:
        """Return stream and image number by row."""
        return {row: (stream, index) for _, row, stream, index in self._kept}


def write_thumbnails(
    folder: Path, rows: Mapping[int, tuple[int, int]], streams: Iterable[Stream]
) -> dict[int, str]:
    """Write the pictures of rows into `folder` / thumbnails.

    Parameters
    ----------
    folder : Path
    rows : mapping
        Stream and image number by row.
    streams : iterable of Stream

    Returns
    -------
    dict
        Path relative to `folder`, by row; without those that cannot be read again.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    paths = {}
    for number, stream in enumerate(streams):
        wanted: dict[int, list[int]] = {}
        for row, (of, index) in rows.items():
            if of == number:
                wanted.setdefault(index, []).append(row)
        if not wanted:
            continue
        images = read_images(stream.bag, stream.topic)
        last = max(wanted)
        for image in images.read(only=wanted.keys()):
            picture = _picture(image.message)
            for row in wanted[image.index] if picture else ():
                paths[row] = f"{FOLDER}/{row}.jpg"
                (folder / paths[row]).write_bytes(picture)
            if image.index == last:
                break
    return paths


def _picture(message: Any) -> bytes:
    try:
        frame = decode_message(message)
    except FrameError:
        return b""
    scale = min(1.0, WIDTH / frame.width)
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    small = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
    done, content = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    return content.tobytes() if done else b""
