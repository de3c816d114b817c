# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor benchmark`: how many samples a frame period has room for on this machine."""

from __future__ import annotations

import argparse
import math
import re
import sys
from pathlib import Path
from typing import Any

from ..engines import EngineError
from ..evaluation.benchmark.table import lines
from ..program import UsageError, check_output
from ..settings import MAX_N
from ..work_folder import WorkFolder
from . import (
    add_certification_options,
    add_json_option,
    named_path,
    new_parser,
    settings_from,
    write_json,
)
from .benchmark_node import add_node_options, check_node_options, run_node
from .benchmark_run import measure_all
from .predict import add_log_options, check_log_options

_MOST_PERIOD = 60_000.0  # milliseconds
_LARGEST_SIDE = 16384  # pixels


def _size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT; returns (height, width)."""
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    sides = [int(side) for side in match.groups()] if match else []
    if not sides or not all(1 <= side <= _LARGEST_SIDE for side in sides):
        raise argparse.ArgumentTypeError(
            f"must be WIDTHxHEIGHT, such as 640x480, sides up to {_LARGEST_SIDE}, got {text!r}"
        )
    return sides[1], sides[0]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "benchmark",
        "batch against latency, the largest batch inside the frame period, samples a second",
        "rs_monitor benchmark --reference --plot latency.svg --json latency.json\n"
        "  rs_monitor benchmark --architecture resnet110 --precision int8 --reference\n"
        "  rs_monitor benchmark --node --rates 10 25 30 60",
    )
    parser.add_argument(
        "--architecture", default="", metavar="NAME",
        help="instead of a model: random weights of resnet20 to resnet110 (CIFAR), resnet50 and "
        "others of torchvision (224x224), timm/NAME; needs PyTorch",
    )  # fmt: skip
    parser.add_argument(
        "--period", type=float, default=40.0, metavar="MS",
        help="frame period in milliseconds (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--frame", type=_size, default=(480, 640), metavar="WxH",
        help="size of the camera's frame (default: 640x480)",
    )  # fmt: skip
    parser.add_argument(
        "--batches", type=int, nargs="+", default=[], metavar="M",
        help="samples a frame to time (default: powers of two up to twice the period); those "
        "around the largest in the period are timed besides",
    )  # fmt: skip
    parser.add_argument(
        "--chunk", type=int, metavar="C", help="samples a forward pass (default: as the node does)"
    )
    parser.add_argument(
        "--seconds", type=float, default=30.0, metavar="T",
        help="how long to measure each backend, precision and resolution (default: %(default)g)",
    )  # fmt: skip
    parser.add_argument(
        "--all", action="store_true",
        help="every backend and precision that can be had here; the others are named with why",
    )  # fmt: skip
    parser.add_argument(
        "--reference", action="store_true",
        help="time the plain PyTorch loop of others' implementations in turn with ours",
    )  # fmt: skip
    parser.add_argument(
        "--log", type=named_path, metavar="PATH",
        help="certification log (TSV), or JSON of rs_monitor evaluate: what radius they buy "
        "(default: what the model's card tells)",
    )  # fmt: skip
    parser.add_argument("--plot", metavar="FILE", help="draw time against batch (PNG, SVG or PDF)")
    add_log_options(parser)
    add_node_options(parser)
    add_certification_options(parser, n=0)
    parser.set_defaults(run=run, resolution=None)
    add_json_option(parser, "the result")


def _check(arguments: argparse.Namespace) -> None:
    if arguments.architecture and arguments.model:
        raise UsageError("give --model or --architecture, not both")
    for option, most in (("period", _MOST_PERIOD), ("seconds", 3600.0)):
        value = getattr(arguments, option)
        if not (math.isfinite(value) and 0 < value <= most):
            raise UsageError(f"--{option} must be above 0 and at most {most:g}, got {value:g}")
    chunk = [] if arguments.chunk is None else [arguments.chunk]
    for option, values in (("batches", arguments.batches), ("chunk", chunk)):
        if not all(1 <= value <= MAX_N for value in values):
            raise UsageError(f"--{option} must lie in 1 to {MAX_N}, got {values}")
    check_log_options(arguments)
    check_node_options(arguments)
    check_output(arguments.plot)
    if arguments.plot:
        from ..evaluation.figures.writing import FiguresUnavailable, check_picture

        try:
            check_picture(Path(arguments.plot))
        except (FiguresUnavailable, ValueError) as error:
            raise UsageError(str(error)) from error


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    settings = settings_from(arguments)
    _check(arguments)
    try:
        with WorkFolder("benchmark") as folder:
            if arguments.node:
                return run_node(arguments, settings, Path(folder))
            result = measure_all(arguments, Path(folder))
    except MemoryError as error:
        raise EngineError(f"out of memory ({error}): use smaller --batches or --chunk") from error
    except KeyboardInterrupt:
        print("rs_monitor benchmark: interrupted, nothing is written", file=sys.stderr)
        raise
    if arguments.plot:
        from ..evaluation.figures.latency import latency_figure
        from ..evaluation.figures.writing import write_picture

        try:
            title = f"Time of a batch: {result['model']}"
            figure = latency_figure([result, *result["others"]], arguments.period, title)
            write_picture(figure, Path(arguments.plot))
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"cannot write {arguments.plot}: {reason}") from error
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        print("\n".join(lines(result)))
    return 0
