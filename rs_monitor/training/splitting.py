# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept out of a training, to be evaluated on."""

from __future__ import annotations

import hashlib

import numpy as np

from ..datasets import DataError, LabelledImages


def check_classes(data: LabelledImages, labels: tuple[str, ...]) -> None:
    """Refuse data of which a class has no image.

    Raises
    ------
    DataError
        Naming the class.
    """
    counts = np.bincount(data.labels, minlength=len(labels))
    if len(counts) > len(labels):
        index = int(np.flatnonzero(data.labels >= len(labels))[0])
        raise DataError(
            f"label {data.labels[index]} of image {index} is out of range: there are "
            f"{len(labels)} classes"
        )
    empty = np.flatnonzero(counts == 0)
    if empty.size:
        raise DataError(f"class {int(empty[0])} ({labels[empty[0]]}) has no image")


def hold_out(data: LabelledImages, share: float) -> tuple[LabelledImages, LabelledImages]:
    """Split data by group: images of one group (a track, a drive) are never on both sides.

    Which groups are held out depends on the data alone, so that trainings with other seeds and
    recipes can be compared. A group counts for the class of its first image.

    Parameters
    ----------
    data : LabelledImages
    share : float
        Of each class's groups, in (0, 1); at least one.

    Returns
    -------
    (LabelledImages, LabelledImages)
        For training, and held out.

    Raises
    ------
    DataError
        Naming a class of a single group, or one whose groups are all held out for others.
    """
    groups, first = np.unique(data.group, return_index=True)
    chosen: set[int] = set()
    for label in np.unique(data.labels):
        name = data.label_names[label] if data.label_names else ""
        of_class = groups[data.labels[first] == label]
        if len(of_class) < 2:
            raise DataError(
                f"class {label}{f' ({name})' if name else ''} has {len(of_class)} group of "
                "images of its own: two are needed to hold one out; add images, or hold out none"
            )
        ranked = sorted(of_class.tolist(), key=lambda g: hashlib.sha256(b"%d" % g).digest())
        count = min(max(1, round(share * len(ranked))), len(ranked) - 1)
        chosen.update(ranked[:count])
    held = np.isin(data.group, sorted(chosen))
    return data.subset(~held), data.subset(held)
