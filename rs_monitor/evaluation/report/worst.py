# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Thumbnails of the frames to look at first."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...files import read_file
from ...frames import decode_compressed
from .frames import Frames
from .words import status_text

MOST = 18
_MOST_LETTERS = 80  # of a class's name
_SIDE = 240  # pixels of the longer side
_MOST_BYTES = 24 * 1024  # of one thumbnail
_MOST_FILE_BYTES, _MOST_PIXELS = 1 << 24, 1 << 22  # of one that is read


@dataclass(frozen=True)
class Thumbnail:
    """One frame: its picture as a data URI, what it shows, and what became of it."""

    uri: str
    width: int
    height: int
    verdict: str
    details: list[str]
    alternative: str


def worst(frames: Frames, folder: Path) -> tuple[list[Thumbnail], int]:
    """Return the worst frames that have a picture, worst first.

    First those certified as a wrong class, the largest radius first; then those not certified;
    then the certified ones from the smallest radius on.

    Parameters
    ----------
    frames : Frames
    folder : Path
        Thumbnails outside it are left out.

    Returns
    -------
    thumbnails : list of Thumbnail
        At most `MOST`.
    unreadable : int
        Pictures that were named but could not be shown.
    """
    rank = np.where(frames.wrong, 0, np.where(frames.certified, 2, 1))
    radius = np.where(frames.wrong, -frames["radius"], frames["radius"])
    named = np.array([bool(name) for name in frames["thumbnail"].tolist()], dtype=bool)
    found: list[Thumbnail] = []
    unreadable = 0
    for row in np.lexsort((np.arange(len(frames)), radius, rank)).tolist():
        if not named[row] or len(found) == MOST:
            continue
        picture = _picture(folder, str(frames["thumbnail"][row]))
        if picture is None:
            unreadable += 1
        else:
            found.append(_described(frames, row, *picture))
    return found, unreadable


def _described(frames: Frames, row: int, uri: str, width: int, height: int) -> Thumbnail:
    label = str(frames["label_name"][row])[:_MOST_LETTERS] if frames.labelled[row] else ""
    if frames.certified[row]:
        name = str(frames["class_name"][row])[:_MOST_LETTERS] or "unnamed class"
        verdict = f"{name}, radius {frames['radius'][row]:.3f}"
        if frames.wrong[row]:
            verdict = f"wrong: {verdict}"
    else:
        verdict = f"{status_text(str(frames.status[row]))}, no class"
    where = (
        f"frame {frames['index'][row]} at {frames.seconds[row]:.2f} s, "
        f"{frames.title(int(frames.source[row]))}"
    )
    details = ([f"label: {label}"] if label else []) + [where]
    return Thumbnail(uri, width, height, verdict, details, f"{verdict}; {where}")


def _picture(folder: Path, name: str) -> tuple[str, int, int] | None:
    """Return a picture below `folder` as a JPEG data URI of limited size, or None."""
    try:
        path = Path(os.path.realpath(folder / name))
        if not path.is_relative_to(os.path.realpath(folder)):
            return None
        content = read_file(path, _MOST_FILE_BYTES)
        rgb = decode_compressed(content, format="", max_pixels=_MOST_PIXELS).rgb
    except (OSError, ValueError):
        return None
    image = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    scale = _SIDE / max(image.shape[:2])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for quality in (85, 60, 35, 10):
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(encoded) <= _MOST_BYTES:
            break
    text = base64.b64encode(encoded).decode("ascii")
    return f"data:image/jpeg;base64,{text}", image.shape[1], image.shape[0]
