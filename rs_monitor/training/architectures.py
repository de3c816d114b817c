# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks for real-time certification: many noisy copies of small images."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a shortcut (He et al. 2016)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, channels_in, H, W] to [N, channels_out, H / stride, W / stride]."""
        out = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class CompactResNet(nn.Module):
    """A 20-layer residual network whose 5x5 stem halves the image.

    The wide first layer averages noise before anything else, and at half the side and twice
    the width of a CIFAR ResNet-20 (32/64/128 channels at 16x16/8x8/4x4) the multiplications
    are as many while the memory traffic halves, which is what small images are bound by.

    Parameters
    ----------
    classes : int
        Number of classes.
    mean, std : tuple of float
        Normalisation of RGB in [0, 1]; it is part of the network.
    widths : tuple of int
        Channels of the three stages; multiples of 16 suit vector units.
    """

    def __init__(
        self,
        classes: int,
        mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
        std: tuple[float, float, float] = (0.25, 0.25, 0.25),
        widths: tuple[int, int, int] = (32, 64, 128),
    ) -> None:
        super().__init__()
        self.widths = widths
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 5, 2, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        blocks, channels = [], widths[0]
        for stage, width in enumerate(widths):
            for block in range(3):
                stride = 2 if block == 0 and stage > 0 else 1
                blocks.append(ResidualBlock(channels, width, stride))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float32 RGB [N, 3, H, W] in [0, 1] to logits [N, classes]."""
        features = self.blocks(self.stem((x - self.mean) / self.std))
        return self.classifier(features.mean((2, 3)))
