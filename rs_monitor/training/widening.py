# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A wider network that begins as the narrower one: what it has learnt need not be learnt again."""

from __future__ import annotations

import operator

import torch
from torch import nn

from .architectures import CompactResNet, Layout

_SPREAD = (0.5, 1.5)  # shares of the copies of a channel, before they are made to sum to one


class _Channels:
    """Which channel of the narrow network each channel of the wide one is a copy of."""

    def __init__(self, narrow: int, wide: int, generator: torch.Generator) -> None:
        if wide < narrow:
            raise ValueError(f"{wide} channels are fewer than the {narrow} to start from")
        copies = torch.randint(narrow, (wide - narrow,), generator=generator)
        self.source = torch.cat((torch.arange(narrow), copies))
        self._narrow, self._generator = narrow, generator

    def shares(self, outputs: int) -> torch.Tensor:
        """Draw the weight of each copy in each output, float32 [outputs, wide].

        The copies of a channel share its weight unequally, each output otherwise: copies that
        were alike in all would get the same gradients and stay alike.
        """
        low, high = _SPREAD
        wide = len(self.source)
        drawn = torch.rand((outputs, wide), generator=self._generator) * (high - low) + low
        total = torch.zeros(outputs, self._narrow).index_add_(1, self.source, drawn)
        return drawn / total[:, self.source]


def may_widen(narrow: Layout, wide: Layout) -> bool:
    """Return whether a network of one layout can be widened to one of another."""
    return (
        (narrow.blocks, narrow.stem) == (wide.blocks, wide.stem)
        and len(narrow.widths) == len(wide.widths)
        and all(map(operator.le, narrow.widths, wide.widths))
        and narrow.cells in (0, wide.cells)
    )


def widen(narrow: CompactResNet, wide: CompactResNet, generator: torch.Generator) -> None:
    """Give a network the function of a narrower one (Chen et al. 2016, Net2Net, section 2.2).

    Parameters
    ----------
    narrow : CompactResNet
        What to start from; unchanged.
    wide : CompactResNet
        Of the same classes, and no stage narrower; gets the weights. On the same images both
        compute the same logits, in training mode as well.
    generator : torch.Generator
        Chooses the channels to copy.

    Raises
    ------
    ValueError
        When a stage is narrower, or the classes are others.
    """
    if narrow.classifier.out_features != wide.classifier.out_features:
        raise ValueError(
            f"it has {narrow.classifier.out_features} classes, the network to train "
            f"{wide.classifier.out_features}"
        )

    def convolution(old: nn.Conv2d, new: nn.Conv2d, inside: _Channels, outside: _Channels) -> None:
        weight = old.weight[outside.source][:, inside.source]
        new.weight.copy_(weight * inside.shares(len(weight))[:, :, None, None])

    def normalisation(old: nn.BatchNorm2d, new: nn.BatchNorm2d, channels: _Channels) -> None:
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(new, name).copy_(getattr(old, name)[channels.source])
        new.num_batches_tracked.copy_(old.num_batches_tracked)

    def channels(old: nn.Conv2d, new: nn.Conv2d) -> _Channels:
        return _Channels(old.out_channels, new.out_channels, generator)

    with torch.no_grad():
        wide.mean.copy_(narrow.mean)
        wide.std.copy_(narrow.std)
        stream = channels(narrow.stem[0], wide.stem[0])
        colours = _Channels(3, 3, generator)
        convolution(narrow.stem[0], wide.stem[0], colours, stream)
        normalisation(narrow.stem[1], wide.stem[1], stream)
        for old, new in zip(narrow.blocks, wide.blocks):
            within = channels(old.conv1, new.conv1)
            # A block without a convolution in its shortcut hands its channels on as they are.
            after = channels(old.conv2, new.conv2) if len(new.shortcut) else stream
            convolution(old.conv1, new.conv1, stream, within)
            normalisation(old.bn1, new.bn1, within)
            convolution(old.conv2, new.conv2, within, after)
            normalisation(old.bn2, new.bn2, after)
            if len(new.shortcut):
                convolution(old.shortcut[0], new.shortcut[0], stream, after)
                normalisation(old.shortcut[1], new.shortcut[1], after)
            stream = after
        weight = narrow.classifier.weight.unflatten(1, (-1, narrow.places))[:, stream.source]
        weight = (weight * stream.shares(len(weight))[:, :, None]).flatten(1)
        wide.classifier.weight.copy_(weight if narrow.layout.cells else wide.spread(weight))
        wide.classifier.bias.copy_(narrow.classifier.bias)
