# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor quantize`: the int8 twin of a model, and what it costs in certified radius."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..bank import check_reference
from ..datasets import LabelledImages, load_data
from ..engines import Engine, open_engine
from ..evaluation.accuracy import clustered_error, expected_radii, rows
from ..evaluation.measuring import measure
from ..evaluation.parity import TOLERATED_FLIPS, flip_rate
from ..frames import Resizer
from ..models import Model, ModelCard, ModelError, load_card, load_model, save_twin
from ..program import UsageError, check_output
from ..settings import Settings
from . import add_json_option, named_path, new_parser, seed_number, write_json

_NS = (100, 200)
_CHUNK = 64
_PARITY_IMAGES, _PARITY_SAMPLES = 64, 16
_BACKEND = "openvino"  # the one that runs int8 twins


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "quantize",
        "the int8 twin of a model, calibrated on noisy images, and what it costs in radius",
        "rs_monitor quantize models/signs.yaml --calibration train.npz --data held.npz",
    )
    parser.add_argument("model", type=named_path, metavar="CARD", help="card, which gains a twin")
    parser.add_argument(
        "--data", type=named_path, required=True, metavar="DATA",
        help="held-out images to evaluate on, as for `evaluate`; where --calibration is not "
        "given, some groups of them are calibrated on and not evaluated",
    )  # fmt: skip
    parser.add_argument(
        "--calibration", type=named_path, metavar="DATA", help="training images to calibrate on"
    )
    parser.add_argument(
        "--images", type=int, default=512, metavar="M",
        help="images to calibrate on, at most (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=int, metavar="M", help="evaluate on M images, spread evenly (default: all)"
    )
    parser.add_argument(
        "--alpha", type=float, default=Settings.alpha, metavar="A",
        help="of the evaluation (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=seed_number, default=0, metavar="K",
        help="of the choice of images and of the noise (default: %(default)s)",
    )  # fmt: skip
    add_json_option(parser, "the evaluation")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Quantise, evaluate, and only then write the twin and the card."""
    from ..training.quantization import quantize_onnx

    for name in ("images", "limit"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} must be at least 1, got {value}")
    try:
        Settings(alpha=arguments.alpha, n=_NS[0])
    except ValueError as error:
        raise UsageError(str(error)) from error
    card = load_card(arguments.model)
    check_output(card.path)
    model = load_model(dataclasses.replace(card, int8=None))
    if not card.sigma:
        raise UsageError(f"{card.path}: trained without noise (sigma 0), it has nothing to lose")
    with _open(model, "fp32", _CHUNK) as original:
        check_reference(original)  # its logits are finite, its labels in order
    calibration, held = _split(arguments, model)
    noisy = _noisy(calibration, model, arguments.seed)
    try:
        content = quantize_onnx(model.onnx, noisy)
    except ModelError as error:
        raise ModelError(f"{card.onnx}: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    # A name of its own: until the card names it, the old twin stays as it is.
    twin_path = card.path.with_name(f"{card.path.stem}_int8_{digest[:8]}.onnx")
    twin_card = dataclasses.replace(card, onnx=twin_path, sha256=digest, int8=None, is_twin=True)
    model = dataclasses.replace(
        model, twin=dataclasses.replace(model, card=twin_card, onnx=content)
    )
    evaluation = _evaluate(model, held, arguments.alpha, arguments.seed)
    differ, most = evaluation["votes_that_differ"], TOLERATED_FLIPS["int8"]
    if differ > most:
        raise ModelError(
            f"{card.onnx}: {differ:.0%} of its int8 twin's votes differ from fp32 on the same "
            f"noise, {most:.0%} may: not written; its weights or activations do not suit 8 bits"
        )
    int8 = {
        "onnx": twin_path.name,
        "sha256": digest,
        "calibration": {
            "quantiser": _quantiser(),
            "data": (arguments.calibration or arguments.data).name,
            "images": len(calibration),
            "sigma": card.sigma,
            "seed": arguments.seed,
        },
        "evaluation": {"data": arguments.data.name, **evaluation},
    }
    save_twin(card, content, card.details | {"int8": int8})
    if arguments.json:
        write_json(arguments.json, {"model": card.name, "card": str(card.path), **int8})
    if arguments.json != "-":
        _print(card, twin_path, evaluation)
    return 0


def _quantiser() -> str:
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"


def _split(arguments: argparse.Namespace, model: Model) -> tuple[LabelledImages, LabelledImages]:
    """Return the images to calibrate on and those to evaluate on, no group in both."""
    fit = {"labels": model.card.labels, "size": (model.height, model.width)}
    held = load_data(arguments.data, **fit)
    generator = np.random.default_rng(arguments.seed)
    if arguments.calibration is not None:
        pool = load_data(arguments.calibration, part="train", **fit)
        chosen = generator.permutation(len(pool))[: arguments.images]
    else:
        pool = held
        groups = generator.permutation(np.unique(held.group))
        # At most a quarter of the groups: the evaluation needs the others.
        most = len(groups) // 4
        if not most:
            raise UsageError(
                f"{arguments.data}: {len(groups)} groups are too few to calibrate on some and "
                "evaluate on others: give --calibration"
            )
        chosen = np.flatnonzero(np.isin(held.group, groups[:most]))
        chosen = generator.permutation(chosen)[: arguments.images]
        held = held.subset(~np.isin(held.group, groups[:most]))
    if arguments.limit is not None and arguments.limit < len(held):
        held = held.subset(np.linspace(0, len(held) - 1, arguments.limit).astype(int))
    return pool.subset(chosen), held


def _noisy(data: LabelledImages, model: Model, seed: int) -> np.ndarray:
    """Return the images at network resolution with the noise that the network will see."""
    resize = Resizer(model.height, model.width)
    generator = np.random.default_rng(seed)
    images = np.stack([resize(image) for image in data.images])
    noise = generator.standard_normal(images.shape, np.float32)
    return images + np.float32(model.card.sigma) * noise


def _evaluate(model: Model, data: LabelledImages, alpha: float, seed: int) -> dict[str, Any]:
    """Certify the images with the original and with the twin on the same noise."""
    sigma = model.card.sigma
    tables, radii = {}, {}
    with tqdm(total=2 * len(data), unit="image", disable=not sys.stderr.isatty()) as bar:
        for engine in _engines(model, _CHUNK):
            with engine:
                check_reference(engine)
                results = measure(
                    engine, data, ns=_NS, sigma=sigma, alpha=alpha, seed=seed,
                    each=lambda *_: bar.update(),
                )  # fmt: skip
            precision = engine.identity.precision
            tables[precision] = rows(results, data, ns=_NS, sigma=sigma, alpha=alpha)
            radii[precision] = {
                n: expected_radii(results, n, _NS[-1], sigma=sigma, alpha=alpha) for n in _NS
            }
    compared = []
    for index, n in enumerate(_NS):
        loss = radii["fp32"][n] - radii["int8"][n]
        original, twin = tables["fp32"][index], tables["int8"][index]
        whole = original["average_certified_radius"]
        error = clustered_error(loss, data.group)
        compared.append(
            {
                "n": n,
                "average_certified_radius": twin["average_certified_radius"],
                "standard_error": twin["standard_error"],
                "smoothed_accuracy": twin["smoothed_accuracy"],
                "original_average_certified_radius": whole,
                "original_smoothed_accuracy": original["smoothed_accuracy"],
                "loss": float(loss.mean()),
                "loss_standard_error": error,
                "loss_percent": _percent(float(loss.mean()), error, whole),
            }
        )
    return {
        "images": len(data),
        "groups": len(np.unique(data.group)),
        "sigma": sigma,
        "alpha": alpha,
        "procedure": "single_pass",
        "model_id": model.twin.model_id,
        "backend": _BACKEND,
        "original_precision": "fp32",
        "votes_that_differ": _flips(model, data),
        "rows": compared,
    }


def _percent(loss: float, error: float, whole: float) -> float | None:
    """Return a loss as a part of a radius; None where the radius is no more than its error."""
    return 100 * loss / whole if whole > error else None


def _flips(model: Model, data: LabelledImages) -> float:
    resize = Resizer(model.height, model.width)
    chosen = np.linspace(0, len(data) - 1, min(_PARITY_IMAGES, len(data))).astype(int)
    images = [resize(image) for image in data.images[chosen]]
    original, twin = _engines(model, 1)
    with original, twin:
        return flip_rate(original, twin, images, model.card.sigma, _PARITY_SAMPLES)


def _engines(model: Model, chunk: int) -> Iterator[Engine]:
    for precision in ("fp32", "int8"):
        yield _open(model, precision, chunk)


def _open(model: Model, precision: str, chunk: int) -> Engine:
    return open_engine(model, backend=_BACKEND, precision=precision, max_batch=chunk)


def _print(card: ModelCard, twin: Path, evaluation: dict[str, Any]) -> None:
    print(
        f"{twin}: the int8 twin of {card.name}; {evaluation['votes_that_differ']:.1%} of the "
        f"votes differ from fp32; {evaluation['images']} images, sigma {card.sigma:g}"
    )
    for row in evaluation["rows"]:
        print(
            f"n {row['n']:>4}  average certified radius {row['average_certified_radius']:.4f}, "
            f"fp32 {row['original_average_certified_radius']:.4f}, loss {row['loss']:.4f} +- "
            f"{row['loss_standard_error']:.4f}"
            + ("" if row["loss_percent"] is None else f" ({row['loss_percent']:.1f} %)")
        )
