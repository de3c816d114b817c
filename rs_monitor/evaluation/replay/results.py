# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From the parts of a replay to its results: table, summary, pictures and a recording."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...certification import LEAST_N
from ...files import remove
from ..bag_storage import count_mismatch
from ..bags import BagError, Gap
from .arrow import concatenated, pyarrow, schema, table
from .certificate_bag import CertificateBag
from .certify import PART_COLUMNS
from .columns import JUDGEMENT, LIVE, MESSAGE, NO_CERTIFICATE, SOURCE
from .labels import UNKNOWN, LabelError, Labels
from .live import LIVE_COLUMNS
from .plan import Plan
from .store import PartStore
from .summary import PointSummary
from .thumbnails import FOLDER, Worst, write_thumbnails

FRAMES, SUMMARY, CERTIFICATES = "frames.parquet", "summary.json", "certificates"
_REASONS = 2  # told where nothing could be read: the others are alike
_ROW_GROUP = 5000  # rows: each costs memory until the file is whole
_WORK = ".results"  # they take their places when all are whole


class Results:
    """Puts the parts of a finished replay together. Everything streams, part by part.

    Parameters
    ----------
    plan : Plan
    store : PartStore
        With every part.
    labels : Labels
    classes : sequence of str
        The model's.
    live : bool
        Whether the rows have the columns of live runs.
    """

    def __init__(
        self, plan: Plan, store: PartStore, labels: Labels, classes: list[str], live: bool
    ) -> None:
        self._plan, self._store, self._labels, self._classes = plan, store, labels, classes
        self._live = live
        self._columns = SOURCE | MESSAGE | JUDGEMENT | (LIVE if live else {})
        # Elsewhere the runner-up's votes count too: the certificates say more.
        exact = not live and plan.procedure in LEAST_N
        self._points = [PointSummary(plan, point, exact=exact) for point in plan.points]
        self._worst = [Worst() for _ in plan.points]
        self.read = [0] * len(plan.streams)  # images, by stream
        self._gaps: dict[int, Gap] = {}  # by stream
        self.warnings: list[str] = []

    def write(self, about: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Write all results.

        Parameters
        ----------
        about : callable
            Takes what is known of the points and frames, and returns the whole summary.

        Returns
        -------
        dict
            The summary.

        Raises
        ------
        BagError
            When no image could be read at all.
        LabelError
            When labels were given and none matches a frame.
        StoreError
            When a part is damaged.
        OSError
            When something cannot be written; earlier results and all parts then stay.
        """
        folder = self._store.folder
        work = folder / _WORK
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            clusters = self._sum_up()
            self._check_labels()
            worst = {row: at for one in self._worst for row, at in one.rows().items()}
            pictures = write_thumbnails(work, worst, self._plan.streams)
            self._write_rows(work, pictures)
            found = {
                "frames": sum(self.read),
                "labelled_frames": max(p.result()["labelled"] for p in self._points),
                "clusters": clusters,
                "points": [point.result() for point in self._points],
            }
            summary = about(found)
            text = json.dumps(summary, indent=2, allow_nan=False)
            (work / SUMMARY).write_text(text + "\n", encoding="utf-8")
            for name in (FOLDER, CERTIFICATES, FRAMES, SUMMARY):
                if (work / name).is_dir() or (folder / name).is_dir():
                    remove(folder / name)
                os.replace(work / name, folder / name)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return summary

    def _rows(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Yield each part's stream and rows."""
        number = 0
        classes = None if self._live else len(self._classes)
        columns = LIVE_COLUMNS if self._live else PART_COLUMNS
        for part in self._plan.parts() if not self._live else self._plan.whole_streams():
            found, notes = self._store.load(part, columns, classes)
            stream = self._plan.streams[part.stream]
            for warning in notes["warnings"]:
                self._warn(f"{stream.bag}: {warning}")
            if notes["gap"]:
                self._gaps[part.stream] = Gap(**notes["gap"])
            rows = found.to_pylist()
            for row in rows:
                row |= {"row": number, "bag": stream.bag}
                number += 1
            yield part.stream, rows

    def _sum_up(self) -> dict[str, Any]:
        """Feed the summaries; return what frames depend on each other."""
        cluster, last, count = -1, None, len(self._points)
        for stream, rows in self._rows():
            self.read[stream] += len(rows) // count
            for first in range(0, len(rows), count):
                frame = rows[first : first + count]
                label = self._label(stream, frame[0])
                if (stream, label) != last:
                    cluster, last = cluster + 1, (stream, label)
                self._feed(frame, stream, label, cluster)
        if not any(self.read):
            raise BagError("; ".join(["no image could be read", *self.warnings[:_REASONS]]))
        for stream, read in zip(self._plan.streams, self.read):
            if text := count_mismatch(stream.topic, stream.listed, read):
                self._warn(f"{stream.bag}: {text}")
        self._say_withheld()
        kind = "runs of frames with the same label" if self._labels else "recordings"
        return {"of": kind, "count": cluster + 1}

    def _feed(self, frame: list[dict[str, Any]], stream: int, label: int, cluster: int) -> None:
        ns = len(self._plan.ns)
        for number, row in enumerate(frame):
            largest = frame[number - number % ns + ns - 1]
            self._points[number].add(row, largest, label, cluster)
            self._worst[number].add(row, row["row"], stream, label)

    def _label(self, stream: int, row: dict[str, Any]) -> int:
        if not self._labels:
            return UNKNOWN
        place = (self._plan.streams[stream], row["index"], row["stamp_ns"], row["log_time_ns"])
        gap = self._gaps.get(stream)
        return self._labels.of(*place, sure=gap is None or row["index"] < gap.first)

    def _say_withheld(self) -> None:
        for number, gap in self._gaps.items():
            stream = self._plan.streams[number]
            if count := self._labels.withheld[stream]:
                self._warn(
                    f"{stream.bag}: {count} images from number {gap.first} on are left without "
                    f"their label by index or topic: {gap.file} is missing or damaged, so that "
                    "images before them may be lost and theirs be another's; label by stamp_ns, "
                    "without the column index, or repair the recording"
                )

    def _check_labels(self) -> None:
        unused, given = self._labels.unused
        if self._labels and not any(point.labelled for point in self._points):
            what = (
                f"none of the {given} labels matches a frame by its number or stamp"
                if given
                else "no image was recorded while a label of the topic was in force"
            )
            why = "; ".join([what, *(self.warnings if self._labels.withheld else ())])
            raise LabelError(
                f"{why}; what is done is kept in {self._store.folder}: mend the labels and run "
                "the same again"
            )
        if unused:
            self._warn(f"{unused} of {given} labels match no frame")

    def _write_rows(self, work: Path, pictures: dict[int, str]) -> None:
        streams = self._plan.streams
        bag = CertificateBag(work / CERTIFICATES, [stream.topic for stream in streams])
        try:
            with pyarrow().parquet.ParquetWriter(
                work / FRAMES, schema(self._columns), compression="zstd", write_page_checksum=True
            ) as writer:
                group: list[Any] = []
                for stream, rows in self._rows():
                    for row in rows:
                        self._judge(row, self._label(stream, row), pictures)
                        if self._plan.is_main(row["point"]) and row["status"] != NO_CERTIFICATE:
                            bag.add(row)
                    group.append(table(rows, self._columns))
                    if sum(map(len, group)) >= _ROW_GROUP:
                        writer.write_table(concatenated(group))
                        group = []
                if group:
                    writer.write_table(concatenated(group))
            bag.close()
        except BaseException:
            bag.abort()
            raise

    def _judge(self, row: dict[str, Any], label: int, pictures: dict[int, str]) -> None:
        row["label"] = label
        row["label_name"] = "" if label == UNKNOWN else self._classes[label]
        certified = not row["abstain"]
        row["correct"] = None if label == UNKNOWN else certified and row["class_id"] == label
        row["thumbnail"] = pictures.get(row["row"], "")

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
