# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Files that others hand over: read whole, bounded, and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_file(path: str | Path, max_bytes: int) -> bytes:
    """Read a regular file.

    A FIFO or a device could keep its reader waiting for ever or never end, so these are refused
    before a byte is read.

    Parameters
    ----------
    path : str or Path
        Links are followed.
    max_bytes : int
        Most bytes that are taken into memory.

    Raises
    ------
    OSError
        With the file's name: it cannot be read, is no regular file, or is larger.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a zero byte in the name
        raise OSError(errno.EINVAL, str(error), name) from error
    with open(descriptor, "rb") as stream:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", name)
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes:,} bytes", name)
    return content
