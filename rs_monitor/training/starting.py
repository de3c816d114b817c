# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The weights that a training starts from: checkpoints, ours or others', and ONNX files."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..datasets import LabelledImages
from ..files import read_file
from ..models import ModelError
from .architectures import CompactResNet
from .checkpoints import MAX_FILE, load_checkpoint, load_weights
from .foreign import foreign_weights
from .halving import enlarged, halve, may_halve
from .networks import COMPACT, Normalized
from .onnx_models import read_onnx
from .recipe import Recipe
from .unfolding import load_folded
from .widening import may_widen, widen


def start_from(network: nn.Module, path: Path, data: LabelledImages, recipe: Recipe) -> None:
    """Load weights to start from: a checkpoint, ours or others', or the ONNX file of a model.

    A network of `COMPACT` starts from a narrower one as well, widened; one whose classifier
    weighs every place on its own from one that sees their mean; one for half the side from one
    for the whole.

    Raises
    ------
    ModelError
        When they are of another architecture.
    """
    if path.suffix.lower() == ".onnx":
        if not isinstance(network, CompactResNet):
            raise ModelError(
                f"cannot start from {path}: only ONNX files of {', '.join(COMPACT)} can be "
                "trained on; give a checkpoint"
            )
        read_onnx(path)  # for its errors
        images = _noisy_examples(data, recipe)

        def load_onnx(each: CompactResNet) -> None:
            halves = may_halve(each.layout, network.layout)
            load_folded(each, path, enlarged(images) if halves else images)

        try:
            _load_or_convert(network, load_onnx, recipe.seed)
        except (ValueError, OSError) as error:
            raise ModelError(f"cannot start from it: {error}") from error
        return
    state = load_checkpoint(path)
    if "average" in state:
        weights = state["average"]

        def load(each: nn.Module) -> None:
            load_weights(each, _fitting(each, weights), str(path))

        _load_or_convert(network, load, recipe.seed)
        return
    # Others' networks come without our normalisation, which the network to train has.
    inner = network.network if isinstance(network, Normalized) else network
    weights, front = foreign_weights(state, str(path))
    load_weights(inner, _fitting(inner, weights), str(path))
    if front is not None and front.mean and isinstance(network, Normalized):
        # Its weights are for images that its own layer in front has normalised.
        with torch.no_grad():
            network.mean.copy_(torch.tensor(front.mean).view(1, 3, 1, 1))
            network.std.copy_(torch.tensor(front.std or (1.0, 1.0, 1.0)).view(1, 3, 1, 1))


def start_from_mean(
    network: nn.Module, paths: Sequence[Path], data: LabelledImages, recipe: Recipe
) -> None:
    """Load the mean of several files' weights; of one, the weights (`start_from`).

    Networks that were fine-tuned from the same weights, each in its way, are better in their mean
    than alone and cost no more (model soups: Wortsman et al. 2022, ICML). The means of statistics
    are not those of the mean network: train on for an epoch or two, at a low rate.

    Raises
    ------
    ModelError
        When they are of another architecture.
    """
    means: dict[str, torch.Tensor] = {}
    for path in paths:
        start_from(network, path, data, recipe)
        for name, value in network.state_dict().items():
            means[name] = means.get(name, 0) + value.double() / len(paths)
    weights = network.state_dict()
    mean = {name: means[name].to(value.dtype) for name, value in weights.items()}
    load_weights(network, mean, "the mean of the weights to start from")


def weights_digest(paths: Sequence[Path]) -> str:
    """Return what tells the weights to start from from others; "" for none."""
    digests = []
    for path in paths:
        try:
            digests.append(hashlib.sha256(read_file(path, MAX_FILE)).hexdigest())
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    return " ".join(digests)


def _noisy_examples(data: LabelledImages, recipe: Recipe, count: int = 512) -> torch.Tensor:
    """Draw images as the network will see them, float32 [count, 3, H, W]."""
    generator = torch.Generator().manual_seed(recipe.seed)
    index = torch.randperm(len(data), generator=generator)[:count].numpy()
    images = torch.from_numpy(data.images[index]).permute(0, 3, 1, 2).float() / 255.0
    return images + recipe.sigma * torch.randn(images.shape, generator=generator)


def _load_or_convert(network: nn.Module, load: Callable[[Any], Any], seed: int) -> None:
    """Load into the network, or into one of its kind that can begin as it: widened, or halved."""
    try:
        load(network)
        return
    except ValueError:
        if not isinstance(network, CompactResNet):
            raise
        for layout in COMPACT.values():
            halves = may_halve(layout, network.layout)
            if halves or layout != network.layout and may_widen(layout, network.layout):
                start = CompactResNet(network.classifier.out_features, layout=layout)
                with contextlib.suppress(ValueError):
                    load(start)
                    if halves:
                        halve(start, network)
                    else:
                        widen(start, network, torch.Generator().manual_seed(seed))
                    return
        raise


def _fitting(network: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights, the last layer's as they are new where its classes are others."""
    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear)]
    if not layers:
        return dict(weights)
    name, last = layers[-1]
    given = weights.get(f"{name}.weight")
    own = {f"{name}.{key}": value for key, value in last.state_dict().items()}
    other = given is not None and given.ndim == 2 and len(given) != last.out_features
    return dict(weights) | (own if other else {})
