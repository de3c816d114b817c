# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the training programs have in common: arguments, start, progress."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ..datasets import LabelledImages
from .noise_training import Augmentation, Recipe, train
from .unfolding import load_folded


def training_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of data, output and recipe; the description's first line is shown."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="images, .npz")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt")
    parser.add_argument("--sigma", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--consistency", type=float, default=Recipe.consistency)
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--weight-decay", type=float, default=Recipe.weight_decay)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--average", type=float, default=Recipe.average)
    parser.add_argument(
        "--start", type=Path, help="checkpoint, or ONNX file, whose weights to start from"
    )
    return parser


def _noisy_examples(data: LabelledImages, recipe: Recipe, count: int = 512) -> torch.Tensor:
    """Draw images as the network will see them, float32 [count, 3, H, W]."""
    generator = torch.Generator().manual_seed(recipe.seed)
    index = torch.randperm(len(data), generator=generator)[:count].numpy()
    images = torch.from_numpy(data.images[index]).permute(0, 3, 1, 2).float() / 255.0
    return images + recipe.sigma * torch.randn(images.shape, generator=generator)


def run_training(
    arguments: argparse.Namespace,
    make_network: Callable[[], nn.Module],
    data: LabelledImages,
    augmentation: Augmentation,
) -> None:
    """Train with the parsed arguments into `--out`, printing a line for each epoch."""
    arguments.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(
        sigma=arguments.sigma,
        epochs=arguments.epochs,
        consistency=arguments.consistency,
        learning_rate=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        seed=arguments.seed,
        average=arguments.average,
    )
    torch.manual_seed(recipe.seed)
    network = make_network()
    if arguments.start and arguments.start.suffix == ".onnx":
        load_folded(network, arguments.start, _noisy_examples(data, recipe))
    elif arguments.start:
        network.load_state_dict(torch.load(arguments.start, weights_only=True)["average"])

    def report(epoch: int, loss: float, seconds: float) -> None:
        left = seconds / (epoch + 1) * (recipe.epochs - epoch - 1)
        print(
            f"epoch {epoch + 1}/{recipe.epochs} loss {loss:.3f}, {seconds:.0f} s, "
            f"{left:.0f} s left",
            flush=True,
        )

    checkpoint = arguments.out / "checkpoint.pt"
    elapsed = train(network, data, recipe, checkpoint, augmentation, report)
    print(f"trained on {len(data)} images in {elapsed:.0f} s")
