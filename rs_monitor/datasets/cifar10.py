# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 as its authors publish it: "python version", batches that are pickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..files import read_file
from ..frames.errors import quoted
from .inert_pickle import load_inert
from .labelled import check_labels

_SIDE = 32
_CLASSES = 10
_MAX_FILE = 1 << 28  # bytes; a batch has 31 MB, all of CIFAR-10 in one 185
_META = "batches.meta"
_BATCHES = {
    "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
    "test": ("test_batch",),
}


def is_cifar10(folder: Path) -> bool:
    """Whether a folder holds at least one of the batches."""
    return any((folder / name).exists() for names in _BATCHES.values() for name in names)


def read_batches(path: Path, part: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Read the batches of a part, or one batch.

    Parameters
    ----------
    path : Path
        The folder, of which all batches of the part are needed; or a batch file.
    part : {'train', 'test'}

    Returns
    -------
    images : numpy.ndarray
        uint8 RGB [N, 32, 32, 3].
    labels : numpy.ndarray
        int64 [N].
    names : tuple of str
        Of the 10 classes; empty without a file batches.meta.

    Raises
    ------
    ValueError
        Naming the file and what is wrong with it.
    OSError
        When a file is missing or cannot be read.
    """
    folder, files = (path, _BATCHES[part]) if path.is_dir() else (path.parent, (path.name,))
    names = _names(folder / _META)
    batches = [_read(folder / name, _batch) for name in files]
    images, labels = (np.concatenate(arrays) for arrays in zip(*batches))
    return images, labels, names


def _read(path: Path, interpret):
    try:
        content = load_inert(read_file(path, _MAX_FILE))
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__}, not a dict")
        return interpret(
            {
                key.decode("latin1") if isinstance(key, bytes) else key: value
                for key, value in content.items()
            }
        )
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _batch(content: dict) -> tuple[np.ndarray, np.ndarray]:
    missing = [key for key in ("data", "labels") if key not in content]
    if missing:
        raise ValueError(
            f"no {' and '.join(missing)}: it is no batch of CIFAR-10, it holds "
            f"{quoted(sorted(map(str, content)))}"
        )
    data, labels = content["data"], content["labels"]
    pixels = 3 * _SIDE * _SIDE
    if not (
        isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape[1:] == (pixels,)
    ):
        kind = (
            f"{data.dtype} {list(data.shape)}"
            if isinstance(data, np.ndarray)
            else f"a {type(data).__name__}"
        )
        raise ValueError(f"data must be uint8 [N, {pixels}], got {kind}")
    if isinstance(labels, np.ndarray):
        labels = labels.tolist()
    if (
        not isinstance(labels, list)
        or len(labels) != len(data)
        or not all(type(label) is int and abs(label) < 2**63 for label in labels)
    ):
        raise ValueError(f"labels must be {len(data)} integers, one an image")
    labels = np.array(labels, np.int64)
    check_labels(labels, _CLASSES)
    return data.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1), labels


def _names(path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    names = _read(path, lambda content: content.get("label_names"))
    if isinstance(names, list) and len(names) == _CLASSES:
        names = [name.decode("latin1") if isinstance(name, bytes) else name for name in names]
        if all(isinstance(name, str) for name in names) and len(set(names)) == _CLASSES:
            return tuple(names)
    raise ValueError(f"{path.name}: label_names must be {_CLASSES} different names")
