# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The measurements of `rs_monitor benchmark`, and the document they make."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

from ..certification import LEAST_N
from ..engines import (
    BACKENDS,
    EngineError,
    available_precisions,
    chunk_sizes,
    open_engine,
    resolve_backend,
)
from ..engines.machine import has_nvidia_driver
from ..evaluation.benchmark.frame_loop import sample_frame
from ..evaluation.benchmark.measure import Conditions, check_memory, measure
from ..evaluation.benchmark.radius import radius_bought
from ..evaluation.benchmark.work import Work, count_work
from ..evaluation.class_probabilities import (
    ClassProbabilities,
    from_log,
    is_evaluation,
    read_evaluation,
)
from ..evaluation.machine import describe_machine
from ..models import Model, ModelError
from ..program import UsageError
from . import asked_model
from .benchmark_subject import Subject, limit_model, open_subject
from .predict import open_log


def _combinations(
    arguments: argparse.Namespace,
) -> tuple[list[tuple[str, str]], list[dict[str, str]]]:
    """Return backends and precisions to measure, and those that cannot be had."""
    if not arguments.all:
        return [(arguments.backend, arguments.precision)], []
    wanted, unavailable = [], []
    for backend in BACKENDS[1:] if arguments.backend == "auto" else [arguments.backend]:
        try:
            offered = available_precisions(backend)
        except EngineError as error:
            reason = str(error)
            unavailable.append({"backend": backend, "precision": "any", "reason": reason})
            continue
        given = [arguments.precision]
        wanted += [(backend, p) for p in (offered if given == ["auto"] else given)]
    return wanted, unavailable


def _probabilities(arguments: argparse.Namespace) -> ClassProbabilities | None:
    if arguments.log is None:
        return None
    if arguments.procedure not in LEAST_N:
        raise UsageError(
            f"--log tells the votes of one class, from which nothing follows for --procedure "
            f"{arguments.procedure}: take one of {', '.join(LEAST_N)}"
        )
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


def measure_all(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure what the options ask for; returns the document.

    Raises
    ------
    UsageError, ModelError, EngineError
    """
    probabilities = _probabilities(arguments)
    combinations, unavailable = _combinations(arguments)
    int8 = any(precision == "int8" for _, precision in combinations)
    subject = open_subject(
        asked_model(arguments),
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
        has_twin = any(model.twin for model in subject.models.values())
        limit = limit_model(folder, int8 or has_twin)
        for size, model in subject.models.items():
            works[size] = count_work(model.onnx, model.height, model.width)
    except (EngineError, ModelError) as error:
        notes.append(f"no part of the machine's limit is told: {error}")
    runs: list[dict[str, Any]] = []
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
    # A GPU has memory of its own, and says so when that is short.
    on_cpu = resolve_backend(backend) == "openvino" or not has_nvidia_driver()
    for size, model in subject.models.items():
        work = works.get(size)
        conditions = Conditions(
            frame=sample_frame(*arguments.frame),
            sigma=arguments.sigma,
            period=arguments.period,
            seconds=arguments.seconds,
            chunks=(arguments.chunk,) if arguments.chunk else chunk_sizes(backend),
            batches=tuple(arguments.batches),
            title=f"{backend} {precision} {size}",
        )

        def opener(batch: int, model: Model = model, work: Work | None = work) -> Any:
            if work is not None and on_cpu:
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
                lambda identity, batch: open_engine(
                    limit, backend=backend, precision=identity.precision, max_batch=batch
                ),
                count_work(limit.onnx, limit.height, limit.width),
            ),
        )
        inside = sizes[size]["largest_batch_in_period"]
        int8 = sizes[size]["identity"]["precision"] == "int8"
        runs = model.twin if int8 and model.twin else model
        sizes[size]["radius"] = radius_bought(
            inside or 0,
            sigma=arguments.sigma,
            alpha=arguments.alpha,
            procedure=arguments.procedure,
            model=runs,
            probabilities=probabilities,
        )
        sizes[size]["model_id"] = runs.model_id
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
