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

from ..models import ModelError
from .checkpoints import load_checkpoint, load_weights
from .guessing import count_classes, guess_architecture
from .networks import CIFAR, IMAGENET, Normalized, bare_network, is_network, usual_input

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
# Heads that only help the training; who saves a network made for use has none.
_AUXILIARY = ("aux1", "aux2", "AuxLogits")


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
        elif "1" in heads <= {"0", "1"} and _is_behind_normalisation(weights):
            prefix, front = "1.", _front(weights)
            weights = {name: v for name, v in weights.items() if not name.startswith("0.")}
        else:
            break
        weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    # akamaster's last layer; layer names are else the same.
    weights = {re.sub(r"^linear\.", "fc.", name): value for name, value in weights.items()}
    return weights, front


def _is_behind_normalisation(weights: Mapping[str, torch.Tensor]) -> bool:
    """Return whether a network's layers come second, after what normalises three channels."""
    layers = any(name.startswith("1.") and name.count(".") > 1 for name in weights)
    first = (value for name, value in weights.items() if name.startswith("0."))
    return layers and all(value.numel() <= 3 for value in first)


def _front(weights: Mapping[str, torch.Tensor]) -> Front:
    """Read mean and std from buffers; the reference's normalisation keeps them out of the file."""
    found = {}
    for key, starts in (("mean", "0.mean"), ("std", ("0.std", "0.sd"))):
        for name, value in weights.items():
            if name.startswith(starts) and value.numel() == 3:
                found[key] = tuple(value.flatten().tolist())
    return Front(**found)


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
        behind it, else what the architecture's library says, as a rule ImageNet's.

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
    named, loaded = state.get("arch"), "loaded"
    if not architecture and isinstance(named, str) and is_network(named):
        architecture = named
    elif not architecture:
        architecture = guess_architecture(weights, str(path))
        loaded = "recognised (--arch names another)"
    classes = count_classes(architecture, weights, str(path))
    network = bare_network(architecture, classes)
    for name in _AUXILIARY:
        if getattr(network, name, None) is not None and not _any_below(name, weights):
            setattr(network, name, None)
    load_weights(network, weights, f"{path}, {loaded} as {architecture},")
    usual = usual_input(architecture)
    if front is None and architecture.removesuffix("_padded") in CIFAR:
        usual = dataclasses.replace(usual, mean=IMAGENET[0], std=IMAGENET[1])  # akamaster's
    front = front or Front()
    mean, std = mean or front.mean, std or front.std
    if front.mean and not std:
        std = (1.0, 1.0, 1.0)  # a layer that only subtracts the mean
    assumed = " and ".join(name for name, own in (("mean", mean), ("std", std)) if not own)
    mean, std = mean or usual.mean, std or usual.std
    return Foreign(
        Normalized(network, mean, std).eval(),
        architecture,
        classes,
        usual.side,
        f"mean {[round(m, 6) for m in mean]}, std {[round(s, 6) for s in std]}"
        + (f", {assumed} as the format's own code has it" if assumed else ""),
    )


def _any_below(name: str, weights: Mapping[str, Any]) -> bool:
    return any(each.startswith(f"{name}.") for each in weights)
