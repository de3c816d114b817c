# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a replay is to compute: streams of images, points of the sweep, and their fingerprint."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ... import __version__
from ...sampling import FIXED_CHUNK
from ...settings import Settings
from ..bags import BagError, BagImages, NoSuchTopic, read_images

PART = 25  # frames that are kept, or lost, together


@dataclasses.dataclass(frozen=True)
class Stream:
    """The images of one topic of one recording.

    Attributes
    ----------
    bag : str
        Absolute path.
    topic : str
    count : int
        Images that its storage lists.
    listed : int or None
        Images that its metadata.yaml lists.
    """

    bag: str
    topic: str
    count: int
    listed: int | None = None


@dataclasses.dataclass(frozen=True)
class Part:
    """Images `first` to `stop` - 1 of a stream; a `stop` of None reads to the end."""

    stream: int
    first: int
    stop: int | None

    @property
    def name(self) -> str:
        """File name of its result."""
        return f"{self.stream:04d}_{self.first:09d}.parquet"


@dataclasses.dataclass(frozen=True)
class Point:
    """One combination of the sweep.

    Attributes
    ----------
    sigma : float
    resolution : str
    n : int
        0 where it follows the clock, live.
    """

    sigma: float
    resolution: str
    n: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """A replay: it can be pickled, and says all that decides its votes.

    Attributes
    ----------
    streams : tuple of Stream
    model : str
        Path of the card or family; "" for the shipped one.
    backend, precision : str
        As asked for.
    ns : tuple of int
        Ascending.
    sigmas : tuple of float
    resolutions : tuple of str
    alpha, procedure, n_selection
        As in Settings.
    seed : int or None
    threads : int
        CPU threads of inference in each process; the votes do not depend on it.
    """

    streams: tuple[Stream, ...]
    model: str
    backend: str
    precision: str
    ns: tuple[int, ...]
    sigmas: tuple[float, ...]
    resolutions: tuple[str, ...]
    alpha: float
    procedure: str
    n_selection: int
    seed: int | None
    threads: int = 1

    @property
    def points(self) -> list[Point]:
        """Every point of the sweep, in the order of the rows of a frame."""
        return [Point(s, r, n) for s in self.sigmas for r in self.resolutions for n in self.ns]

    def settings(self, point: Point) -> Settings:
        """Return what frames are certified with at a point.

        Raises
        ------
        ValueError
            For values out of range.
        """
        return Settings(
            sigma=point.sigma,
            alpha=self.alpha,
            n=point.n,
            procedure=self.procedure,
            n_selection=self.n_selection,
        )

    def parts(self) -> Iterator[Part]:
        """Yield the parts of all streams in order; the last of each is open-ended."""
        for number, stream in enumerate(self.streams):
            firsts = range(0, max(stream.count, 1), PART)
            for first in firsts:
                stop = None if first == firsts[-1] else first + PART
                yield Part(number, first, stop)

    def whole_streams(self) -> list[Part]:
        """Return the parts of a live run: a stream is played in one go."""
        return [Part(number, 0, None) for number in range(len(self.streams))]

    def is_main(self, point: int) -> bool:
        """Whether a point of the sweep is the one that is recorded: the first at the largest n."""
        return point == len(self.ns) - 1

    def fingerprint(self) -> dict[str, Any]:
        """Return all that a result depends on, by name; results of another one do not mix."""
        values = dataclasses.asdict(self)
        del values["threads"]
        values["streams"] = [
            [stream.bag, stream.topic, stream.count, _storage(Path(stream.bag))]
            for stream in self.streams
        ]
        return values | {"chunk": FIXED_CHUNK, "part": PART, "rs_monitor": __version__}


def find_streams(bags: list[Path], topics: list[str]) -> tuple[list[Stream], list[str]]:
    """Open the recordings.

    Parameters
    ----------
    bags : list of Path
    topics : list of str
        Image topics; empty for the only one of each recording.

    Returns
    -------
    (list of Stream, list of str)
        Also what is known to be lost already.

    Raises
    ------
    BagError
        For what is no recording, or has none of the topics; when a topic is in no recording.
    """
    streams: list[Stream] = []
    warnings: list[str] = []
    found: set[str] = set()
    for bag in bags:
        missing: NoSuchTopic | None = None
        images: list[BagImages] = []
        for topic in topics or [None]:
            try:
                images.append(read_images(bag, topic))
            except NoSuchTopic as error:
                missing = error
            else:
                found.add((topic or "").strip("/"))
        if not images and missing:
            raise missing
        for one in images:
            stream = Stream(str(bag.absolute()), one.topic, one.count, one.listed)
            if stream in streams:
                raise BagError(f"{bag} is given twice")
            streams.append(stream)
            warnings += [f"{stream.bag}: {text}" for text in one.warnings]
    for topic in topics:
        if topic.strip("/") not in found:
            raise BagError(f"no recording has images on topic {topic}")
    return streams, warnings


def _storage(bag: Path) -> list[list[Any]]:
    """Return name, size and time of change of every file of a recording."""
    files = sorted(bag.iterdir()) if bag.is_dir() else [bag]
    stats = [(file.name, file.stat()) for file in files if _holds_images(file)]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]


def _holds_images(file: Path) -> bool:
    return file.is_file() and any(suffix in (".mcap", ".db3") for suffix in file.suffixes)
