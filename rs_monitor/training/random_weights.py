# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Architectures with random weights: as fast as trained ones, and known to everybody."""

from __future__ import annotations

import torch
from torch import nn

from .cifar_resnet import DEPTHS
from .networks import make_network

_CIFAR = (32, 10)  # side of the image, classes
_IMAGENET = (224, 1000)
_ALIASES = {f"resnet{depth}": f"cifar_resnet{depth}" for depth in DEPTHS}
_BATCHES, _BATCH = 2, 16  # of noise, from which batch normalisation takes its statistics


def random_network(name: str) -> tuple[nn.Module, int, int]:
    """Make a network whose activations are in range, in evaluation mode.

    Parameters
    ----------
    name : str
        As for `make_network`; "resnet20" to "resnet110" are those for CIFAR.

    Returns
    -------
    network : torch.nn.Module
    size : int
        Side of its image in pixels.
    classes : int

    Raises
    ------
    ModelError
        For an unknown name, or one whose library is not installed.
    """
    name = _ALIASES.get(name, name)
    size, classes = _CIFAR if name.startswith(("cifar_", "compact")) else _IMAGENET
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = make_network(name, classes)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the mean over all batches
        network.train()
        with torch.no_grad():
            for _ in range(_BATCHES):
                # Untrained statistics would let activations double from block to block.
                network(torch.rand(_BATCH, 3, size, size))
    return network.eval(), size, classes
