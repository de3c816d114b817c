# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor benchmark --node`: the whole node over DDS, at several camera rates."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..engines import EngineError
from ..evaluation.benchmark.frame_loop import sample_frame
from ..evaluation.benchmark.node_load import borne, find_peak, load_lines, load_row
from ..evaluation.machine import describe_machine
from ..parameters import BY_NAME
from ..processes import ProcessError, interrupts_raise
from ..program import UsageError
from ..settings import Settings
from . import asked_model, write_json
from .benchmark_subject import open_subject
from .demo_system import Camera, node_parameters, run_live

_PERIOD = BY_NAME["timing.frame_period"]
_TOPIC = "/camera/image"
_MOST_RATE = 1000.0  # Hz, that the camera can
_RECORDED = 25  # frames, played over and over


def add_node_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the node's benchmark."""
    group = parser.add_argument_group("the node, with --node")
    group.add_argument(
        "--node", action="store_true",
        help="instead: the whole node over DDS, with a camera process at each rate: latency, "
        "drops, CPU, memory",
    )  # fmt: skip
    group.add_argument(
        "--rates", type=float, nargs="+", default=[10.0, 25.0, 30.0, 60.0], metavar="HZ",
        help="of the camera (default: 10 25 30 60)",
    )  # fmt: skip
    group.add_argument(
        "--node-seconds", type=float, default=10.0, metavar="T",
        help="how long the camera plays at each rate (default: %(default)g)",
    )  # fmt: skip
    group.add_argument(
        "--no-peak", action="store_true",
        help="do not look for the largest rate at which under 5 %% of the frames get no answer",
    )  # fmt: skip


class _Usage:
    """Processor time and memory of a process while a camera plays."""

    def __init__(self) -> None:
        try:
            import psutil
        except ImportError as error:
            raise UsageError(
                f"--node needs psutil ({error}): python -m pip install 'psutil>=5.9,<8'"
            ) from error
        self._psutil = psutil
        self.found = {"cpu_seconds": 0.0, "resident_mb": 0.0}

    @contextlib.contextmanager
    def watching(self, pids: Mapping[str, int]) -> Iterator[None]:
        """Measure for as long as the context lasts."""
        process = self._psutil.Process(pids["node"])
        before = process.cpu_times()
        yield
        after = process.cpu_times()
        used = after.user + after.system - before.user - before.system
        self.found = {"cpu_seconds": used, "resident_mb": process.memory_info().rss / 2**20}


def check_node_options(arguments: argparse.Namespace) -> None:
    """Refuse options that cannot be, or do not go with --node.

    Raises
    ------
    UsageError
    """
    if not all(math.isfinite(rate) and 0 < rate <= _MOST_RATE for rate in arguments.rates):
        raise UsageError(f"--rates must be above 0 and at most 1000 Hz, got {arguments.rates}")
    if not 0 < arguments.node_seconds <= 3600:
        raise UsageError(
            f"--node-seconds must be above 0 and at most 3600, got {arguments.node_seconds:g}"
        )
    if not arguments.node:
        return
    for option in ("all", "reference", "plot", "log", "batches", "chunk"):
        if getattr(arguments, option):
            raise UsageError(f"--{option} does not go with --node")


def _record(path: Path, height: int, width: int) -> None:
    try:
        from ..evaluation.bags import write_drive
    except ImportError as error:
        raise UsageError(
            f"--node needs rosbags ({error}): python -m pip install 'rosbags>=0.11,<0.12'"
        ) from error
    frame = sample_frame(height, width)
    stamps = (_PERIOD.default * (index + 1) for index in range(_RECORDED))
    write_drive(path, zip((round(1e9 * s) for s in stamps), itertools.repeat(frame)), topic=_TOPIC)


def run_node(arguments: argparse.Namespace, settings: Settings, folder: Path) -> int:
    """Run the node at each rate and print."""
    usage = _Usage()
    resolution = arguments.resolution or "full"
    subject = open_subject(
        asked_model(arguments),
        arguments.architecture,
        sigma=settings.sigma,
        resolution=resolution,
        int8=arguments.precision == "int8",
        folder=folder,
    )
    _record(folder / "drive", *arguments.frame)
    about: dict[str, Any] = {}

    def load(rate: float) -> dict[str, Any]:
        place = folder / f"{rate:.3f}"
        place.mkdir()
        frames = max(2, round(rate * arguments.node_seconds))
        live = run_live(
            place,
            node_parameters(
                settings,
                model=str(subject.card),
                backend=arguments.backend,
                precision=arguments.precision,
                resolution=resolution,
                frame_period=min(max(1 / rate, _PERIOD.low), _PERIOD.high),
            ),
            Camera(folder / "drive", _TOPIC, rate, frames),
            sys.stderr,
            quiet=True,
            watching=usage.watching,
        )
        about.update(live.info)
        row = load_row(rate, live.sent, live.certificates, usage.found)
        print(f"rs_monitor benchmark: {rate:.1f} Hz is done", file=sys.stderr)
        return row

    try:
        with interrupts_raise():
            rows = [load(rate) for rate in sorted(set(arguments.rates))]
            tried = [] if arguments.no_peak else find_peak(load, *_search_from(rows))
    except ProcessError as error:
        raise EngineError(str(error)) from error
    peaks = [row["rate"] for row in (*rows, *tried) if borne(row)]
    result = {
        "model": arguments.architecture or about["model_name"],
        "model_id": about["model_id"],
        "backend": about["backend"],
        "version": about["backend_version"],
        "precision": about["precision"],
        "device": about["device"],
        "chunk": about["chunk_size"],
        "machine": describe_machine(),
        "settings": {
            "command": " ".join(["rs_monitor", *sys.argv[1:]]),
            "frame": {"height": arguments.frame[0], "width": arguments.frame[1]},
            "seconds": arguments.node_seconds,
            "sigma": settings.sigma,
            "alpha": settings.alpha,
            "n": settings.n,
            "procedure": settings.procedure,
        },
        "node": rows,
        "peak_search": tried,
        "peak_rate": max(peaks, default=None),
    }
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        print(
            f"{result['model']} on {result['backend']} {result['version']}, {result['device']}, "
            f"{result['precision']}, chunks of {result['chunk']}"
        )
        print("\n".join(load_lines([*rows, *tried])))
        peak = result["peak_rate"]
        print(f"under 5 % without an answer in time: up to {peak:.1f} Hz" if peak else
              "no rate at which under 5 % of the frames got no answer in time")  # fmt: skip
    return 0


def _search_from(rows: list[dict[str, Any]]) -> tuple[float, float | None, float]:
    """Return a rate that is borne, one that is not, and the highest to try."""
    low = max((row["rate"] for row in rows if borne(row)), default=rows[0]["rate"] / 8)
    above = [row["rate"] for row in rows if row["rate"] > low and not borne(row)]
    return low, min(above, default=None), _MOST_RATE
