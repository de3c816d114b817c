# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks by name, normalisation inside."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ..models import ModelError
from .architectures import CompactResNet, Layout
from .cifar_resnet import DEPTHS, CifarResNet

COMPACT = {
    "compact": Layout(),
    "compact_wide": Layout(widths=(32, 80, 160)),
    "compact_placed": Layout(cells=4),
    "compact_coarse": Layout(widths=(64, 128), blocks=2, stem=(8, 4), cells=4),
    "compact_half": Layout(widths=(64, 128), blocks=2, stem=(4, 2), cells=4),
}
CIFAR = {f"cifar_resnet{depth}": depth for depth in DEPTHS}
TORCHVISION = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
NETWORKS = (*COMPACT, *CIFAR, *(f"{name}_padded" for name in CIFAR), *TORCHVISION)
_TIMM = "timm/"
_SMALL_SIDE, _SIDE = 32, 224  # pixels

# Of RGB in [0, 1]. CIFAR-10's are those of Cohen et al.'s reference code.
MIDDLE = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
CIFAR10 = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# With torchvision's own weights, these turn ImageNet's normalisation into halves themselves.
_OF_HALVES = ("googlenet", "inception_v3")


@dataclasses.dataclass(frozen=True)
class UsualInput:
    """What the weights of an architecture that everybody has were trained on.

    Attributes
    ----------
    mean, std : sequence of float
        Normalisation of RGB in [0, 1].
    side : int
        Height and width, pixels.
    """

    mean: Sequence[float]
    std: Sequence[float]
    side: int


class Normalized(nn.Module):
    """A network behind the normalisation of its input.

    Parameters
    ----------
    network : torch.nn.Module
        Maps normalised images [N, 3, H, W] to logits.
    mean, std : sequence of float
        Of the three channels, on RGB in [0, 1].
    """

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1))
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float32 RGB [N, 3, H, W] in [0, 1] to logits [N, classes]."""
        return self.network((x - self.mean) / self.std)


def make_network(
    name: str,
    classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
) -> nn.Module:
    """Make a network with weights drawn from PyTorch's global generator.

    Parameters
    ----------
    name : str
        One of `NETWORKS`; any other classifier of torchvision by its name there; `timm/NAME`.
    classes : int
        Number of classes, at least 2.
    mean, std : sequence of float, optional
        Normalisation of RGB in [0, 1]; by default what the architecture is usually trained with.

    Returns
    -------
    torch.nn.Module
        Maps float32 RGB [N, 3, H, W] in [0, 1] to logits [N, classes].

    Raises
    ------
    ModelError
        When there is no such network, or its library is not installed.
    """
    if classes < 2:
        raise ModelError(f"a classifier needs at least 2 classes, got {classes}")
    usual = usual_input(name)
    mean, std = mean or usual.mean, std or usual.std
    if name in COMPACT:
        return CompactResNet(classes, tuple(mean), tuple(std), COMPACT[name])
    return Normalized(bare_network(name, classes), mean, std)


def usual_input(name: str) -> UsualInput:
    """Return what an architecture is usually given: of timm and torchvision, what they say.

    Raises
    ------
    ModelError
        When its library is not installed.
    """
    if name in COMPACT:
        return UsualInput(*MIDDLE, _SMALL_SIDE)
    if name.removesuffix("_padded") in CIFAR:
        return UsualInput(*CIFAR10, _SMALL_SIDE)
    if name.startswith(_TIMM):
        about = _import_timm(name).models.get_pretrained_cfg(name.removeprefix(_TIMM))
        if about is None:
            return UsualInput(*IMAGENET, _SIDE)
        return UsualInput(tuple(about.mean), tuple(about.std), about.input_size[-1])
    models = import_torchvision().models
    known = name in models.list_models(module=models)
    weights = models.get_model_weights(name) if known else ()
    # The least of them: of those for larger images, some fit another network of this name only.
    side = min((each.transforms().crop_size[0] for each in weights), default=_SIDE)
    return UsualInput(*(_HALVES if name in _OF_HALVES else IMAGENET), side)


def is_network(name: str) -> bool:
    """Return whether it names a network of others' checkpoints: of CIFAR's, or torchvision's."""
    if name.removesuffix("_padded") in CIFAR:
        return True
    try:
        models = import_torchvision().models
    except ModelError:
        return False
    return name in models.list_models(module=models)


def bare_network(name: str, classes: int) -> nn.Module:
    """Make a network without normalisation: what others' checkpoints hold the weights of."""
    plain = name.removesuffix("_padded")
    if plain in CIFAR:
        return CifarResNet(CIFAR[plain], classes, padded=plain != name)
    if name.startswith(_TIMM):
        return _timm(name.removeprefix(_TIMM), classes)
    if name in COMPACT:
        raise ModelError(f"{name} has its normalisation inside: only rs_monitor trains it")
    models = import_torchvision().models
    try:
        if name not in models.list_models(module=models):  # detectors have other outputs
            raise ValueError(f"torchvision has no classifier {name}")
        with warnings.catch_warnings():  # of how it will initialise networks one day
            warnings.simplefilter("ignore", FutureWarning)
            return models.get_model(name, weights=None, num_classes=classes)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"no network {name!r}: there are {', '.join(NETWORKS)}, torchvision's classifiers by "
            "name, and timm/NAME"
        ) from error


def _timm(name: str, classes: int) -> nn.Module:
    timm = _import_timm(f"{_TIMM}{name}")
    try:
        return timm.create_model(name, pretrained=False, num_classes=classes)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ModelError(f"timm has no classifier {name!r}: {error}") from error


def _import_timm(network: str) -> Any:
    import_torchvision()  # which timm imports as well
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise ModelError(
            f"network {network} needs timm ({error}): python -m pip install timm"
        ) from error


_DECLARED: list[torch.library.Library] = []  # a declaration lasts as long as its object


def import_torchvision() -> Any:
    """Import torchvision, also beside a PyTorch that its binary does not fit.

    PyPI's torchvision is compiled for PyTorch with CUDA. Beside a CPU build its operators are
    missing, and the import fails where their shapes are declared. Classifiers need none of them:
    two that are declared and never defined let it pass.

    Raises
    ------
    ModelError
        When it is not installed, or cannot be imported for another reason.
    """
    try:
        return importlib.import_module("torchvision")
    except ModuleNotFoundError as error:
        raise ModelError(
            f"this network needs torchvision ({error}): python -m pip install --no-deps "
            "'torchvision>=0.21,<1' pillow"
        ) from error
    except RuntimeError as error:
        if "torchvision::nms" not in str(error) or _DECLARED:
            raise ModelError(f"torchvision cannot be imported: {error}") from error
    for module in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[module]  # halves of the import that failed
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _DECLARED.append(library)
    return import_torchvision()
