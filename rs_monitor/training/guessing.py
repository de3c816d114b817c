# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Which network weights are of, and how many classes it tells apart, from their shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch

from ..datasets import MAX_CLASSES
from ..models import ModelError
from .networks import CIFAR, bare_network

# Blocks in the four stages, and filters and their depth in a first block's second convolution, of
# torchvision's ResNets and their kin.
RESNETS = {
    ((2, 2, 2, 2), (64, 64)): "resnet18",
    ((3, 4, 6, 3), (64, 64)): "resnet34",
    ((3, 4, 6, 3), (64, 64), "bottleneck"): "resnet50",
    ((3, 4, 6, 3), (128, 128), "bottleneck"): "wide_resnet50_2",
    ((3, 4, 6, 3), (128, 4), "bottleneck"): "resnext50_32x4d",
    ((3, 4, 23, 3), (64, 64), "bottleneck"): "resnet101",
    ((3, 4, 23, 3), (128, 128), "bottleneck"): "wide_resnet101_2",
    ((3, 4, 23, 3), (256, 8), "bottleneck"): "resnext101_32x8d",
    ((3, 4, 23, 3), (256, 4), "bottleneck"): "resnext101_64x4d",
    ((3, 8, 36, 3), (64, 64), "bottleneck"): "resnet152",
}


def _blocks(weights: Mapping[str, Any], stage: int) -> int:
    found = [re.match(rf"layer{stage}\.(\d+)\.conv1\.weight$", name) for name in weights]
    return max((int(match[1]) + 1 for match in found if match), default=0)


def guess_architecture(weights: Mapping[str, torch.Tensor], source: str) -> str:
    """Name the network whose layers these are.

    Raises
    ------
    ModelError
        When they are of no ResNet that is known by its layers.
    """
    stages = tuple(_blocks(weights, stage) for stage in (1, 2, 3, 4))
    if stages[3] == 0 and stages[0] and len(set(stages[:3])) == 1:
        name = f"cifar_resnet{6 * stages[0] + 2}"
        if name in CIFAR:
            return name if "layer2.0.downsample.0.weight" in weights else f"{name}_padded"
    second = getattr(weights.get("layer1.0.conv2.weight"), "shape", ())[:2]
    kind = ("bottleneck",) if "layer1.0.conv3.weight" in weights else ()
    name = RESNETS.get((stages, tuple(second), *kind))
    if name is None or "fc.weight" not in weights:
        raise ModelError(
            f"{source}: its layers ({', '.join(list(weights)[:3])}, ...) are of no network "
            "that is known by them; name it with --arch, such as resnet50 or timm/NAME"
        )
    return name


def count_classes(architecture: str, weights: Mapping[str, torch.Tensor], source: str) -> int:
    """Return the number of outputs: the size of what depends on it in the architecture.

    Raises
    ------
    ModelError
        When there is no such network, or its last layer is not among the weights.
    """
    fewer, more = (_shapes(architecture, classes) for classes in (2, 3))
    for name in reversed(fewer):
        value = weights.get(name)
        if fewer[name] == more[name] or value is None or not value.ndim:
            continue
        if not 2 <= len(value) <= MAX_CLASSES:
            raise ModelError(
                f"{source}: {name} is of {len(value)} classes, not of 2 to {MAX_CLASSES}"
            )
        return len(value)
    raise ModelError(
        f"{source}: {architecture}'s last layer is not in it, which would tell the classes"
    )


def _shapes(architecture: str, classes: int) -> dict[str, torch.Size]:
    try:
        with torch.device("meta"):  # without memory
            state = bare_network(architecture, classes).state_dict()
    # RegNets compute their widths with tensors; what timm raises comes as a ModelError.
    except (NotImplementedError, RuntimeError, ModelError):
        state = bare_network(architecture, classes).state_dict()
    return {name: value.shape for name, value in state.items()}
