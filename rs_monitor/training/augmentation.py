# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Random geometry and exposure for training images, batched, on the device."""

from __future__ import annotations

import math

import torch
from torch.nn import functional


def augment(
    images: torch.Tensor,
    generator: torch.Generator,
    gains: tuple[float, float] = (0.4, 1.7),
    geometry: float = 1.0,
) -> torch.Tensor:
    """Shift, rotate, scale and re-expose each image of a batch.

    Parameters
    ----------
    images : torch.Tensor
        float32 [N, 3, H, W] in [0, 1].
    generator : torch.Generator
        Source of the randomness.
    gains : tuple of float
        Least and largest factor of the exposure.
    geometry : float
        How far images are moved, in [0, 1]: 1 is up to 8 degrees, 13 % of the size and a
        twentieth of the side.

    Returns
    -------
    torch.Tensor
        float32 [N, 3, H, W], clipped to [0, 1].
    """
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand((n, *shape), generator=generator) * (high - low) + low

    def around(middle: float, reach: float, *shape: int) -> torch.Tensor:
        return uniform(middle - reach * geometry, middle + reach * geometry, *shape)

    angle = around(0.0, math.radians(8))
    scale_x, scale_y = around(1.0, 0.13), around(1.0, 0.13)
    affine = torch.zeros(n, 2, 3)
    affine[:, 0, 0], affine[:, 0, 1] = torch.cos(angle) * scale_x, -torch.sin(angle) * scale_y
    affine[:, 1, 0], affine[:, 1, 1] = torch.sin(angle) * scale_x, torch.cos(angle) * scale_y
    affine[:, :, 2] = around(0.0, 0.1, 2)
    grid = functional.affine_grid(affine, list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    # Exposures differ by factors: the gain is uniform on a logarithmic scale.
    gain = torch.exp(uniform(math.log(gains[0]), math.log(gains[1]), 1, 1, 1))
    offset = uniform(-0.06, 0.06, 1, 1, 1)
    tint = uniform(0.85, 1.15, 3, 1, 1)
    return (moved * gain * tint + offset).clamp_(0.0, 1.0)


class MirrorClasses:
    """Mirror images of classes whose mirror image is a class.

    Parameters
    ----------
    labels : tuple of str
        Class names in order.
    partner : dict of str to str
        Class to the class of its mirror image (itself where symmetric); classes that are
        absent are never mirrored.
    """

    def __init__(self, labels: tuple[str, ...], partner: dict[str, str]) -> None:
        self._mapped = torch.full((len(labels),), -1, dtype=torch.int64)
        for name, mirrored in partner.items():
            self._mapped[labels.index(name)] = labels.index(mirrored)

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mirror about half of the images that may be; returns images and labels."""
        mapped = self._mapped[labels]
        chosen = (torch.rand(len(labels), generator=generator) < 0.5) & (mapped >= 0)
        flipped = torch.where(chosen[:, None, None, None], images.flip(3), images)
        return flipped, torch.where(chosen, mapped, labels)


def crop_and_flip(
    images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Shift images by up to an eighth of their side, reflected at the border; mirror half of them.

    The augmentation that CIFAR-10 is usually trained with.

    Parameters
    ----------
    images : torch.Tensor
        float32 [N, 3, H, W].
    labels : torch.Tensor
        int64 [N]; unchanged.
    generator : torch.Generator
        Source of the randomness.
    """
    n, _, height, width = images.shape
    reach = max(1, height // 8)
    padded = functional.pad(images, (reach,) * 4, mode="reflect")
    down = torch.randint(0, 2 * reach + 1, (n, 1), generator=generator)
    right = torch.randint(0, 2 * reach + 1, (n, 1), generator=generator)
    mirrored = torch.rand((n, 1), generator=generator) < 0.5
    rows = down + torch.arange(height)
    columns = torch.arange(width)
    columns = right + torch.where(mirrored, width - 1 - columns, columns)
    index = torch.arange(n).view(n, 1, 1)
    moved = padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2), labels
