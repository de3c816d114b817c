# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor import-checkpoint`: others' classifiers as models with cards."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import LabelledImages, are_numbers, load_data
from ..models import MAX_SIGMA, load_card
from ..program import UsageError, check_folder
from . import add_json_option, named_path, new_parser, write_json
from .model_options import (
    add_model_options,
    keep_inputs,
    model_name,
    need_torch,
    numbered_labels,
    read_labels,
)

_LAYOUTS = ("nchw", "nhwc")
_LARGEST = 1e6  # of mean, std and pixels: float32 has no trouble with it


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "import-checkpoint",
        "a model with its card from a PyTorch checkpoint (Cohen et al., Salman et al., "
        "torchvision, timm, akamaster) or an ONNX file, or an ensemble of several; nothing in a "
        "file is run",
        "rs_monitor import-checkpoint checkpoint.pth.tar --sigma 0.25 --out models/cohen",
    )
    parser.add_argument(
        "files", type=named_path, nargs="+", metavar="FILE",
        help="several become an ensemble, the mean of their logits; the options are for each",
    )  # fmt: skip
    add_model_options(parser)
    parser.add_argument(
        "--arch", default="", metavar="NAME",
        help="network of the checkpoint, where its layers do not tell: resnet50, another "
        "classifier of torchvision, or timm/NAME",
    )  # fmt: skip
    parser.add_argument(
        "--sigma", type=float, default=0.0, metavar="S",
        help="noise it was trained with, pixels in [0, 1] (default: none)",
    )  # fmt: skip
    for option, what in (("--mean", "mean"), ("--std", "standard deviation")):
        parser.add_argument(
            option, type=float, nargs="+", metavar="X",
            help=f"{what} it normalises with, one or three of RGB (default: for a checkpoint what "
            "its format's code uses, for ONNX none)",
        )  # fmt: skip
    parser.add_argument(
        "--range", type=float, nargs=2, default=(0.0, 1.0), metavar=("BLACK", "WHITE"),
        help="pixels it expects, before mean and std, such as 0 255 or -1 1 (default: 0 1)",
    )  # fmt: skip
    parser.add_argument("--layout", choices=_LAYOUTS, default="", help="of an ONNX file's input")
    parser.add_argument(
        "--denoiser", type=named_path, metavar="FILE",
        help="put a denoiser, ONNX or a DnCNN checkpoint, in front (denoised smoothing, Salman et "
        "al. 2020): for classifiers that were not trained with noise",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=named_path, metavar="DATA",
        help="labelled images, as for evaluate: prints the accuracy without noise, where a wrong "
        "normalisation shows",
    )  # fmt: skip
    add_json_option(parser, "the card's path and what was measured")
    parser.set_defaults(run=run)


def _three(option: str, values: list[float] | None) -> tuple[float, ...] | None:
    if values is None:
        return None
    least = 1 / _LARGEST if option == "--std" else -_LARGEST
    if len(values) not in (1, 3) or not all(least <= value <= _LARGEST for value in values):
        raise UsageError(
            f"{option} needs one number or three, within {least:g} to {_LARGEST:g}, got {values}"
        )
    return tuple(values) if len(values) == 3 else tuple(values * 3)


def _numbered(data: LabelledImages) -> LabelledImages:
    """Take the names of the classes for their numbers."""
    numbers = np.array([int(name[:18]) for name in data.label_names], np.int64)
    return dataclasses.replace(data, labels=numbers[data.labels], label_names=())


