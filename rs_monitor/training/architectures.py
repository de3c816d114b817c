# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks for real-time certification: many noisy copies of small images."""

from __future__ import annotations

import dataclasses

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


@dataclasses.dataclass(frozen=True)
class Layout:
    """The dimensions of a `CompactResNet`.

    Attributes
    ----------
    widths : tuple of int
        Channels of the stages, at least one; multiples of 16 suit vector units. Each stage but
        the first halves the image.
    blocks : int
        Residual blocks a stage.
    stem : tuple of int
        Side of the first convolution's kernel, and its stride.
    cells : int
        Side of the last stage's image where the classifier weighs every place of it on its own:
        images then have one size, `side`. 0: the classifier sees the mean over all places, of
        images of any size.
    """

    widths: tuple[int, ...] = (32, 64, 128)
    blocks: int = 3
    stem: tuple[int, int] = (5, 2)
    cells: int = 0

    @property
    def side(self) -> int | None:
        """Side in pixels of the images it takes; None: any."""
        return self.cells * self.stem[1] * 2 ** (len(self.widths) - 1) or None

    def __str__(self) -> str:
        kernel, stride = self.stem
        seen = f"{self.cells}x{self.cells} places" if self.cells else "the mean over places"
        return (
            f"stages of {', '.join(map(str, self.widths))} channels with {self.blocks} blocks "
            f"each, {kernel}x{kernel} stem of stride {stride}, classifier over {seen}"
        )


_DEFAULT = Layout()


class CompactResNet(nn.Module):
    """A residual network whose wide stem shrinks the image.

    The wide first layer averages noise before anything else. At half the side and twice the
    width of a CIFAR ResNet-20 (the default: 20 layers, 32/64/128 channels at 16x16/8x8/4x4) the
    multiplications are as many while the memory traffic halves, which is what small images are
    bound by. Under much noise a coarser stem loses nothing, and a classifier that weighs every
    place on its own gains: what it looks for has its place in a cropped image.

    Parameters
    ----------
    classes : int
        Number of classes.
    mean, std : tuple of float
        Normalisation of RGB in [0, 1]; it is part of the network.
    layout : Layout
    """

    def __init__(
        self,
        classes: int,
        mean: tuple[float, float, float] = (0.5, 0.5, 0.5),
        std: tuple[float, float, float] = (0.25, 0.25, 0.25),
        layout: Layout = _DEFAULT,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        channels, (kernel, stride) = layout.widths[0], layout.stem
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, kernel, stride, (kernel - stride + 1) // 2, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        blocks = []
        for stage, width in enumerate(layout.widths):
            for block in range(layout.blocks):
                blocks.append(ResidualBlock(channels, width, 2 if block == 0 and stage else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.places = max(layout.cells, 1) ** 2
        self.classifier = nn.Linear(channels * self.places, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float32 RGB [N, 3, H, W] in [0, 1] to logits [N, classes]."""
        features = self.blocks(self.stem((x - self.mean) / self.std))
        features = features.flatten(1) if self.layout.cells else features.mean((2, 3))
        return self.classifier(features)

    def spread(self, weight: torch.Tensor) -> torch.Tensor:
        """Return weights of the mean over places, [classes, channels], as this classifier's.

        The logits stay what they were; they are returned as they are where it sees the mean.
        """
        return (weight / self.places).repeat_interleave(self.places, 1)
