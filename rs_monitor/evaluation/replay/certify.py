# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One process's share of a replay: parts of recordings in, rows of certificates out."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

from ...bank import CertifierBank
from ...certification import Status
from ...engines import noise_key
from ...frame_certificate import NO_STAMP, FrameCertificate, failure, undecodable
from ...frames import Frame, FrameError, decode_message
from ...sampling import FIXED_CHUNK
from ...settings import Settings
from ..bags import BagImages, RecordedImage, read_images
from .arrow import pack
from .columns import EMPTY, MESSAGE, SOURCE, VOTES
from .plan import Part, Plan

PART_COLUMNS = {name: kind for name, kind in SOURCE.items() if name not in ("row", "bag")}
PART_COLUMNS |= MESSAGE | {"top_class": "int32"} | VOTES
_WARM_UP = 1e-3  # seconds: replay needs no pace


class ReplayWorker:
    """Certifies frames offline. It reads on from where its last part ended, where it can.

    Parameters
    ----------
    plan : Plan

    Raises
    ------
    ModelError, EngineError
        When a model cannot be had as asked.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._passes = [
            [p for p in plan.points if (p.sigma, p.resolution) == (sigma, resolution)]
            for sigma in plan.sigmas
            for resolution in plan.resolutions
        ]
        self._steps = [[plan.settings(point) for point in points] for points in self._passes]
        self._banks: dict[str, CertifierBank] = {}
        self._reader: _Reader | None = None
        self._certifying = 0.0  # seconds of the part at hand
        try:
            for points, steps in zip(self._passes, self._steps):
                self._open(points[0].resolution, steps)
        except BaseException:
            self.close()
            raise

    def _open(self, resolution: str, steps: list) -> None:
        """Open the members of a resolution, and have every pair computed exactly."""
        plan = self._plan
        if resolution not in self._banks:
            self._banks[resolution] = CertifierBank(
                plan.model,
                backend=plan.backend,
                precision=plan.precision,
                settings=steps[-1],
                resolution=resolution,
                budget=_WARM_UP,
                chunk=FIXED_CHUNK,
                threads=plan.threads,
            )
        bank = self._banks[resolution]
        bank.select(steps[0].sigma, resolution)
        if plan.procedure == "single_pass":
            bank.table.prefetch(plan.ns, plan.alpha)
            bank.table.wait()

    @property
    def engine(self) -> dict[str, str]:
        """What runs the models, by name."""
        point = self._passes[0][0]
        certifier, _ = self._banks[point.resolution].select(point.sigma, point.resolution)
        return dataclasses.asdict(certifier.engine.identity)

    def identity(self) -> dict[str, Any]:
        """Return what runs: engine, members in use, labels and warnings about them."""
        members, warnings = {}, []
        for points in self._passes:
            sigma, resolution = points[0].sigma, points[0].resolution
            certifier, warning = self._banks[resolution].select(sigma, resolution)
            model = certifier.engine.model
            members[f"{sigma:g} {resolution}"] = {
                "model_id": model.model_id,
                "name": model.card.name,
                "sha256": model.card.sha256,
                "height": model.height,
                "width": model.width,
            }
            warnings += [warning] if warning else []
        return {
            "engine": self.engine,
            "members": members,
            "labels": list(model.card.labels),
            "warnings": warnings,
        }

    def run(self, part: Part) -> bytes:
        """Return the rows of a part, a row for every frame and point, and notes about it."""
        stream = self._plan.streams[part.stream]
        if self._reader is None or not self._reader.continues(part):
            self._reader = _Reader(read_images(stream.bag, stream.topic), part.stream, part.first)
        rows: list[dict[str, Any]] = []
        started, self._certifying = time.perf_counter(), 0.0
        for image in self._reader.take(part.stop):
            rows += self._rows(image)
        reading = time.perf_counter() - started - self._certifying
        notes = {
            "engine": self.engine,
            "warnings": self._reader.images.warnings,
            "gap": self._reader.images.gap and dataclasses.asdict(self._reader.images.gap),
            "reading": reading,
            "certifying": self._certifying,
        }
        return pack(rows, PART_COLUMNS, notes)

    def _rows(self, image: RecordedImage) -> Iterator[dict[str, Any]]:
        source = {"topic": image.topic, "index": image.index, "log_time_ns": image.log_time}
        header = image.message.header
        common = {name: EMPTY[kind] for name, kind in MESSAGE.items()}
        stamp = {"stamp_ns": image.stamp, "stamp_nanosec": header.stamp.nanosec}
        common |= stamp | {"header_frame_id": header.frame_id, "sequence": image.index + 1}
        # Its time, so that frames of several recordings share no noise.
        key = noise_key(self._plan.seed, f"{image.topic} {image.log_time}", image.index)
        frame, problem = _decode(image)
        started, number = time.perf_counter(), 0
        for points, steps in zip(self._passes, self._steps):
            if frame is None:
                results = ((problem(step), None, -1) for step in steps)
            else:
                bank = self._banks[points[0].resolution]
                certifier, _ = bank.select(points[0].sigma, points[0].resolution)
                results = certifier.certify_prefixes(frame, steps, key)
            for point, (result, votes, chosen) in zip(points, results):
                yield {
                    **common,
                    **_fields(result, stamp),
                    **source,
                    "point": number,
                    "n": point.n,
                    "resolution": point.resolution,
                    "top_class": chosen,
                    # Of the largest n only: smaller ones are expectations over its sub-draws.
                    "votes": votes.counts.tolist() if votes and point is points[-1] else None,
                }
                number += 1
        self._certifying += time.perf_counter() - started

    def close(self) -> None:
        """Close every engine."""
        for bank in self._banks.values():
            bank.close()
        self._banks.clear()
        self._reader = None


class _Reader:
    """The images of a stream, from one part to the next without starting again."""

    def __init__(self, images: BagImages, stream: int, first: int) -> None:
        self.images = images
        self._stream, self._next = stream, first
        self._iterator = images.read(first)
        self._ahead: RecordedImage | None = None

    def continues(self, part: Part) -> bool:
        return part.stream == self._stream and part.first == self._next

    def take(self, stop: int | None) -> Iterator[RecordedImage]:
        """Yield the images before number `stop`."""
        while True:
            image = self._ahead or next(self._iterator, None)
            self._ahead = image if image and stop is not None and image.index >= stop else None
            if image is None or self._ahead:
                break
            yield image
        self._next = -1 if stop is None else stop


def _decode(
    image: RecordedImage,
) -> tuple[Frame | None, Callable[[Settings], FrameCertificate] | None]:
    """Return the frame, or what its certificates are at any settings, as the node would."""
    if image.stamp == 0:
        return None, lambda settings: failure(Status.STALE_INPUT, NO_STAMP, settings)
    try:
        return decode_message(image.message), None
    except FrameError as error:
        problem = error  # the name of an except clause ends with it
        return None, lambda settings: undecodable(problem, settings)


def _fields(result: FrameCertificate, stamp: dict[str, int]) -> dict[str, Any]:
    fields = result.message_fields()
    fields["status"] = Status(fields["status"]).name
    if fields["abstain"]:
        return fields
    return fields | {f"reference_{name}": value for name, value in stamp.items()}
