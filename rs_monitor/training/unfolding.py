# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Start a training from an ONNX file: batch normalisation taken out of its convolutions again."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

# Length of a filter as PyTorch initialises it (He et al. 2015 with a = sqrt(5)): the learning
# rates that suit a new network then suit this one.
_FILTER_NORM = 3.0**-0.5


def load_folded(network: nn.Module, path: Path, images: torch.Tensor) -> bool:
    """Load the weights of an ONNX file whose batch normalisations are folded.

    Each convolution's weights come back as filters of unit scale and a batch normalisation
    with the statistics of `images`, so that the network computes what the file computes and,
    on such images, goes on doing so in training mode.

    Parameters
    ----------
    network : torch.nn.Module
        Every convolution has a batch normalisation, defined in the order in which they run,
        and a linear layer `classifier` ends it (`architectures.CompactResNet`).
    path : Path
        An ONNX file of the same convolutions, as `onnx_export.export_onnx` writes it.
    images : torch.Tensor
        float32 [N, 3, H, W], what the network will see, noise included.

    Returns
    -------
    bool
        Whether the classifier was loaded too: it is where the number of classes is the same.

    Raises
    ------
    ValueError
        When the file holds other convolutions.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    values = {each.name: numpy_helper.to_array(each).copy() for each in graph.initializer}
    for node in graph.node:  # exporters store equal weights once and name them again
        if node.op_type == "Identity" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]]
    try:
        found = [
            tuple(torch.from_numpy(values[name]) for name in node.input[1:3])
            for node in graph.node
            if node.op_type == "Conv" and len(node.input) == 3
        ]
    except KeyError as error:
        raise ValueError(f"{path} computes the weights {error} instead of holding them") from error
    modules = list(network.modules())
    convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
    normalisations = [module for module in modules if isinstance(module, nn.BatchNorm2d)]
    wanted = [tuple(each.weight.shape) for each in convolutions]
    if [tuple(weight.shape) for weight, _ in found] != wanted:
        raise ValueError(f"{path} holds other convolutions than the network to train")
    with torch.no_grad():
        for convolution, normalisation, (weight, bias) in zip(convolutions, normalisations, found):
            scale = weight.flatten(1).norm(dim=1).clamp_min(1e-3) / _FILTER_NORM
            convolution.weight.copy_(weight / scale.view(-1, 1, 1, 1))
            normalisation.weight.copy_(scale)
            normalisation.bias.copy_(bias)
            normalisation.running_mean.zero_()
            normalisation.running_var.fill_(1.0 - normalisation.eps)
        _adopt_statistics(network, normalisations, images)
        weight, bias = (values.get(f"classifier.{name}") for name in ("weight", "bias"))
        if weight is None or bias is None or weight.ndim != 2:
            return False
        weight, given = torch.from_numpy(weight), network.classifier.weight
        if weight.shape[1] != given.shape[1]:
            weight = network.spread(weight)
        same = weight.shape == given.shape
        if same:
            given.copy_(weight)
            network.classifier.bias.copy_(torch.from_numpy(bias))
    return same


def _adopt_statistics(
    network: nn.Module, normalisations: list[nn.BatchNorm2d], images: torch.Tensor
) -> None:
    """Give identity normalisations the statistics of `images` without changing the function."""

    def adopt(module: nn.BatchNorm2d, inputs: tuple[torch.Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3), correction=0)
        module.bias.add_(module.weight * mean)
        module.weight.mul_((variance + module.eps).sqrt())
        module.running_mean.copy_(mean)
        module.running_var.copy_(variance)

    hooks = [module.register_forward_pre_hook(adopt) for module in normalisations]
    training = network.training
    network.eval()
    network(images)
    network.train(training)
    for hook in hooks:
        hook.remove()
