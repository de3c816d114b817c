# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What recorded frames show, where somebody knows: from a CSV file or a topic of the recording."""

from __future__ import annotations

import bisect
import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from rosbags.serde import SerdeError

from ...files import read_file
from ...frames.errors import quoted
from ..bag_storage import Damage, decompress
from ..bags import BagImages
from ..storage_topics import listing, merge_topics
from .columns import certificate_store
from .plan import Stream

UNKNOWN = -1
LABELS_FILE = "labels.csv"  # beside a recording, as rendered drives have it
_NUMBER_COLUMNS, _STAMP_COLUMNS = ("index", "frame"), ("stamp_ns", "stamp_s", "stamp")
_LABEL_TYPES = ("String", *(f"{u}Int{bits}" for u in ("", "U") for bits in (8, 16, 32, 64)))
_NANOSECONDS = 1_000_000_000
_MAX_BYTES = 1 << 28  # some million labels
_MAX_DIGITS = 20  # of a number: nanoseconds in 64 bits
_MAX_SECONDS = 10**_MAX_DIGITS
_ROUNDED = 500_000  # nanoseconds: stamps given in seconds are rounded, to milliseconds at worst


class LabelError(ValueError):
    """Labels that cannot be used; the message says which, where and what to do."""


@dataclasses.dataclass(frozen=True)
class _Given:
    """One line of a labels file; None where the line does not say."""

    bag: str | None
    topic: str | None
    number: int | None
    stamp: int | None
    tolerance: int
    label: int


class Labels:
    """Labels of frames; `of` answers for one frame, in the order in which frames are read.

    Attributes
    ----------
    withheld : Counter of Stream
        Frames that were refused a label by number or topic, because it may be another's.
    """

    def __init__(self, given: Sequence[_Given] = (), topic: Mapping[Stream, list] | None = None):
        self._by_number: dict[tuple[int, str | None, str | None], _Given] = {}
        self._by_stamp: list[_Given] = []
        for one in given:
            if one.number is not None:
                self._by_number[one.number, one.bag, one.topic] = one
            else:
                self._by_stamp.append(one)
        self._by_stamp.sort(key=lambda one: one.stamp)
        self._stamps = [one.stamp for one in self._by_stamp]
        self._topic = topic or {}
        self._given, self._used = len(given), set()
        self.withheld: Counter[Stream] = Counter()

    def __bool__(self) -> bool:
        return bool(self._given or self._topic)

    @property
    def unused(self) -> tuple[int, int]:
        """How many labels of a file matched no frame so far, and how many there are."""
        return self._given - len(self._used), self._given

    def of(self, stream: Stream, number: int, stamp: int, log_time: int, sure: bool = True) -> int:
        """Return the class of a frame, or UNKNOWN.

        Where frames before it may be missing (not `sure`), its number is not the one that it had,
        and labels of a topic are missing, too: only its stamp counts.
        """
        if stream in self._topic:
            label = self._in_force(stream, log_time)
            if label != UNKNOWN and not sure:
                self.withheld[stream] += 1
            return label if sure else UNKNOWN
        bags = (stream.bag, Path(stream.bag).name, None)
        topics = (stream.topic.strip("/"), None)
        places = ((number, bag, topic) for bag in bags for topic in topics)
        one = next((self._by_number[at] for at in places if at in self._by_number), None)
        if one is not None and not sure:
            self.withheld[stream] += 1
            one = None
        one = one or self._nearest(stamp, bags, topics)
        return UNKNOWN if one is None else self._use(one)

    def _in_force(self, stream: Stream, log_time: int) -> int:
        times, classes = self._topic[stream]
        place = bisect.bisect_right(times, log_time) - 1
        return classes[place] if place >= 0 else UNKNOWN

    def _nearest(self, stamp: int, bags: tuple, topics: tuple) -> _Given | None:
        place = bisect.bisect_left(self._stamps, stamp - _ROUNDED)
        best: _Given | None = None
        while place < len(self._stamps) and self._stamps[place] <= stamp + _ROUNDED:
            one = self._by_stamp[place]
            place += 1
            if one.bag not in bags or one.topic not in topics:
                continue
            distance = abs(one.stamp - stamp)
            if distance <= one.tolerance and (best is None or distance < abs(best.stamp - stamp)):
                best = one
        return best

    def _use(self, one: _Given) -> int:
        self._used.add(id(one))
        return one.label


