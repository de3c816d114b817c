# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Which class of a model a data set's class is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..frames.errors import quoted


def are_numbers(names: Sequence[str]) -> bool:
    """Say whether classes are named by decimal numbers, all of them."""
    return bool(names) and all(name.isascii() and name.isdecimal() for name in names)


def match_names(
    names: Sequence[str], labels: Sequence[str] | None, *, ordered: bool
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Match the names of a data set's classes with those of a model.

    By name, where the model has any of them; else by number, where the data set numbers its
    classes.

    Parameters
    ----------
    names : sequence of str
        Of the data set, different ones.
    labels : sequence of str or None
        Of the model; None without one.
    ordered : bool
        Whether the place of a name is its class's number. Without it, names that are all decimal
        integers are numbers.

    Returns
    -------
    classes : numpy.ndarray
        int64 [len(names)], the class of each name.
    label_names : tuple of str
        By class: `labels` where names were matched, else `names`, or numbers where these were.

    Raises
    ------
    ValueError
        Naming a class that the model does not have.
    """
    kept = np.arange(len(names), dtype=np.int64)
    if labels is None:
        return kept, tuple(names)
    by_name = {label: index for index, label in enumerate(labels)}
    unknown = [name for name in names if name not in by_name]
    if not unknown:
        return np.array([by_name[name] for name in names], np.int64), tuple(labels)
    if len(unknown) == len(names):
        if ordered and len(names) <= len(labels):
            return kept, tuple(names)
        if not ordered and are_numbers(names):
            classes = [int(name[:20]) for name in names]
            beyond = [name for name, index in zip(names, classes) if index >= len(labels)]
            if beyond:
                raise ValueError(
                    f"class {quoted(beyond[0])} is out of range 0 to {len(labels) - 1}"
                )
            if len(set(classes)) == len(classes):
                return np.array(classes, np.int64), tuple(map(str, range(len(labels))))
    known = ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
    raise ValueError(
        f"class {quoted(unknown[0])} is none of the model's {len(labels)} classes ({known})"
    )
