# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled images in one array, for training and evaluation."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np


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
    """

    images: np.ndarray
    labels: np.ndarray
    group: np.ndarray

    def __post_init__(self) -> None:
        if (
            self.images.dtype != np.uint8
            or self.images.ndim != 4
            or self.images.shape[3] != 3
            or 0 in self.images.shape
        ):
            raise ValueError(
                "images must be uint8 RGB [N, H, W, 3] and not empty, "
                f"got {self.images.dtype} {list(self.images.shape)}"
            )
        for name in ("labels", "group"):
            values = getattr(self, name)
            if values.shape != (len(self.images),) or values.dtype.kind not in "iu":
                raise ValueError(
                    f"{name} must be {len(self.images)} integers, one an image, "
                    f"got {values.dtype} {list(values.shape)}"
                )
        if self.labels.min() < 0:
            index = int(self.labels.argmin())
            raise ValueError(f"label {self.labels[index]} of image {index} is negative")

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, index: object) -> LabelledImages:
        """Return the images at `index` (integers, slice or boolean mask)."""
        return LabelledImages(self.images[index], self.labels[index], self.group[index])


def concatenate(parts: Sequence[LabelledImages]) -> LabelledImages:
    """Join data sets of equally large images; a group stays one only within its part."""
    groups, taken = [], 0
    for part in parts:
        _, numbered = np.unique(part.group, return_inverse=True)
        groups.append(numbered + taken)
        taken += int(numbered.max()) + 1
    return LabelledImages(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(groups),
    )


def load_npz(path: str | Path) -> LabelledImages:
    """Read `.npz` with `images`, `labels` and, where images depend on each other, `group`.

    Parameters
    ----------
    path : str or Path
        The archive: `images` uint8 [N, H, W, 3] RGB, `labels` and `group` integers [N].

    Raises
    ------
    ValueError
        With the file and the reason, for anything that is not such an archive.
    FileNotFoundError
        When there is no such file.
    """
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array, not an .npz archive")
        with archive:
            missing = {"images", "labels"} - set(archive.files)
            if missing:
                raise ValueError(f"no array {sorted(missing)}; it holds {archive.files}")
            images, labels = archive["images"], archive["labels"]
            group = archive["group"] if "group" in archive.files else np.arange(len(images))
        if labels.dtype.kind in "iu" and group.dtype.kind in "iu":
            labels, group = labels.astype(np.int64), group.astype(np.int64)
        return LabelledImages(images, labels, group)
    except FileNotFoundError:
        raise
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"data set {path}: {error}") from error