def run(arguments: argparse.Namespace) -> int:
    """Import, compare, write."""
    need_torch("import-checkpoint")
    from ..training.classifiers import Wishes
    from ..training.importing import clean_accuracy, import_classifier
    from ..training.model_files import (
        ModelInput,
        add_reference,
        check_name,
        save_model,
        staged,
        verify,
    )  # fmt: skip

    check_folder(arguments.out)
    files = arguments.files
    what = str(files[0]) if len(files) == 1 else "the ensemble"
    name, labels = model_name(arguments), read_labels(arguments.labels)
    check_name(name)
    inputs = [path for path in (*files, arguments.denoiser, arguments.data) if path]
    keep_inputs(arguments.out, (f"{name}.onnx", f"{name}.yaml"), inputs)
    low, high = arguments.range
    if not (-_LARGEST <= low < high <= _LARGEST and high - low >= 1 / _LARGEST):
        raise UsageError(
            f"--range needs black below white, both within {_LARGEST:g} of 0, got {low:g} {high:g}"
        )
    if not 0 <= arguments.sigma <= MAX_SIGMA:
        raise UsageError(f"--sigma must lie in 0 to {MAX_SIGMA:g}, got {arguments.sigma:g}")
    graphs = [path for path in files if path.suffix.lower() == ".onnx"]
    if arguments.arch and graphs:
        first = "; import the checkpoint first" * (len(files) > len(graphs))
        raise UsageError(f"--arch is for checkpoints: {graphs[0]} holds its network{first}")
    wishes = Wishes(
        architecture=arguments.arch,
        layout=arguments.layout,
        mean=_three("--mean", arguments.mean),
        std=_three("--std", arguments.std),
        value_range=(low, high),
        size=arguments.size,
    )
    found = import_classifier(files, wishes, arguments.denoiser)
    sources = _sources(files)
    labels = labels or numbered_labels(found.classes)
    if len(labels) != found.classes:
        raise UsageError(f"--labels names {len(labels)} classes, {what} has {found.classes}")
    accuracy, data = None, None
    if arguments.data:
        size = (found.height, found.width)
        data = load_data(
            arguments.data, labels=labels if arguments.labels else None, size=size
        ).resized(*size)
        # Folders named by number: the classes' numbers, not names in alphabetical order.
        numbered = not arguments.labels and are_numbers(data.label_names)
        if numbered:
            data = _numbered(data)
        if int(data.labels.max()) >= found.classes:
            raise UsageError(
                f"{arguments.data}: label {data.labels.max()} is out of range: "
                f"{what} has {found.classes} classes"
            )
        if not (arguments.labels or numbered) and data.label_names:
            if len(data.label_names) != found.classes:
                raise UsageError(
                    f"{arguments.data} has {len(data.label_names)} classes by name, "
                    f"{what} has {found.classes}: give its class names with --labels, "
                    "or name the folders by class number"
                )
            labels = data.label_names
        share, error = clean_accuracy(found.logits, data.images, data.labels)
        accuracy = {"clean_accuracy": share, "standard_error": error, "images": len(data)}
    source: dict[str, Any] = {"ensemble": sources} if len(sources) > 1 else sources[0]
    if arguments.denoiser:
        source |= {
            "denoiser": arguments.denoiser.name,
            "denoiser_sha256": _sha256(arguments.denoiser),
        }
    with staged(arguments.out) as stage:
        card = save_model(
            stage,
            name,
            found.content,
            hashlib.sha256(found.content).hexdigest(),
            ModelInput(found.height, found.width, found.dynamic_size),
            arguments.sigma,
            labels,
            {
                "architecture": found.architecture,
                "licence": {"weights": arguments.licence, "training_data": arguments.data_licence},
                "imported": {
                    "from": source,
                    "normalisation": found.normalisation,
                    "worst_relative_difference": found.difference,
                    **({"on_data": accuracy} if accuracy else {}),
                },
            },
        )
        if data is not None:
            card = add_reference(card, data.images, data.labels)
        engine = verify(card)
    card = load_card(arguments.out / card.path.name)
    result = {
        "card": str(card.path),
        "model_id": card.sha256[:12],
        "architecture": found.architecture,
        "normalisation": found.normalisation,
        "worst_relative_difference": found.difference,
        **(accuracy or {}),
    }
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        print(f"{card.path}: {found.architecture}, {found.classes} classes, "
              f"{found.height}x{found.width} pixels")  # fmt: skip
        print(f"runs on {engine}; normalisation: {found.normalisation}")
        print(f"worst relative difference of logits: {found.difference:.2g}")
        if accuracy:
            print(
                f"accuracy without noise: {accuracy['clean_accuracy']:.4f} +- "
                f"{accuracy['standard_error']:.4f} on {accuracy['images']} images"
            )
        if arguments.sigma == 0 and not arguments.denoiser:
            print("trained without noise: expect it to abstain; train --start fine-tunes it, "
                  "--denoiser puts a denoiser in front")  # fmt: skip
    return 0


def _sources(files: list[Path]) -> list[dict[str, str]]:
    """Return name and content's hash of each file.

    Raises
    ------
    UsageError
        When one is there twice.
    """
    sources: list[dict[str, str]] = []
    for path in files:
        digest = _sha256(path)
        if any(digest == source["sha256"] for source in sources):
            raise UsageError(f"{path} is in the ensemble twice: name it once")
        sources.append({"file": path.name, "sha256": digest})
    return sources


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
