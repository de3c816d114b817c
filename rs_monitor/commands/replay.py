# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor replay`: certificates of recorded drives."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..engines import EngineError, resolve_backend
from ..models import RESOLUTIONS, ModelError
from ..processes import interrupts_raise
from ..program import UsageError, check_folder
from . import (
    add_certification_options,
    add_json_option,
    add_seed_option,
    named_path,
    new_parser,
    printable,
    write_json,
)

_SWEPT = {"n": int, "sigma": float, "resolution": str}


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "replay",
        "certificates of every frame of recorded drives (rosbag2), offline or through the live "
        "node",
        "rs_monitor replay drive.mcap --out results --seed 1 --sweep n=25,100,200\n"
        "  rs_monitor replay drive --live --out as_on_the_robot",
    )
    parser.add_argument(
        "bag",
        nargs="+",
        type=named_path,
        metavar="BAG",
        help="rosbag2 folder, .mcap or .db3 file",
    )
    parser.add_argument(
        "--out", type=named_path, required=True, metavar="DIR",
        help="folder of the results; the same command goes on where it was interrupted",
    )  # fmt: skip
    parser.add_argument(
        "--topic", action="append", default=[], help="image topic, where there are several; again "
        "for another",
    )  # fmt: skip
    parser.add_argument(
        "--sweep", nargs="+", action="extend", default=[], metavar="NAME=V,V",
        help="compare values of n, sigma or resolution: n=25,100,200 sigma=0.12,0.25",
    )  # fmt: skip
    labels = parser.add_mutually_exclusive_group()
    labels.add_argument(
        "--labels", type=named_path, metavar="CSV",
        help="label, and index or stamp_ns or stamp_s (default: the recording's labels.csv)",
    )  # fmt: skip
    labels.add_argument(
        "--label-topic", metavar="TOPIC",
        help="of std_msgs String or integer: each labels the images recorded from then on",
    )  # fmt: skip
    workers = parser.add_argument_group("workers (the result does not depend on them)")
    workers.add_argument(
        "--processes", type=int, metavar="P",
        help="with one inference thread each (default: a process a core)",
    )  # fmt: skip
    workers.add_argument(
        "--ray", default="", metavar="ADDRESS", help="on a Ray cluster; auto starts a local one"
    )
    live = parser.add_argument_group("live")
    live.add_argument(
        "--live", action="store_true", help="play the recording to the node, over DDS, with /clock"
    )
    live.add_argument(
        "--rate", type=float, metavar="HZ", help="frames a second (default: as recorded)"
    )
    add_certification_options(parser, n=None)
    add_seed_option(parser)
    add_json_option(parser, "the summary")
    parser.set_defaults(run=run)


def make_plan(arguments: argparse.Namespace, streams: list[Any]) -> Any:
    """Return the Plan that the options ask for.

    Raises
    ------
    UsageError
        For values out of range.
    """
    from ..evaluation.replay.plan import Plan

    swept = _sweep(arguments.sweep)
    if "n" in swept and arguments.n is not None:
        raise UsageError(f"--n {arguments.n} and --sweep n=... both say n: give one of them")
    n = arguments.n if arguments.n is not None else 0 if arguments.live else DEFAULT_N
    plan = Plan(
        streams=tuple(streams),
        model=str(arguments.model.absolute()) if arguments.model else "",
        backend=arguments.backend,
        precision=arguments.precision,
        ns=tuple(sorted(swept.get("n", [n]))),
        sigmas=tuple(swept.get("sigma", [arguments.sigma])),
        resolutions=tuple(swept.get("resolution", [arguments.resolution])),
        alpha=arguments.alpha,
        procedure=arguments.procedure,
        n_selection=arguments.n_selection,
        seed=arguments.seed,
    )
    try:
        for point in plan.points:
            plan.settings(point)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not arguments.live and plan.ns[0] == 0:
        raise UsageError("--n must be fixed offline: 0 follows the clock, which --live has")
    return plan


DEFAULT_N = 200  # about what a small CPU draws in a frame period of 40 ms


def _sweep(words: list[str]) -> dict[str, list[Any]]:
    """Return the values of --sweep by name.

    Raises
    ------
    UsageError
        For a name or value that is none.
    """
    swept: dict[str, list[Any]] = {}
    for word in words:
        name, _, values = word.partition("=")
        if name not in _SWEPT or not values:
            raise UsageError(f"--sweep takes n=..., sigma=... or resolution=..., got {word!r}")
        for value in values.split(","):
            try:
                taken = _SWEPT[name](value)
            except ValueError as error:
                raise UsageError(f"--sweep {word}: {value!r} is no value of {name}") from error
            if name == "resolution" and taken not in RESOLUTIONS:
                raise UsageError(f"--sweep {word}: resolution is {' or '.join(RESOLUTIONS)}")
            if taken in swept.setdefault(name, []):
                raise UsageError(f"--sweep {word}: {value} is there twice")
            swept[name].append(taken)
    return swept


