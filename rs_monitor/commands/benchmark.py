# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor benchmark`: how many samples a frame period has room for on this machine."""

from __future__ import annotations

import argparse
import hashlib
import math
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from ..engines import BACKENDS, PRECISIONS, EngineError, open_engine
from ..evaluation.benchmark.frame_loop import sample_frame
from ..evaluation.benchmark.measure import Conditions, check_memory, measure
from ..evaluation.benchmark.radius import radius_bought
from ..evaluation.benchmark.table import lines
from ..evaluation.benchmark.work import Work, count_work
from ..evaluation.class_probabilities import (
    ClassProbabilities,
    from_log,
    is_evaluation,
    read_evaluation,
)
from ..evaluation.machine import describe_machine
from ..models import Model
from ..settings import MAX_N
from . import (
    UsageError,
    add_certification_options,
    add_json_option,
    check_output,
    new_parser,
    settings_from,
    write_json,
)
from .benchmark_node import add_node_options, run_node
from .benchmark_subject import Subject, limit_model, open_subject
from .predict import add_log_options, open_log

_MOST_PERIOD = 60_000.0  # milliseconds
_LARGEST_SIDE = 16384  # pixels


def _size(text: str) -> tuple[int, int]:
    """Parse WIDTHxHEIGHT; returns (height, width)."""
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    sides = [int(side) for side in match.groups()] if match else []
    if not sides or not all(1 <= side <= _LARGEST_SIDE for side in sides):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT, such as 640x480, got {text!r}")
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
        "--log", type=Path, metavar="PATH",
        help="certification log (TSV), or JSON of rs_monitor evaluate: what radius samples buy "
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
    for option in ("json", "plot"):
        check_output(getattr(arguments, option))
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
        with tempfile.TemporaryDirectory(prefix="rs_monitor_benchmark_") as folder:
            if arguments.node:
                return run_node(arguments, settings, Path(folder))
            result = _measure(arguments, Path(folder))
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


def _combinations(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    if not arguments.all:
        return [(arguments.backend, arguments.precision)]
    pick = lambda given, every: [given] if given != "auto" else list(every[1:])  # noqa: E731
    return [
        (backend, precision)
        for backend in pick(arguments.backend, BACKENDS)
        for precision in pick(arguments.precision, PRECISIONS)
    ]


def _probabilities(arguments: argparse.Namespace) -> ClassProbabilities | None:
    if arguments.log is None:
        return None
    try:
        if is_evaluation(arguments.log):
            known = read_evaluation(arguments.log)
        else:
            known = from_log(open_log(arguments, arguments.log, arguments.sigma))
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"cannot read {arguments.log}: {reason}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    if known.sigma != arguments.sigma:
        raise UsageError(
            f"--log {arguments.log} was made at sigma {known.sigma:g}, --sigma is "
            f"{arguments.sigma:g}"
        )
    return known


def _measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    probabilities = _probabilities(arguments)
    combinations = _combinations(arguments)
    int8 = any(precision == "int8" for _, precision in combinations)
    subject = open_subject(
        arguments.model,
        arguments.architecture,
        sigma=arguments.sigma,
        resolution=arguments.resolution,
        int8=int8,
        folder=folder,
    )
    notes = list(subject.notes)
    limit: Model | None = None
    works: dict[str, Work] = {}
    try:
        limit = limit_model(folder, int8)
        for size, model in subject.models.items():
            works[size] = count_work(model.onnx, model.height, model.width)
    except EngineError as error:
        notes.append(f"no part of the machine's limit is told: {error}")
    runs: list[dict[str, Any]] = []
    unavailable: list[dict[str, str]] = []
    for backend, precision in combinations:
        try:
            runs.append(
                _measure_one(arguments, subject, backend, precision, limit, works, probabilities)
            )
        except EngineError as error:
            if not arguments.all:
                raise
            unavailable.append({"backend": backend, "precision": precision, "reason": str(error)})
    if not runs:
        reasons = "; ".join(sorted({entry["reason"] for entry in unavailable}))
        raise EngineError(f"no backend and precision could be measured: {reasons}")
    # The best first: its keys are those of the document.
    runs.sort(key=lambda r: r["loop_samples_per_second"], reverse=True)
    common = {
        "model": arguments.architecture or next(iter(subject.models.values())).card.name,
        "architecture": arguments.architecture or None,
        "machine": describe_machine(),
        "settings": _settings(arguments),
        "notes": notes,
        "unavailable": unavailable,
    }
    first, *others = ({"model": common["model"]} | entry for entry in runs)
    return common | first | {"others": others}


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    height, width = arguments.frame
    return {
        "command": " ".join(["rs_monitor", *sys.argv[1:]]),
        "period_ms": arguments.period,
        "frame": {"height": height, "width": width, "encoding": "rgb8"},
        "input_sha256": hashlib.sha256(sample_frame(height, width).tobytes()).hexdigest(),
        "sigma": arguments.sigma,
        "alpha": arguments.alpha,
        "procedure": arguments.procedure,
        "seconds": arguments.seconds,
    }


def _measure_one(
    arguments: argparse.Namespace,
    subject: Subject,
    backend: str,
    precision: str,
    limit: Model | None,
    works: dict[str, Work],
    probabilities: ClassProbabilities | None,
) -> dict[str, Any]:
    """Measure one backend and precision at each resolution."""
    sizes: dict[str, dict[str, Any]] = {}
    for size, model in subject.models.items():
        work = works.get(size)
        conditions = Conditions(
            frame=sample_frame(*arguments.frame),
            sigma=arguments.sigma,
            period=arguments.period,
            seconds=arguments.seconds,
            chunk=arguments.chunk,
            batches=tuple(arguments.batches),
            title=f"{backend} {precision} {size}",
        )

        def opener(batch: int, model: Model = model, work: Work | None = work) -> Any:
            if work is not None:
                check_memory(work, batch)
            return open_engine(model, backend=backend, precision=precision, max_batch=batch)

        network = subject.reference_network(model, 1) if arguments.reference else None
        sizes[size] = measure(
            opener,
            conditions,
            work=work,
            network=network,
            limit=None
            if limit is None or work is None
            else (
                lambda batch: open_engine(
                    limit, backend=backend, precision=precision, max_batch=batch
                ),
                count_work(limit.onnx, limit.height, limit.width),
            ),
        )
        inside = sizes[size]["largest_batch_in_period"]
        sizes[size]["radius"] = radius_bought(
            inside or 0,
            sigma=arguments.sigma,
            alpha=arguments.alpha,
            procedure=arguments.procedure,
            model=model,
            probabilities=probabilities,
        )
        sizes[size]["model_id"] = model.model_id
        sizes[size]["input"] = {"height": model.height, "width": model.width}
        sizes[size]["rows"] = [row | {"resolution": size} for row in sizes[size]["rows"]]
    first = dict(next(iter(sizes.values())))
    identity = first.pop("identity")
    return (
        identity
        | {key: first[key] for key in first if key != "rows"}
        | {
            "rows": [row for result in sizes.values() for row in result["rows"]],
            "resolutions": {
                size: {key: value for key, value in result.items() if key != "rows"}
                for size, result in sizes.items()
            },
        }
    )
