# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A network for images of half the side that begins as one for the whole.

The mean of 2x2 pixels with noise of sigma each has noise of sigma / 2: what a network has learnt
on whole images under sigma is worth starting from on halves under sigma / 2.
"""

from __future__ import annotations

import dataclasses

import torch
from torch.nn import functional

from .architectures import CompactResNet, Layout


def may_halve(whole: Layout, half: Layout) -> bool:
    """Return whether a network of one layout can become one of another for half the side.

    The stem must have half the kernel and stride, and its windows lie at the same places of the
    image, which is so where kernel and stride differ by an even number.
    """
    kernel, stride = half.stem
    aligned = (kernel - stride) % 2 == 0
    return aligned and dataclasses.replace(half, stem=(2 * kernel, 2 * stride)) == whole


def enlarged(images: torch.Tensor) -> torch.Tensor:
    """Repeat each pixel 2x2 times: [N, C, H, W] to [N, C, 2 H, 2 W]."""
    return images.repeat_interleave(2, 2).repeat_interleave(2, 3)


def halve(whole: CompactResNet, half: CompactResNet) -> None:
    """Give a network the function of `whole` on enlarged images: half(x) = whole(enlarged(x)).

    Parameters
    ----------
    whole : CompactResNet
        What to start from; unchanged.
    half : CompactResNet
        Of the same classes, and a layout that `may_halve` allows; gets the weights.

    Raises
    ------
    ValueError
        When the layout or the classes are others.
    """
    if not may_halve(whole.layout, half.layout):
        raise ValueError(f"{half.layout} is not for half the side of {whole.layout}")
    weights = dict(whole.state_dict())
    # Every weight of a 2x2 cell meets the same pixel.
    weights["stem.0.weight"] = 4.0 * functional.avg_pool2d(weights["stem.0.weight"], 2)
    try:
        half.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(" ".join(str(error).split())) from error
