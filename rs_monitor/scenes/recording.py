# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered drives as rosbag2 recordings, made on first use and kept in the user's cache."""

from __future__ import annotations

import csv
import hashlib
import io
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from ..evaluation.bags import write_drive
from ..files import read_file
from .drive import FRAME_RATE, approach_frames, drive_labels

LABELS_FILE = "labels.csv"
LABELS_COLUMNS = ("frame", "stamp_ns", "label")
FRAME_INTERVAL = round(1e9 / FRAME_RATE)  # nanoseconds
_MAX_LABELS = 1 << 28  # bytes
_FIRST_STAMP = FRAME_INTERVAL  # nanoseconds: a stamp of zero would mean "unknown"


class RecordingError(RuntimeError):
    """A drive that cannot be recorded; the message says where and what to do."""


def cache_folder() -> Path:
    """Return the folder in which recorded drives are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rs_monitor" / "drives"


def recorded_drive(
    folder: str | Path | None = None,
    *,
    seed: int = 1,
    signs: int = 20,
    frames_per_sign: int = 25,
) -> Path:
    """Return a recorded drive past `signs` signs, which is rendered first where it is missing.

    Parameters
    ----------
    folder : str or Path, optional
        Where recordings are kept; `cache_folder()` by default.
    seed : int
        Seed of the drive, >= 0. The same seed gives the same pixels.
    signs, frames_per_sign : int
        Number of approaches, and frames of each at 25 Hz; both >= 1.

    Returns
    -------
    Path
        A rosbag2 directory (mcap; sensor_msgs/msg/Image, bgr8, 640x480, stamps 40 ms apart)
        with the class of every frame in its `labels.csv` (frame, stamp_ns, label).

    Raises
    ------
    ValueError
        For a parameter out of range.
    RecordingError
        When the folder cannot be written.
    """
    for name, value, least in (
        ("seed", seed, 0),
        ("signs", signs, 1),
        ("frames_per_sign", frames_per_sign, 1),
    ):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    folder = cache_folder() if folder is None else Path(folder)
    name = f"drive_{seed}_{signs}x{frames_per_sign}_{_sources_digest()[:12]}"
    recording = folder / name
    if recording.is_dir():
        return recording
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{name}_", dir=folder))
        try:
            _record(work / name, seed, signs, frames_per_sign)
            _publish(work / name, recording)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise RecordingError(
            f"cannot keep the rendered drive in {folder} ({error.strerror or error}): make it "
            "writable, or set XDG_CACHE_HOME to a folder that is"
        ) from error
    return recording


def read_labels(bag: Path) -> list[str]:
    """Return the label of every frame of a recording; empty where none are known.

    Parameters
    ----------
    bag : Path
        A rosbag2 directory, or a storage file: labels.csv lies in it, or beside it.

    Raises
    ------
    ValueError
        For a labels.csv that is no CSV file, or without a column `label`.
    OSError
        When it cannot be read.
    """
    path = (bag if bag.is_dir() else bag.parent) / LABELS_FILE
    if not path.is_file():
        return []
    try:
        text = read_file(path, _MAX_LABELS).decode("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if "label" in (rows.fieldnames or ()):
            return [row["label"] or "" for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from error
    raise ValueError(f"{path} must have the columns {', '.join(LABELS_COLUMNS)}")


def _record(path: Path, seed: int, signs: int, frames_per_sign: int) -> None:
    labels = [label for label in drive_labels(seed, signs) for _ in range(frames_per_sign)]
    stamps = [_FIRST_STAMP + index * FRAME_INTERVAL for index in range(len(labels))]
    frames = tqdm(
        _frames(seed, signs, frames_per_sign),
        desc="rendering the drive",
        unit="frame",
        total=len(labels),
        disable=not sys.stderr.isatty(),
    )
    write_drive(path, zip(stamps, frames))
    with (path / LABELS_FILE).open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(LABELS_COLUMNS)
        rows.writerows(zip(range(len(labels)), stamps, labels))


def _frames(seed: int, signs: int, frames_per_sign: int) -> Iterator[np.ndarray]:
    """Yield all frames in order, BGR; approaches are rendered side by side."""
    tasks = [
        (seed, index, label, frames_per_sign)
        for index, label in enumerate(drive_labels(seed, signs))
    ]
    workers = min(os.cpu_count() or 1, len(tasks))
    if workers == 1:
        for task in tasks:
            yield from _approach(task)
        return
    # Not forked: this process may already have an inference runtime's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = [pool.submit(_approach, task) for task in tasks[: 2 * workers]]
        for index in range(len(tasks)):
            yield from waiting.pop(0).result()
            if index + 2 * workers < len(tasks):  # ahead by little: an approach is 23 MB
                waiting.append(pool.submit(_approach, tasks[index + 2 * workers]))


def _approach(task: tuple[int, int, str, int]) -> list[np.ndarray]:
    return [cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in approach_frames(*task)]


def _publish(made: Path, recording: Path) -> None:
    """Rename the finished folder to its name; another process may have been faster."""
    try:
        made.rename(recording)
    except OSError:
        if not recording.is_dir():
            raise


def _sources_digest() -> str:
    """Return a digest of the code that decides the pixels."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
