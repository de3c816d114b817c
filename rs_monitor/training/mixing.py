# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Training images that borrow from others: what tells two physical signs apart is no clue.

Few physical objects a class make a network learn their surroundings and their light instead.
"""

from __future__ import annotations

import torch

_MOST_GAIN = 3.0  # of a dark image; more would show its quantisation
_LEAST_CONTRAST = 0.02


class SurroundingsSwap:
    """Put what surrounds one sign around another: a sign's class does not depend on it.

    Few physical signs a class make a network learn their surroundings instead.

    Parameters
    ----------
    masks : torch.Tensor
        float32 [K, H, W] in [0, 1]: where an image of each class shows the sign.
    probability : float
        Share of the images whose surroundings are replaced.
    """

    def __init__(self, masks: torch.Tensor, probability: float) -> None:
        self._masks, self._probability = masks[:, None], probability

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return float32 [N, 3, H, W] with the surroundings of other images of the batch."""
        others = torch.randperm(len(images), generator=generator)
        chosen = torch.rand((len(images), 1, 1, 1), generator=generator) < self._probability
        mask = torch.where(chosen, self._masks[labels], 1.0)
        return mask * images + (1.0 - mask) * images[others].flip(3)


class SameClassBlend:
    """Blend images with others of their class: what is common to both is what stays.

    Parameters
    ----------
    images : torch.Tensor
        uint8 [M, 3, H, W], whence the others come.
    labels : torch.Tensor
        int64 [M].
    probability : float
        Share of the images that are blended.
    most : float
        Largest weight of the other image, at most 1.
    """

    def __init__(
        self, images: torch.Tensor, labels: torch.Tensor, probability: float, most: float = 0.5
    ) -> None:
        self._images, self._probability, self._most = images, probability, most
        self._order = torch.argsort(labels, stable=True)
        self._count = torch.bincount(labels)
        self._first = torch.cumsum(self._count, 0) - self._count

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return float32 [N, 3, H, W], each image whole or blended with one of its label."""
        n = len(images)
        within = torch.rand(n, generator=generator, dtype=torch.float64) * self._count[labels]
        others = self._images[self._order[self._first[labels] + within.long()]].float() / 255.0
        weight = torch.rand((n, 1, 1, 1), generator=generator) * self._most
        chosen = torch.rand((n, 1, 1, 1), generator=generator) < self._probability
        return torch.lerp(images, others, torch.where(chosen, weight, 0.0))


def exchange_exposures(
    images: torch.Tensor, probability: float, generator: torch.Generator
) -> torch.Tensor:
    """Give images the brightness and the contrast of other images of the batch.

    Parameters
    ----------
    images : torch.Tensor
        float32 [N, 3, H, W] in [0, 1].
    probability : float
        Share of the images whose exposure is another's.
    generator : torch.Generator
        Source of the randomness.

    Returns
    -------
    torch.Tensor
        float32 [N, 3, H, W] in [0, 1]; a flat image only becomes brighter or darker.
    """
    n = len(images)
    others = torch.randperm(n, generator=generator)
    chosen = torch.rand((n, 1, 1, 1), generator=generator) < probability
    mean = images.mean((1, 2, 3), keepdim=True)
    contrast = images.std((1, 2, 3), keepdim=True).clamp_min(_LEAST_CONTRAST)
    gain = (contrast[others] / contrast).clamp_max(_MOST_GAIN)
    exposed = ((images - mean) * gain + mean[others]).clamp(0.0, 1.0)
    return torch.where(chosen, exposed, images)
