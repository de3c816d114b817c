# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Samples a forward pass: those that are worth a try."""

from __future__ import annotations

from collections.abc import Iterable

# Samples a forward pass, largest first: large ones use the machine better, small ones leave
# less of the frame period unused.
CHUNK_SIZES = (64, 32, 16, 8, 4, 2, 1)
GPU_CHUNK_SIZES = (1024, 512, 256, 128)  # before those: a GPU has more to do at once


def even_sizes(sizes: Iterable[int], n: int) -> tuple[int, ...]:
    """Return sizes of forward passes, each made so small that as many draw n samples.

    Of 200 samples in passes of 64, the fourth would be of 8 and take the time of 64.

    Parameters
    ----------
    sizes : iterable of int
        Largest first.
    n : int
        Samples a frame; 0 for any number: the sizes as they are.
    """
    return tuple(dict.fromkeys(-(-n // -(-n // size)) if n else size for size in sizes))
