# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled images in one array."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..frames import Resizer
from .storage import image_array

#: Most classes that labels may tell apart.
MAX_CLASSES = 100_000


class DataError(ValueError):
    """A data set that cannot be used; the message says which, where and why."""


@dataclasses.dataclass(frozen=True)
class LabelledImages:
    """A labelled data set of equally large images.

    Attributes
    ----------
    images : numpy.ndarray
        uint8 RGB [N, H, W, 3].
    labels : numpy.ndarray
        int64 [N], class indices >= 0.
    group : numpy.ndarray
        int64 [N]; images of one group (a track, a drive) are not independent. Each image
        is its own group where the source names none.
    label_names : tuple of str
        Class names by class index; empty where the source names none.
    """

    images: np.ndarray
    labels: np.ndarray
    group: np.ndarray
    label_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_images(self.images.dtype, self.images.shape)
        for name in ("labels", "group"):
            values = getattr(self, name)
            check_integers(name, values.dtype, values.shape, len(self.images))
        check_labels(self.labels, len(self.label_names) or MAX_CLASSES)

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, index: object) -> LabelledImages:
        """Return the images at `index` (integers, slice or boolean mask)."""
        return dataclasses.replace(
            self, images=self.images[index], labels=self.labels[index], group=self.group[index]
        )

    def in_numerical_order(self) -> LabelledImages:
        """Return them with classes that are named by numbers in the numbers' order.

        Returns
        -------
        LabelledImages
            Class 10 behind class 9, where the alphabet has it behind class 1.
        """
        order = sorted(range(len(self.label_names)), key=lambda i: int(self.label_names[i][:18]))
        places = np.argsort(order)
        names = tuple(self.label_names[i] for i in order)
        return dataclasses.replace(self, labels=places[self.labels], label_names=names)

    def resized(self, height: int, width: int) -> LabelledImages:
        """Return the images resized by area, as the node does, rounded to 8 bits."""
        if self.images.shape[1:3] == (height, width):
            return self
        resize = Resizer(height, width)
        images = image_array((len(self), height, width, 3))
        for index, image in enumerate(self.images):
            images[index] = eight_bits(resize(image))
        return dataclasses.replace(self, images=images)


def check_images(dtype: np.dtype, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless these are of uint8 images [N, H, W, 3], at least one."""
    if dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or min(shape) < 1:
        raise ValueError(
            f"images must be uint8 RGB [N, H, W, 3] and not empty, got {dtype} {list(shape)}"
        )


def check_integers(name: str, dtype: np.dtype, shape: tuple[int, ...], count: int) -> None:
    """Raise ValueError unless these are of `count` integers."""
    if shape != (count,) or dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be {count} integers, one an image, got {dtype} {list(shape)}"
        )


def check_labels(labels: np.ndarray, classes: int) -> None:
    """Raise ValueError naming the first label outside 0..classes - 1."""
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise ValueError(
            f"label {labels[wrong[0]]} of image {wrong[0]} is out of range 0 to {classes - 1}"
        )


def eight_bits(image: np.ndarray) -> np.ndarray:
    """Round float32 pixels in [0, 1] to uint8."""
    return np.rint(image * np.float32(255)).astype(np.uint8)


def concatenate(parts: Sequence[LabelledImages]) -> LabelledImages:
    """Join data sets of equally large images; a group stays one only within its part.

    Raises
    ------
    ValueError
        When the images differ in size, or parts name their classes differently.
    """
    names = {part.label_names for part in parts if part.label_names}
    if len(names) > 1:
        raise ValueError(f"the data sets' classes differ: {' / '.join(map(str, sorted(names)))}")
    sizes = {part.images.shape[1:3] for part in parts}
    if len(sizes) > 1:
        raise ValueError(f"the data sets' images differ in size: {sorted(sizes)}")
    groups, taken = [], 0
    for part in parts:
        _, numbered = np.unique(part.group, return_inverse=True)
        groups.append(numbered + taken)
        taken += int(numbered.max()) + 1
    return LabelledImages(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(groups),
        *names,
    )