def _processes(arguments: argparse.Namespace) -> int:
    if arguments.processes is not None:
        if arguments.processes < 1:
            raise UsageError(f"--processes must be at least 1, got {arguments.processes}")
        return arguments.processes
    if arguments.ray:
        return 0
    # A GPU is one device, however many processes ask it.
    on_cpu = resolve_backend(arguments.backend) == "openvino"
    return len(os.sched_getaffinity(0)) if on_cpu else 1


def run(arguments: argparse.Namespace) -> int:
    """Replay; 0 when every image was looked at."""
    if arguments.rate is not None and not arguments.live:
        raise UsageError("--rate is for --live: offline goes as fast as it can")
    try:
        from ..evaluation.bags import BagError
        from ..evaluation.replay.arrow import MissingPackage, pyarrow
        from ..evaluation.replay.labels import LabelError
        from ..evaluation.replay.plan import find_streams
        from ..evaluation.replay.schedule import WorkerLost
        from ..evaluation.replay.store import StoreError
    except ImportError as error:
        raise UsageError(
            f"recordings need rosbags ({error}): python -m pip install 'rosbags>=0.11,<0.12'"
        ) from error
    try:
        pyarrow()
        streams, warnings = find_streams(arguments.bag, arguments.topic)
        for name in (str(arguments.out), *(stream.bag for stream in streams)):
            if printable(name) != name:  # the table, the page and the recording hold it
                raise UsageError(f"rename {name!a}: its name is not UTF-8")
        plan = make_plan(arguments, streams)
        check_folder(arguments.out)
        with interrupts_raise():
            if arguments.live:
                from .replay_live import run_live_replay as replay
            else:
                from .replay_offline import run_offline as replay
            summary = replay(arguments, plan, warnings)
    except (BagError, LabelError, StoreError, MissingPackage) as error:
        raise UsageError(str(error)) from error
    except WorkerLost as error:
        raise EngineError(str(error)) from error
    except (ModelError, EngineError):
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UsageError(
            f"{where}{error.strerror or error}; parts that are done are kept in {arguments.out}: "
            "make room, or mend it, and run the same again"
        ) from error
    _report(arguments, summary)
    _page(arguments.out)
    return 0


def progress_bar(plan: Any) -> tqdm:
    """Return a progress bar over all images, on a terminal only."""
    total = sum(stream.count for stream in plan.streams)
    return tqdm(
        desc="replay", unit="frame", total=total, disable=not sys.stderr.isatty(), leave=False
    )


def _report(arguments: argparse.Namespace, summary: dict[str, Any]) -> None:
    """Print warnings, and the points of the sweep as a table."""
    for warning in summary["warnings"]:
        print(f"rs_monitor replay: warning: {warning}", file=sys.stderr)
    if arguments.json:
        write_json(arguments.json, summary)
    if arguments.json == "-":
        return
    print(
        f"{summary['frames']} frames, {summary['labelled_frames']} with a label; "
        f"{summary['frames_per_second']:.1f} frames/s; results in {arguments.out}"
    )
    print(f"{'sigma':>6} {'resolution':>10} {'n':>6} {'certified':>9} {'abstained':>9} "
          f"{'failed':>7} {'radius':>7} {'ACR':>7} {'accuracy':>8}")  # fmt: skip
    for row in summary["points"]:
        acr, accuracy = row["average_certified_radius"], row["smoothed_accuracy"]
        print(
            f"{row['sigma']:6g} {row['resolution']:>10} {row['n']:6d} {row['certified']:9d} "
            f"{row['abstained']:9d} {sum(row['failures'].values()):7d} "
            f"{_number(row['average_radius'])} {_number(acr)} {_number(accuracy, 8)}"
        )


def _page(out: Path) -> None:
    """Write report.html; without what it needs, the results are there all the same."""
    from ..evaluation.report import ReportError, UnwritableReport, write_report

    try:
        write_report(out)
    except ReportError as error:
        with contextlib.suppress(OSError):  # an older one shows other results
            (out / "report.html").unlink()
        if isinstance(error, UnwritableReport):
            raise UsageError(f"{error}; all other results are in {out}") from error
        print(f"rs_monitor replay: warning: no report.html: {error}", file=sys.stderr)


def _number(value: float | None, width: int = 7) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:{width}.3f}"
