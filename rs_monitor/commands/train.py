# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor train`: from labelled images to a certified model."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from ..datasets import LabelledImages, are_numbers, load_data
from ..engines import available_precisions
from ..program import UsageError, check_folder
from ..training.recipe import CHECKPOINT, add_recipe_options, recipe_from
from ..training.splitting import check_classes, hold_out
from . import add_json_option, named_path, new_parser, write_json
from .model_options import (
    add_model_options,
    keep_inputs,
    model_name,
    need_torch,
    numbered_labels,
    read_labels,
)
from .train_run import HELD_OUT, evaluate_model, train_model

AUGMENTATIONS = ("geometry", "crop_and_flip", "none")
_FOLDER_SIZE = (32, 32)  # crops have any size; this is what the shipped models take
_MAX_THREADS = 1024


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "train",
        "train a classifier under Gaussian noise, evaluate it and write the model with its card; "
        "interrupted, the same command goes on where it stopped",
        "rs_monitor train --data crops --out models/mine --sigma 0.25 --epochs 60",
    )
    parser.add_argument(
        "--data", type=named_path, required=True, metavar="DATA",
        help="a folder for each class, with JPEG and PNG images in it; the folder of CIFAR-10's "
        "python batches; or .npz: images uint8 [N,H,W,3] RGB, labels, and group where images "
        "depend on each other",
    )  # fmt: skip
    add_model_options(parser)
    parser.add_argument(
        "--network", default="compact", metavar="NAME",
        help="compact, compact_wide, cifar_resnet20 to cifar_resnet110, resnet50, another "
        "classifier of torchvision, or timm/NAME (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--start", type=named_path, nargs="+", default=(), metavar="FILE",
        help="weights to start from: a checkpoint, or the ONNX file of a compact network; of "
        "several that were fine-tuned from the same, their mean",
    )  # fmt: skip
    parser.add_argument(
        "--augmentation", choices=AUGMENTATIONS, default=AUGMENTATIONS[0],
        help="geometry and exposure; crops and mirror images, for classes that mirroring does not "
        "change; or none (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", type=float, default=0.2, metavar="SHARE",
        help="of each class's images (or groups) kept out of the training and evaluated on; 0 "
        "trains on all and evaluates on none (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--threads", type=int, metavar="K",
        help="of the CPU; resumed with as many, a training gives the same weights",
    )  # fmt: skip
    parser.add_argument(
        "--save-steps", type=int, default=200, metavar="K",
        help="steps from one checkpoint to the next (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--tensorboard", action="store_true", help="write scalars below DIR/tensorboard"
    )
    add_recipe_options(parser)
    add_json_option(parser, "the card's path, figures and times")
    parser.set_defaults(run=run)


def _data(arguments: argparse.Namespace) -> tuple[LabelledImages, tuple[str, ...]]:
    """Read the data at the network's size; returns them and the class names."""
    labels = read_labels(arguments.labels)
    size = arguments.size or _FOLDER_SIZE
    data = load_data(arguments.data, part="train", labels=labels or None, size=size)
    if arguments.size or arguments.data.is_dir():
        try:
            data = data.resized(*size)
        except ValueError as error:
            raise UsageError(f"{arguments.data}, --size: {error}") from error
    if not labels and are_numbers(data.label_names):
        data = data.in_numerical_order()
    labels = labels or data.label_names or numbered_labels(int(data.labels.max()) + 1)
    if len(labels) < 2:
        raise UsageError(f"{arguments.data}: a single class, {labels[0]}: two are needed")
    for name in labels:
        if not name.isprintable():
            raise UsageError(
                f"{arguments.data}: class {name!a} has characters that cannot be printed: rename "
                "it, or give --labels"
            )
    check_classes(data, labels)
    return data, labels


def _device(wish: str) -> str:
    import torch

    if wish == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: PyTorch finds no CUDA GPU; use --device cpu")
    return wish if wish != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def _check(arguments: argparse.Namespace) -> None:
    from ..training.model_files import check_name

    try:
        recipe_from(arguments)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not 0 <= arguments.held_out < 1:
        raise UsageError(f"--held-out must lie in [0, 1), got {arguments.held_out:g}")
    for option, most in (("save_steps", sys.maxsize), ("threads", _MAX_THREADS)):
        value = getattr(arguments, option)
        if value is not None and not 1 <= value <= most:
            raise UsageError(f"--{option.replace('_', '-')} must lie in 1 to {most}")
    # Not `resolve`, which raises for links in a circle.
    data, out = (Path(os.path.realpath(path)) for path in (arguments.data, arguments.out))
    if data.is_dir() and out.is_relative_to(data):
        raise UsageError(f"--out {arguments.out} lies in --data, where it would be taken for data")
    check_folder(arguments.out)
    name = model_name(arguments)
    check_name(name)
    written = (f"{name}.onnx", f"{name}.yaml", HELD_OUT, CHECKPOINT)
    keep_inputs(arguments.out, written, (arguments.data, *arguments.start))


def run(arguments: argparse.Namespace) -> int:
    """Train, export, evaluate."""
    _check(arguments)
    need_torch("train")
    available_precisions("auto")  # what the model is evaluated with: not missing after hours
    device = _device(arguments.device)
    recipe = recipe_from(arguments, device)
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    data, labels = _data(arguments)
    held_out = None
    if arguments.held_out:
        data, held_out = hold_out(data, arguments.held_out)
    # Standard output holds the JSON alone, when that is where it goes.
    out = sys.stderr if arguments.json == "-" else sys.stdout
    with contextlib.redirect_stdout(out):
        print(
            f"{len(data)} images for training, {len(held_out) if held_out else 0} held out, "
            f"{len(labels)} classes, {data.images.shape[1]}x{data.images.shape[2]} pixels, on "
            f"{device} in {recipe.precision}",
            flush=True,
        )
        card, seconds = train_model(arguments, recipe, data, held_out, labels, device)
        if held_out is not None:
            card = evaluate_model(arguments, card, held_out)
    result = {
        "card": str(card.path),
        "model_id": card.sha256[:12],
        "images": len(data),
        "held_out": len(held_out) if held_out else 0,
        "epochs": recipe.epochs,
        "seconds": seconds,
        "evaluation": card.details.get("evaluation"),
    }
    if arguments.json:
        write_json(arguments.json, result)
    return 0
