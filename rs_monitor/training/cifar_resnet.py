# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Residual networks for CIFAR (He et al. 2016, section 4.2): 6n + 2 layers, 16 to 64 channels."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

DEPTHS = (20, 32, 44, 56, 110)
_WIDTHS = (16, 32, 64)


class _Padding(nn.Module):
    """Option A of He et al.: every second pixel, and channels of zeros on either side.

    As a convolution with an identity that is never trained: one operation that every runtime
    has, for any image size, and exact.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self._stride = stride
        before = (channels_out - channels_in) // 2
        weight = torch.eye(channels_out)[:, before : before + channels_in].contiguous()
        # Not in state_dict: option A has no weights.
        self.register_buffer("_weight", weight[:, :, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, channels_in, H, W] to [N, channels_out, H / stride, W / stride]."""
        return functional.conv2d(x, self._weight, stride=self._stride)


class _Block(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, stride: int, padded: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        if stride == 1 and channels_in == channels_out:
            self.downsample = nn.Identity()
        elif padded:
            self.downsample = _Padding(channels_in, channels_out, stride)
        else:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, channels_in, H, W] to [N, channels_out, H / stride, W / stride]."""
        out = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(out)) + self.downsample(x))


class CifarResNet(nn.Module):
    """The paper's network for 32x32 images, with the layer names of the reference checkpoints.

    Parameters
    ----------
    depth : int
        6n + 2; `DEPTHS` are the usual ones. Cohen et al. (2019) certify with 110.
    classes : int
        Number of classes.
    padded : bool
        Shortcuts of option A, without weights, in place of convolutions (option B).
    """

    def __init__(self, depth: int, classes: int, padded: bool = False) -> None:
        super().__init__()
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth must be 6n + 2, such as {DEPTHS}, got {depth}")
        self.conv1 = nn.Conv2d(3, _WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        channels = _WIDTHS[0]
        for stage, width in enumerate(_WIDTHS):
            blocks = []
            for block in range((depth - 2) // 6):
                stride = 2 if block == 0 and stage > 0 else 1
                blocks.append(_Block(channels, width, stride, padded))
                channels = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map normalised images [N, 3, H, W] to logits [N, classes]."""
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))
