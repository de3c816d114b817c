# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What `rs_monitor train` does with its data: training, the model's files, evaluation."""

from __future__ import annotations

import argparse
import io
import sys
from typing import Any

import numpy as np

from ..datasets import LabelledImages
from ..engines.machine import processor
from ..files import write_atomically
from ..models import ModelCard, ModelError, load_card
from ..program import UsageError
from ..training.recipe import Recipe
from . import evaluate
from .model_options import model_name

HELD_OUT = "held_out.npz"  # beside the model: what it was evaluated on
_EVALUATED_N = (100, 200)


def train_model(
    arguments: argparse.Namespace,
    recipe: Recipe,
    data: LabelledImages,
    held_out: LabelledImages | None,
    labels: tuple[str, ...],
    device: str,
) -> tuple[ModelCard, float]:
    """Train, and write the model once it runs as the node would open it.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of `rs_monitor train`.
    recipe : Recipe
    data, held_out : LabelledImages
        What is trained on, and what the reference image is taken from, if there is any.
    labels : tuple of str
        Class names.
    device : str
        PyTorch's, "cpu" or "cuda".

    Returns
    -------
    (ModelCard, float)
        Its card, as written, and the seconds that the training took.

    Raises
    ------
    UsageError, ModelError
        When the training cannot be begun, resumed or written; what was there is still there.
    """
    import torch

    from ..training.model_files import ModelInput, add_reference, save_model, staged, verify
    from ..training.networks import make_network
    from ..training.onnx_export import export_onnx
    from ..training.running import Reporter, run_training

    height, width = data.images.shape[1:3]
    _try_out(arguments.network, len(labels), height, width)
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
                    "machine": _machine(device),
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


def _try_out(name: str, classes: int, height: int, width: int) -> None:
    """Refuse a network before its training that could not be trained or exported after it."""
    import torch

    from ..training.networks import make_network
    from ..training.onnx_export import export_onnx

    with torch.random.fork_rng(devices=[]):
        network = make_network(name, classes)
        try:
            logits = network.train()(torch.rand(2, 3, height, width))
        # What networks of others raise for images that are too small for them, or too large.
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{name} does not take {height}x{width} pixels: {reason}") from error
        if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (2, classes):
            raise ModelError(
                f"{name} gives no [N, {classes}] logits while it is trained: choose another"
            )
        export_onnx(network, height, width)


def _machine(device: str) -> str:
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor()[0]}, {torch.get_num_threads()} threads"


def evaluate_model(
    arguments: argparse.Namespace, card: ModelCard, held_out: LabelledImages
) -> ModelCard:
    """Keep the held-out images beside the card, and record in it what the model certifies.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of `rs_monitor train`.
    card : ModelCard
    held_out : LabelledImages

    Returns
    -------
    ModelCard
        With the evaluation.
    """
    path = arguments.out / HELD_OUT
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
