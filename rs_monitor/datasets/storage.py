# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Room for a data set's pixels: in memory, or in a temporary file where they are many."""

from __future__ import annotations

import math
import os
import tempfile

import numpy as np

#: Bytes of pixels that are held in memory; more lie in a temporary file, mapped into memory.
IN_MEMORY = 1 << 30

#: Most bytes of pixels that are taken at all: an archive of kilobytes may claim terabytes.
MAX_BYTES = 1 << 36

#: Most images that are taken at all.
MAX_IMAGES = 100_000_000


def check_room(shape: tuple[int, ...]) -> None:
    """Raise ValueError where uint8 images of this shape are more than is accepted."""
    if shape[0] > MAX_IMAGES:
        raise ValueError(f"{shape[0]:,} images are more than the {MAX_IMAGES:,} accepted")
    if math.prod(shape) > MAX_BYTES:
        raise ValueError(
            f"images of {list(shape)} take {math.prod(shape) / 2**30:,.0f} GiB, more than the "
            f"{MAX_BYTES / 2**30:,.0f} GiB that are accepted: split the data set"
        )


def image_array(shape: tuple[int, ...]) -> np.ndarray:
    """Return an uninitialised uint8 array.

    One above `IN_MEMORY` is mapped from a file without a name in the folder for temporary files
    (TMPDIR), which is gone when nobody uses the array any more.

    Raises
    ------
    ValueError
        As `check_room` does.
    OSError
        When there is no room for the file.
    """
    check_room(shape)
    size = math.prod(shape)
    if size <= IN_MEMORY:
        return np.empty(shape, np.uint8)
    with tempfile.TemporaryFile(prefix="rs_monitor-") as file:
        # Taken now: a page that the disk cannot hold would end the process by SIGBUS.
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{size / 2**30:.1f} GiB of pixels find no room there ({error.strerror}); name "
                "another folder in TMPDIR",
                tempfile.gettempdir(),
            ) from error
        return np.memmap(file, np.uint8, "r+", shape=shape)
