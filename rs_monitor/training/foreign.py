# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Others' checkpoints: whose network they hold the weights of, and with which normalisation.

Formats: those of Cohen et al. (2019) and Salman et al. (2019), a dict of `arch` and `state_dict`
whose network comes second, behind its normalisation (`1.*`, or `1.module.*` where it was trained
on several GPUs); state dicts of torchvision and timm, alone or under a usual name; `module.*`;
the CIFAR ResNets of akamaster/pytorch_resnet_cifar10, with option-A shortcuts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..datasets import MAX_CLASSES
from ..models import ModelError
from .checkpoints import load_checkpoint, load_weights
from .networks import CIFAR, CIFAR10, IMAGENET, Normalized, bare_network

# Blocks in the four stages, and whether they are bottlenecks, of torchvision's ResNets.
_TORCHVISION = {
    ((2, 2, 2, 2), False): "resnet18",
    ((3, 4, 6, 3), False): "resnet34",
    ((3, 4, 6, 3), True): "resnet50",
    ((3, 4, 23, 3), True): "resnet101",
    ((3, 8, 36, 3), True): "resnet152",
}
# What programs save a state dict under, and what DataParallel and torch.compile put before names.
_WRAPPERS = (
    "state_dict",
    "model",
    "model_state_dict",
    "net",
    "state_dict_ema",
    "ema_state_dict",
    "model_ema",
)
_MOST_WRAPPERS = 3  # one in another
_PREFIXES = {"module", "_orig_mod", "model"}
_CIFAR_SIDE, _IMAGENET_SIDE = 32, 224


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A network read from another's checkpoint.

    Attributes
    ----------
    network : torch.nn.Module
        Maps float32 RGB [N, 3, H, W] in [0, 1] to logits, in evaluation mode.
    architecture : str
        Name for `networks.make_network`.
    classes, side : int
        Number of classes; input in pixels.
    normalisation : str
        What was assumed, for people.
    """

    network: nn.Module
    architecture: str
    classes: int
    side: int
    normalisation: str


@dataclasses.dataclass(frozen=True)
class Front:
    """The normalisation that a network came behind; its numbers, where the file holds them."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def foreign_weights(
    state: Mapping[str, Any], source: str
) -> tuple[dict[str, torch.Tensor], Front | None]:
    """Take a checkpoint's weights out of their wrappings.

    Returns
    -------
    (dict of str to torch.Tensor, Front or None)
        By the layers' own names, and the normalisation in front of them.
    """
    for _ in range(_MOST_WRAPPERS):  # a dict may hold itself
        state = next((state[k] for k in _WRAPPERS if isinstance(state.get(k), Mapping)), state)
    # AveragedModel counts what it averages.
    weights = {str(name): value for name, value in state.items() if name != "n_averaged"}
    if not weights or not all(isinstance(v, torch.Tensor) for v in weights.values()):
        other = next((n for n, v in weights.items() if not isinstance(v, torch.Tensor)), "nothing")
        raise ModelError(
            f"{source} holds no state dict of tensors ({other}): save the network's state_dict()"
        )
    front = None
    while True:
        heads = {name.partition(".")[0] for name in weights}
        if len(heads) == 1 and heads < _PREFIXES:
            prefix = f"{heads.pop()}."
        elif "1" in heads <= {"0", "1"} and any(
            name.startswith(("1.conv1.", "1.module.")) for name in weights
        ):
            prefix, front = "1.", _front(weights)
            weights = {name: v for name, v in weights.items() if not name.startswith("0.")}
        else:
            break
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    # akamaster's last layer; layer names are else the same.
    weights = {re.sub(r"^linear\.", "fc.", name): value for name, value in weights.items()}
    return weights, front


def _front(weights: Mapping[str, torch.Tensor]) -> Front:
    """Read mean and std from buffers; the reference's normalisation keeps them out of the file."""
    found = {}
    for key, starts in (("mean", "0.mean"), ("std", ("0.std", "0.sd"))):
        for name, value in weights.items():
            if name.startswith(starts) and value.numel() == 3:
                found[key] = tuple(value.flatten().tolist())
    return Front(**found)


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
    name = _TORCHVISION.get((stages, "layer1.0.conv3.weight" in weights))
    if name is None or "fc.weight" not in weights:
        raise ModelError(
            f"{source}: its layers ({', '.join(list(weights)[:3])}, ...) are of no network "
            "that is known by them; name it with --arch, such as resnet50 or timm/NAME"
        )
    return name


def read_foreign(
    path: Path,
    *,
    architecture: str = "",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> Foreign:
    """Read a checkpoint and make its network.

    Parameters
    ----------
    path : Path
    architecture : str
        Its name, where the file does not tell.
    mean, std : sequence of float, optional
        Normalisation of RGB in [0, 1] that it was trained with. Few files hold it. By default
        that of the format's own code: of CIFAR-10 for checkpoints whose CIFAR network comes
        behind it, else of ImageNet.

    Raises
    ------
    ModelError
        Naming what the file lacks, or the weights that do not fit the architecture.
    """
    state = load_checkpoint(path)
    if "average" in state and "recipe" in state:
        raise ModelError(
            f"{path} is of rs_monitor's own training, which writes its model itself: end it with "
            "the same command"
        )
    weights, front = foreign_weights(state, str(path))
    named = state.get("arch")
    architecture = architecture or (
        named if isinstance(named, str) and named in (*CIFAR, *_TORCHVISION.values())
        else guess_architecture(weights, str(path))
    )  # fmt: skip
    network = bare_network(architecture, _classes(weights, str(path)))
    load_weights(network, weights, f"{path}, loaded as {architecture},")
    cifar = architecture.removesuffix("_padded") in CIFAR
    usual = CIFAR10 if cifar and front else IMAGENET
    front = front or Front()
    mean, std = mean or front.mean, std or front.std
    if front.mean and not std:
        std = (1.0, 1.0, 1.0)  # a layer that only subtracts the mean
    assumed = " and ".join(name for name, own in (("mean", mean), ("std", std)) if not own)
    mean, std = mean or usual[0], std or usual[1]
    return Foreign(
        Normalized(network, mean, std).eval(),
        architecture,
        _classes(weights, str(path)),
        _CIFAR_SIDE if cifar else _IMAGENET_SIDE,
        f"mean {[round(m, 6) for m in mean]}, std {[round(s, 6) for s in std]}"
        + (f", {assumed} as the format's own code has it" if assumed else ""),
    )


def _classes(weights: Mapping[str, torch.Tensor], source: str) -> int:
    """Return the number of outputs of the last matrix."""
    for name in ("fc.bias", *reversed(weights)):
        value = weights.get(name)
        if value is not None and name.endswith(".bias") and value.ndim == 1:
            if len(value) > MAX_CLASSES:
                raise ModelError(f"{source}: {name} has {len(value)} values, too many classes")
            return len(value)
    raise ModelError(f"{source}: no last layer with a bias, which would tell the classes")
