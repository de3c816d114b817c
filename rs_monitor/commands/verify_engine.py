# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor verify-engine`: whether the engine that would run here does what it must."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..bank import CertifierBank
from ..engines import KEY_BYTES, Engine, EngineError, open_engine, resolve_backend
from ..engines.machine import has_nvidia_driver
from ..evaluation.benchmark.frame_loop import sample_frame
from ..evaluation.machine import describe_machine
from ..evaluation.parity import patchwork
from ..evaluation.verification.check import Check, page
from ..evaluation.verification.noise import check_noise
from ..evaluation.verification.running import check_latency, check_memory
from ..evaluation.verification.votes import (
    check_finite,
    check_flips,
    check_keys,
    check_shares,
)
from ..frames import Resizer
from ..models import Model, load_model, load_reference_image
from ..parameters import BY_NAME
from ..program import UsageError
from ..settings import Settings
from . import (
    add_certification_options,
    add_json_option,
    new_parser,
    open_bank,
    settings_from,
    write_json,
)

_PERIOD = BY_NAME["timing.frame_period"].default
_BUDGET_FRACTION = BY_NAME["timing.budget_fraction"].default
_DRAWS = 10_000_000
_MOST_DRAWS = 10**11
_PATCHWORKS = 3
_FLIPPED, _SHARED, _KEYED = 32, 1000, 101  # samples of an image
_LATENCIES, _FRAMES = 500, 200


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "verify-engine",
        "check the engine that would run on this machine: votes, noise, keys, latency, memory; "
        "exit status 1 where a check fails",
        "rs_monitor verify-engine --backend tensorrt --precision fp16 --json verified.json",
    )
    parser.add_argument(
        "--draws", type=int, default=_DRAWS, metavar="D",
        help="normals to look at (default: %(default)s)",
    )  # fmt: skip
    add_certification_options(parser, n=0)
    add_json_option(parser, "the report")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check, and print a page."""
    settings = settings_from(arguments)
    if not 1 <= arguments.draws <= _MOST_DRAWS:
        raise UsageError(f"--draws must lie in 1 to {_MOST_DRAWS}, got {arguments.draws}")
    budget = _PERIOD * _BUDGET_FRACTION
    with contextlib.closing(open_bank(arguments, settings, budget)) as bank:
        engine, checks = _check(bank, arguments, settings, budget)
        identity, model = engine.identity, engine.model
    machine = describe_machine()
    passed = all(check.passed for check in checks)
    result = dataclasses.asdict(identity) | {
        "passed": passed,
        "model": model.card.name,
        "model_id": model.model_id,
        "chunk": engine.max_batch,
        "sigma": settings.sigma,
        "machine": machine,
        "checks": [dataclasses.asdict(check) for check in checks],
    }
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        heading = (
            f"{identity.backend} {identity.version}, {identity.precision}, on {identity.device}",
            f"{model.card.name} ({model.model_id}), {model.height}x{model.width}, forward passes "
            f"of {engine.max_batch}, sigma {settings.sigma:g}",
            f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, load "
            f"{machine['load_average']:.1f}; rs_monitor {machine['versions']['rs_monitor']}",
        )
        print(page(heading, checks))
    return 0 if passed else 1


def _check(
    bank: CertifierBank, arguments: argparse.Namespace, settings: Settings, budget: float
) -> tuple[Engine, list[Check]]:
    certifier, _ = bank.select(settings.sigma, arguments.resolution)
    engine = certifier.engine
    card, _ = bank.family.select(settings.sigma, arguments.resolution)
    original = load_model(card, arguments.resolution)
    # Not the identity's, which names TensorRT's runtime.
    backend = resolve_backend(arguments.backend)
    images = _images(original)

    def reopen() -> Engine:
        return open_engine(
            original,
            backend=backend,
            precision=engine.identity.precision,
            max_batch=engine.max_batch,
        )

    sigma, frame = settings.sigma, sample_frame(480, 640)

    def sureness(image: np.ndarray) -> int:
        return int(engine.votes(image, sigma, _KEYED, bytes(KEY_BYTES)).counts.max())

    mixed = min(images, key=sureness)
    with _reference(original, backend, engine.max_batch) as reference:
        flips, share = check_flips(engine, reference, images, sigma, _FLIPPED)
        steps: list[tuple[str, Callable[[], Check]]] = [
            ("shares", lambda: check_shares(engine, reference, images, sigma, _SHARED, share)),
            ("finite", lambda: check_finite(engine, images, sigma, _SHARED)),
            ("keys", lambda: check_keys(engine, reopen, mixed, sigma, _KEYED)),
            ("noise", lambda: check_noise(engine, arguments.draws)),
            (
                "latency",
                lambda: check_latency(
                    engine, frame, sigma, settings.least_n, 1e3 * budget, _LATENCIES
                ),
            ),
            (
                "memory",
                lambda: check_memory(engine, frame, sigma, 2 * engine.max_batch, _FRAMES),
            ),
        ]
        checks = [flips]
        for name, step in steps:
            if sys.stderr.isatty():
                print(f"\rverify-engine: {name:10}", end="", file=sys.stderr, flush=True)
            checks.append(step())
    return engine, checks


def _images(model: Model) -> list[np.ndarray]:
    """Return patchwork, whose class is in doubt, and the card's reference image."""
    images = patchwork(model.height, model.width, _PATCHWORKS)
    pixels = load_reference_image(model.card)
    if pixels is not None:
        images.append(Resizer(model.height, model.width)(pixels))
    return images


def _reference(model: Model, backend: str, max_batch: int) -> Engine:
    """Open a float32 engine with the same noise: PyTorch's where it may, as others' code.

    An engine of the same backend would share its mistakes; but a GPU's noise is another one than
    the CPU's.
    """
    names = ["torch", backend] if not has_nvidia_driver() or backend != "openvino" else [backend]
    if backend == "torch" and not has_nvidia_driver():
        names = ["openvino", "torch"]
    failed = []
    for name in names:
        if importlib.util.find_spec(name) is None and name != backend:
            continue
        try:
            return open_engine(model, backend=name, precision="fp32", max_batch=max_batch)
        except EngineError as error:
            failed.append(str(error))
    raise EngineError(f"there is no float32 engine to compare with: {'; '.join(failed)}")
