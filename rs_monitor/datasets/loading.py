# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One way to read a labelled data set, whatever its format."""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .cifar10 import is_cifar10, read_batches
from .class_names import match_names
from .folders import read_folders
from .labelled import DataError, LabelledImages, check_labels
from .npz import load_npz

#: Parts that CIFAR-10's batches are published in.
PARTS = ("train", "test")

_ZIP, _PICKLE = b"PK", b"\x80"


def load_data(
    path: str | Path,
    *,
    part: str = "test",
    labels: Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
) -> LabelledImages:
    """Read a data set: a folder for each class, CIFAR-10's python batches, or `.npz`.

    Nothing in these files is run: the batches, which are pickles, are read without unpickling
    anything but plain values and arrays.

    Parameters
    ----------
    path : str or Path
        A folder whose folders are classes, with JPEG and PNG images in them (`read_folders`); the
        folder `cifar-10-batches-py`, or one batch; or an archive as for `load_npz`. What a file
        is, its content says, not its name.
    part : {'test', 'train'}
        Which batches of a CIFAR-10 folder to read; other formats have no parts.
    labels : sequence of str, optional
        Class names of the model that the data are for: its numbers of the classes are taken, by
        name, and a class it does not have is refused. Where the data set names none of them,
        numbers stay as they are.
    size : (int, int), optional
        Height and width that the images of a folder are resized to where they are not equally
        large, by area, as the node does, and rounded to 8 bits. Equally large ones stay as they
        are.

    Returns
    -------
    LabelledImages
        Its `label_names` are `labels` where classes were matched by name, and otherwise what the
        data set calls its classes.

    Raises
    ------
    DataError
        One line with the data set, the place in it and the reason.
    """
    path = Path(path)
    try:
        if part not in PARTS:
            raise ValueError(f"part must be one of {', '.join(PARTS)}, got {part!r}")
        data = _load(path, part, labels, size)
        if labels is not None:
            check_labels(data.labels, len(labels))
        return data
    except DataError:
        raise
    except OSError as error:
        place = "" if error.filename in (None, os.fspath(path)) else f"{error.filename}: "
        raise DataError(f"data set {path}: {place}{error.strerror or error}") from error
    except ValueError as error:
        raise DataError(f"data set {path}: {error}") from error


def _not_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _load(
    path: Path, part: str, labels: Sequence[str] | None, size: tuple[int, int] | None
) -> LabelledImages:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        if is_cifar10(path):
            return _cifar10(path, part, labels)
        return read_folders(path, labels, size)
    if not stat.S_ISREG(mode):  # a FIFO would be waited for
        raise ValueError("it is neither a file nor a folder")
    with open(path, "rb", buffering=0, opener=_not_waiting) as stream:
        start = stream.read(2)
    if start is None:  # of /proc/kmsg and its like
        raise ValueError("there is nothing to read in it now")
    if start.startswith(_ZIP):
        return load_npz(path)
    if start.startswith(_PICKLE):
        return _cifar10(path, part, labels)
    raise ValueError(
        "it is neither an .npz archive, nor a batch of CIFAR-10 (python version), nor a folder "
        "with a folder for each class"
    )


def _cifar10(path: Path, part: str, labels: Sequence[str] | None) -> LabelledImages:
    images, numbers, names = read_batches(path, part)
    data = LabelledImages(images, numbers, np.arange(len(numbers), dtype=np.int64))
    if not names:
        return data
    classes, label_names = match_names(names, labels, ordered=True)
    return dataclasses.replace(data, labels=classes[numbers], label_names=label_names)