def read_csv(path: Path, classes: Sequence[str], bag: str | None = None) -> list[_Given]:
    """Read a file of labels.

    Parameters
    ----------
    path : Path
        CSV with a header. `label` is a class name, or its index; empty for unknown. `index` (or
        `frame`) is the number of the image in its topic, from 0; or `stamp_ns`, `stamp_s` or
        `stamp` is its header.stamp: `stamp` in seconds where it has a decimal point, else in
        nanoseconds. `bag` (name of the file or folder) and `topic` limit a line to these.
    classes : sequence of str
        The model's.
    bag : str, optional
        The recording that the file is for, by `Stream.bag`; by default every one.

    Raises
    ------
    LabelError
        Naming file, line and value.
    """
    try:
        text = read_file(path, _MAX_BYTES).decode("utf-8-sig")
        with io.StringIO(text, newline="") as stream:
            lines = csv.DictReader(stream)
            names = [name.strip() for name in lines.fieldnames or ()]
            lines.fieldnames = names
            number = next((name for name in _NUMBER_COLUMNS if name in names), None)
            stamp = next((name for name in _STAMP_COLUMNS if name in names), None)
            if "label" not in names or not (number or stamp):
                raise LabelError(
                    f"{path} must have the columns label and index (or stamp_ns, or stamp_s), it "
                    f"has {quoted(', '.join(names)) if names else 'none'}"
                )
            given: list[_Given] = []
            earlier: dict[tuple, tuple[int, int]] = {}  # of a frame: its label, in which line
            for line in lines:
                where = f"{path}, line {lines.line_num}"
                label = class_of((line["label"] or "").strip(), classes, where)
                if label == UNKNOWN:
                    continue
                at, tolerance = (None, 0) if number else _stamp(line[stamp] or "", stamp, where)
                own_bag = Path((line.get("bag") or "").strip()).name or bag
                topic = (line.get("topic") or "").strip().strip("/") or None
                index = _integer(line[number] or "", number, where) if number else None
                frame = own_bag, topic, index, at
                before, there = earlier.setdefault(frame, (label, lines.line_num))
                if before != label:
                    raise LabelError(
                        f"{where}: {number or stamp} {line[number or stamp]} is labelled "
                        f"{classes[before]!r} in line {there} and {classes[label]!r} here"
                    )
                given.append(_Given(own_bag, topic, index, at, tolerance, label))
    except OSError as error:
        raise LabelError(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{path} is not a CSV file: {error}") from error
    if not given:
        raise LabelError(f"{path} holds no labels")
    return given


def read_topic(images: BagImages, topic: str, classes: Sequence[str]) -> tuple[list, list]:
    """Read the labels that a recording has on a topic of its own.

    Each is in force for the images recorded after it, or at the same time, until the next one.

    Parameters
    ----------
    images : BagImages
    topic : str
        Of std_msgs/String or one of the std_msgs integers.
    classes : sequence of str

    Returns
    -------
    (list of int, list of int)
        Log times in nanoseconds, ascending, and classes.

    Raises
    ------
    LabelError
        When there is no such topic, or a label is of no class.
    """
    store, found = certificate_store(), []
    have = merge_topics(one for file in images.files for one in file.topics)
    kinds = tuple(f"std_msgs/msg/{kind}" for kind in _LABEL_TYPES)
    named = [one for one in have if one.name.strip("/") == topic.strip("/") and one.type in kinds]
    if not named:
        raise LabelError(
            f"{images.path} has no labels on {topic}: a std_msgs String or integer is needed; it "
            f"has {listing(have)}"
        )
    chosen = max(named, key=lambda one: one.count)
    for file in images.files:
        try:
            for log_time, content, sure in file.messages(chosen):
                if not sure:
                    raise Damage("a part of it is unreadable")
                where = f"{images.path}, {chosen.name} at {log_time} ns"
                try:
                    message = store.deserialize_cdr(decompress(content), chosen.type)
                except (SerdeError, ValueError, IndexError) as error:
                    raise LabelError(f"{where} is unreadable: {error}") from error
                found.append((log_time, class_of(str(message.data).strip(), classes, where)))
        except Damage as damage:
            if str(damage) == file.damage:
                break  # what follows in it is lost, images too; to those after it no label goes
            raise LabelError(
                f"{images.path}: {file.name} is damaged ({damage}), so that labels on "
                f"{chosen.name} are lost: repair it, or give labels by stamp_ns (--labels)"
            ) from damage
    found.sort(key=lambda one: one[0])
    return [one[0] for one in found], [one[1] for one in found]


def class_of(text: str, classes: Sequence[str], where: str) -> int:
    """Return the index of a class given by name or index; UNKNOWN for "" and -1.

    Raises
    ------
    LabelError
        For anything else.
    """
    if text in classes:
        return classes.index(text)
    if text in ("", str(UNKNOWN)):
        return UNKNOWN
    if text.isdecimal() and len(text) <= _MAX_DIGITS and int(text) < len(classes):
        return int(text)
    raise LabelError(
        f"{where}: label {quoted(text)} is no class of the model, which has {len(classes)}: "
        f"{classes[0]!r} to {classes[-1]!r}"
    )


def _integer(text: str, name: str, where: str) -> int:
    if not text.strip().isdecimal() or len(text) > _MAX_DIGITS:
        raise LabelError(f"{where}: {name} must be an integer >= 0, got {quoted(text)}")
    return int(text)


def _stamp(text: str, name: str, where: str) -> tuple[int, int]:
    """Return nanoseconds, and how far a frame's stamp may be from them."""
    text = text.strip()
    seconds = name == "stamp_s" or (name == "stamp" and "." in text)
    if not seconds:
        return _integer(text, name, where), 0
    try:
        seconds = Decimal(text)
        if not -_MAX_SECONDS < seconds < _MAX_SECONDS:
            raise ValueError
        return int(seconds * _NANOSECONDS), _ROUNDED
    except (InvalidOperation, ValueError) as error:
        raise LabelError(
            f"{where}: {name} must be a time in seconds, got {quoted(text)}"
        ) from error
