# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor replay --live`: recordings played to the real node, over DDS."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..engines import EngineError
from ..evaluation.bags import read_images
from ..evaluation.replay.arrow import pack
from ..evaluation.replay.environment import describe_machine
from ..evaluation.replay.live import LIVE_COLUMNS, Timing, live_rows
from ..evaluation.replay.plan import Plan, Stream
from ..evaluation.replay.results import Results
from ..evaluation.replay.store import PartStore
from ..parameters import BY_NAME
from ..processes import ProcessError
from ..program import UsageError
from ..work_folder import WorkFolder
from .demo_system import Camera, check_rate, node_parameters, run_live
from .replay_offline import find_labels

_LOOKED_AT = 100  # images that tell the frame period
_NANOSECONDS = 1_000_000_000


def run_live_replay(
    arguments: argparse.Namespace, plan: Plan, warnings: list[str]
) -> dict[str, Any]:
    """Play every stream that is not done yet, write the results, return the summary.

    Raises
    ------
    UsageError
        For options that only go offline.
    EngineError
        When a process of the live system fails.
    """
    if len(plan.points) > 1:
        raise UsageError("--sweep is offline: the live node has one n, sigma and resolution")
    if arguments.ray or arguments.processes is not None:
        raise UsageError("--processes and --ray are offline: --live takes the time it takes")
    if arguments.rate is not None:
        check_rate(arguments.rate)
    extra = {"mode": "live", "rate": arguments.rate}
    started, played = time.monotonic(), 0
    with PartStore(arguments.out, plan, extra) as store, _told_what_is_kept(store, plan):
        timing, info = Timing(), {}
        for part in plan.whole_streams():
            if not store.has(part):
                content, frames = _play(arguments, plan, plan.streams[part.stream])
                store.save(part, content)
                played += frames
            table, notes = store.load(part, LIVE_COLUMNS, None)
            timing.add(table.to_pylist())
            info = notes["info"]
        seconds = time.monotonic() - started
        losses = [timing.warning()] if timing.warning() else []
        labels = find_labels(arguments, plan, info["labels"])
        results = Results(plan, store, labels, info["labels"], live=True)

        def about(found: dict[str, Any]) -> dict[str, Any]:
            return {
                "mode": "live",
                "settings": dataclasses.asdict(plan) | {"rate": arguments.rate},
                "model": {
                    f"{plan.sigmas[0]:g} {plan.resolutions[0]}": {
                        "model_id": info["model_id"],
                        "name": info["model_name"],
                        "sha256": info["model_sha256"],
                        "height": info["input_height"],
                        "width": info["input_width"],
                    }
                },
                "classes": info["labels"],
                "engine": {
                    "backend": info["backend"],
                    "version": info["backend_version"],
                    "device": info["device"],
                    "precision": info["precision"],
                },
                "machine": describe_machine(),
                "seconds": seconds,
                "frames_in_this_run": played,
                "frames_per_second": played / seconds,
                "frame_period": info["frame_period"],
                "timing": timing.result(),
                "warnings": list(dict.fromkeys([*warnings, *results.warnings, *losses])),
                **found,
            }

        return results.write(about)


@contextlib.contextmanager
def _told_what_is_kept(store: PartStore, plan: Plan) -> Iterator[None]:
    """Say at an interrupt what it costs: a recording is played in one go."""
    try:
        yield
    except KeyboardInterrupt:
        parts = plan.whole_streams()
        kept = sum(store.has(part) for part in parts)
        print(
            "rs_monitor replay: interrupted; a recording that was not played to its end cannot "
            f"go on: {kept} of {len(parts)} are kept in {store.folder}, the same command plays "
            "the others from their beginning",
            file=sys.stderr,
        )
        raise


def _play(arguments: argparse.Namespace, plan: Plan, stream: Stream) -> tuple[bytes, int]:
    """Play one stream; return its part, and the number of frames sent."""
    period = 1 / arguments.rate if arguments.rate else _period(stream)
    point = plan.points[0]
    parameters = node_parameters(
        plan.settings(point),
        model=plan.model,
        backend=plan.backend,
        precision=plan.precision,
        resolution=point.resolution,
        frame_period=period,
        input__transport=_transport(stream),
        seed=BY_NAME["seed"].default if plan.seed is None else plan.seed,
        debug__allow_seed=plan.seed is not None,
        use_sim_time=True,
    )
    camera = Camera(Path(stream.bag), stream.topic, arguments.rate, None, recorded=True)
    with WorkFolder("replay") as folder:
        try:
            live = run_live(Path(folder), parameters, camera, sys.stderr, quiet=True)
        except ProcessError as error:
            raise EngineError(str(error)) from error
    rows = live_rows(stream, point, live.sent, live.certificates)
    notes = {
        "info": live.info | {"frame_period": period},
        "warnings": [*live.read["warnings"], *live.complaints],
        "gap": live.read["gap"],
    }
    return pack(rows, LIVE_COLUMNS, notes), len(rows)


def _period(stream: Stream) -> float:
    """Return the recorded frame period in seconds, within what the node takes."""
    images = itertools.islice(read_images(stream.bag, stream.topic).read(), _LOOKED_AT)
    times = [image.log_time for image in images]
    gaps = [(after - before) / _NANOSECONDS for before, after in zip(times, times[1:])]
    allowed = BY_NAME["timing.frame_period"]
    period = statistics.median(gaps) if gaps else allowed.default
    return min(max(period, allowed.low), allowed.high)


def _transport(stream: Stream) -> str:
    from ..evaluation.bags import IMAGE

    return "raw" if read_images(stream.bag, stream.topic).type == IMAGE else "compressed"
