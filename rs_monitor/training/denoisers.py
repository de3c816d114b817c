# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""DnCNN (Zhang et al. 2017), the denoiser of Salman et al.'s denoised smoothing (2020)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ..models import ModelError
from .checkpoints import load_checkpoint, load_weights
from .foreign import foreign_weights

_EPSILON = 1e-4  # of its batch normalisations, in the reference code


class DnCnn(nn.Module):
    """Predicts the noise of an image and takes it away.

    Parameters
    ----------
    depth : int
        Convolutions, at least 3; 17 in the reference.
    width : int
        Channels in between; 64 in the reference.
    """

    def __init__(self, depth: int = 17, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width, eps=_EPSILON),
                nn.ReLU(),
            ]
        self.dncnn = nn.Sequential(*layers, nn.Conv2d(width, 3, 3, padding=1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map noisy RGB [N, 3, H, W] to denoised RGB of the same shape."""
        return x - self.dncnn(x)


def _of_weights(weights: Mapping[str, torch.Tensor], source: str) -> DnCnn:
    convolutions = [n for n, v in weights.items() if n.startswith("dncnn.") and v.ndim == 4]
    if len(convolutions) < 3 or weights[convolutions[0]].shape[1] != 3:
        raise ModelError(
            f"{source} is no DnCNN of RGB images (its first weights: "
            f"{', '.join(list(weights)[:3])}): give another denoiser as ONNX"
        )
    return DnCnn(len(convolutions), len(weights[convolutions[0]]))


def read_denoiser(path: Path) -> nn.Module:
    """Read a DnCNN from the reference's checkpoints, in evaluation mode.

    Raises
    ------
    ModelError
        When it is something else.
    """
    weights, _ = foreign_weights(load_checkpoint(path), str(path))
    network = _of_weights(weights, str(path))
    load_weights(network, weights, f"{path}, loaded as DnCNN,")
    return network.eval()
