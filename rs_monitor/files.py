# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Files of others are read bounded and never waited for; ours appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from .roots import outside

_LEAST_READ = 1 << 16  # bytes

#: Ending of what is not whole yet.
PARTIAL = ".partial"


def read_file(path: str | Path, max_bytes: int, roots: str = "") -> bytes:
    """Read a regular file.

    A FIFO or a device could keep its reader waiting for ever or never end, so these are refused
    before a byte is read.

    Parameters
    ----------
    path : str or Path
        Links are followed.
    max_bytes : int
        Most bytes that are taken into memory.
    roots : str
        As for `outside`. What counts is the file that was opened: a link that is exchanged
        between a check and the reading leads nowhere.

    Raises
    ------
    OSError
        With the file's name: it cannot be read, is not below a root, is no regular file, or is
        larger.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a zero byte in the name
        raise OSError(errno.EINVAL, str(error), name) from error
    try:
        if reason := roots and outside(os.readlink(f"/proc/self/fd/{descriptor}"), roots):
            raise PermissionError(errno.EACCES, reason, name)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", name)
        with open(descriptor, "rb", closefd=False) as stream:
            # As much is allocated as is asked for; files of /proc say that they are empty.
            content = stream.read(min(max_bytes, max(status.st_size, _LEAST_READ)) + 1)
    finally:
        os.close(descriptor)
    if content is None:  # of /proc/kmsg and its like, which would be waited for
        raise OSError(errno.EAGAIN, "there is nothing to read in it now", name)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {max_bytes:,} bytes", name)
    return content


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write a file or folder to; it takes the place of `path` when whole."""
    partial = path.with_name(path.name + PARTIAL)
    remove(partial)
    try:
        yield partial
        if path.is_dir():
            remove(path)
        os.replace(partial, path)
    except BaseException:
        remove(partial)
        raise


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write a file so that at every moment the old or the new content is there, whole.

    It is on the disk when this returns: not even a crash of the machine leaves half of it.

    Raises
    ------
    OSError
        With the file's name: a full disk, a folder that is not there or may not be written to.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    try:
        with replacing(path) as partial, partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)  # the new name, too
        finally:
            os.close(folder)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
