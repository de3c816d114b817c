# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor train`: from labelled images to a certified model."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import LabelledImages, load_data
from ..files import write_atomically
from ..models import ModelCard, ModelError, load_card
from ..program import UsageError, check_folder
from ..training.recipe import Recipe, add_recipe_options, recipe_from
from ..training.splitting import check_classes, hold_out
from . import add_json_option, evaluate, named_path, new_parser, write_json
from .model_options import (
    add_model_options,
    model_name,
    need_torch,
    numbered_labels,
    read_labels,
)

AUGMENTATIONS = ("geometry", "crop_and_flip", "none")
_FOLDER_SIZE = (32, 32)  # crops have any size; this is what the shipped models take
_EVALUATED_N = (100, 200)
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


def _augmentation(name: str) -> Any:
    from ..training.augmentation import augment, crop_and_flip

    if name == "geometry":
        return lambda images, labels, generator: (augment(images, generator), labels)
    return {"crop_and_flip": crop_and_flip, "none": lambda images, labels, _: (images, labels)}[
        name
    ]


def _scalars(arguments: argparse.Namespace) -> Any:
    if not arguments.tensorboard:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            f"--tensorboard needs tensorboard ({error}): python -m pip install "
            "'tensorboard>=2.15,<3'"
        ) from error
    return SummaryWriter(str(arguments.out / "tensorboard"))


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
        raise UsageError(
            f"--out {arguments.out} lies in --data, where it would be read as a class"
        )
    check_folder(arguments.out)
    check_name(model_name(arguments))


def run(arguments: argparse.Namespace) -> int:
    """Train, export, evaluate."""
    _check(arguments)
    need_torch("train")
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
        card, seconds = _train(arguments, recipe, data, held_out, labels, device)
        if held_out is not None:
            card = _evaluate(arguments, card, held_out)
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


def _train(
    arguments: argparse.Namespace,
    recipe: Recipe,
    data: LabelledImages,
    held_out: LabelledImages | None,
    labels: tuple[str, ...],
    device: str,
) -> tuple[ModelCard, float]:
    """Train, and write the model once it runs as the node would open it."""
    import torch

    from ..training.model_files import ModelInput, add_reference, save_model, staged, verify
    from ..training.networks import make_network
    from ..training.onnx_export import export_onnx
    from ..training.running import Reporter, run_training

    scalars = _scalars(arguments)
    network, seconds = run_training(
        arguments,
        lambda: make_network(arguments.network, len(labels)),
        data,
        _augmentation(arguments.augmentation),
        conditions={"augmentation": arguments.augmentation},
        reporter=Reporter(lambda line: print(line, flush=True), scalars),
        device=device,
        save_steps=arguments.save_steps,
    )
    if scalars is not None:
        scalars.close()
    started = [path.name for path in arguments.start]
    height, width = data.images.shape[1:3]
    exported = export_onnx(network, height, width)
    with staged(arguments.out) as stage:
        card = save_model(
            stage,
            model_name(arguments),
            exported.content,
            exported.sha256,
            ModelInput(height, width, exported.dynamic_size),
            recipe.sigma,
            labels,
            {
                "architecture": arguments.network,
                "licence": {"weights": arguments.licence, "training_data": arguments.data_licence},
                "training": {
                    "command": "rs_monitor train",
                    "data": f"{arguments.data.name}: {len(data)} images",
                    "held_out": arguments.held_out,
                    "augmentation": arguments.augmentation,
                    **({"started_from": ", ".join(started)} if started else {}),
                    "recipe": vars(recipe).copy(),
                    "epochs_done": recipe.epochs,
                    "wall_time_s": round(seconds),
                    "torch": str(torch.__version__),
                    "machine": torch.cuda.get_device_name() if device == "cuda" else _cpu(),
                },
            },
        )
        shown = held_out or data
        card = add_reference(card, shown.images, shown.labels)
        if card.reference_image is None:
            print("rs_monitor train: warning: under the noise the model names none of the first "
                  "images rightly: the card has no reference image", file=sys.stderr)  # fmt: skip
        engine = verify(card)
    card = load_card(arguments.out / card.path.name)
    print(f"{card.path}: runs on {engine}", flush=True)
    return card, seconds


def _cpu() -> str:
    import torch

    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    return f"{name}, {torch.get_num_threads()} threads"


def _evaluate(
    arguments: argparse.Namespace, card: ModelCard, held_out: LabelledImages
) -> ModelCard:
    """Record in the card what the model certifies."""
    path = arguments.out / "held_out.npz"
    stream = io.BytesIO()
    np.savez_compressed(
        stream, images=held_out.images, labels=held_out.labels, group=held_out.group
    )
    write_atomically(path, stream.getvalue())
    parser = argparse.ArgumentParser()
    evaluate.add_parser(parser.add_subparsers(dest="command"))
    words = ["evaluate", "--model", str(card.path), "--data", str(path), "--record"]
    words += ["--sigma", repr(card.sigma), "--seed", "1", "--n", str(max(_EVALUATED_N))]
    words += ["--at", *map(str, sorted(_EVALUATED_N)[:-1])]
    status = evaluate.run(parser.parse_args(words))
    if status:
        raise ModelError(f"{card.path}: the evaluation failed")
    return load_card(card.path)
