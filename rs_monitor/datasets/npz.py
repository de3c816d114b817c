# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets in NumPy's `.npz` archives, whose headers are checked before an array is read."""

from __future__ import annotations

import lzma
import os
import stat
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..frames.errors import quoted
from .labelled import DataError, LabelledImages, check_images, check_integers
from .storage import check_room, image_array

# What zipfile raises for archives that are damaged, encrypted or packed in ways it lacks.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OverflowError,
    OSError,
)  # fmt: skip

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_BLOCK = 1 << 20


class _Member:
    """One array of an archive: its header, then its content."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.name = name
        info = archive.getinfo(f"{name}.npy")
        self._stream = archive.open(info)
        version = np.lib.format.read_magic(self._stream)
        if version not in _HEADERS:
            raise ValueError(f"{name}: .npy version {version} is not supported")
        try:
            with warnings.catch_warnings():  # of headers that Python 2 wrote
                warnings.simplefilter("ignore")
                self.shape, self._fortran, self.dtype = _HEADERS[version](self._stream)
        except (tokenize.TokenError, SyntaxError, TypeError, IndexError, KeyError) as error:
            raise ValueError(f"{name}: its header is damaged: {error}") from error
        if self.dtype.hasobject:
            raise ValueError(f"{name} holds pickled objects (allow_pickle), not plain numbers")
        self._claimed = info.file_size - self._stream.tell()

    def read(self) -> np.ndarray:
        """Read the content, which must be just as long as the header says."""
        size = self.dtype.itemsize * int(np.prod(self.shape, dtype=object))
        if size != self._claimed:
            raise ValueError(
                f"{self.name} is truncated or damaged: its header asks for {size} bytes, the "
                f"archive holds {self._claimed}"
            )
        images = self.dtype == np.uint8
        array = image_array(self.shape).reshape(-1) if images else np.empty(size, dtype=np.uint8)
        done = 0
        while done < size:
            block = self._stream.read(min(_BLOCK, size - done))
            if not block:
                raise EOFError(f"{self.name} ends after {done} of {size} bytes")
            array[done : done + len(block)] = np.frombuffer(block, np.uint8)
            done += len(block)
        self._stream.read(1)  # at the end the checksum is compared
        array = array.view(self.dtype)
        if self._fortran:
            return np.ascontiguousarray(array.reshape(self.shape[::-1]).T)
        return array.reshape(self.shape)


def _integers(archive: zipfile.ZipFile, name: str, count: int) -> np.ndarray:
    member = _Member(archive, name)
    check_integers(name, member.dtype, member.shape, count)
    values = member.read()
    # Before it wraps round to a negative one.
    if values.size and int(values.max()) >= 2**63:
        raise ValueError(f"{name}: {values.max()} of image {values.argmax()} is out of range")
    return values.astype(np.int64)


def _read(path: Path) -> LabelledImages:
    if not stat.S_ISREG(os.stat(path).st_mode):  # a FIFO would be waited for
        raise ValueError("it is not a regular file")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        held = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
        missing = sorted({"images", "labels"} - held)
        if missing:
            raise ValueError(f"no array {' and '.join(missing)}; it holds {quoted(sorted(names))}")
        images = _Member(archive, "images")
        check_images(images.dtype, images.shape)
        check_room(images.shape)
        labels = _integers(archive, "labels", images.shape[0])
        group = np.arange(len(labels), dtype=np.int64)
        if "group" in held:
            group = _integers(archive, "group", len(labels))
        return LabelledImages(images.read(), labels, group)


def load_npz(path: str | Path) -> LabelledImages:
    """Read `.npz` with `images`, `labels` and, where images depend on each other, `group`.

    Parameters
    ----------
    path : str or Path
        The archive: `images` uint8 [N, H, W, 3] RGB, `labels` and `group` integers [N].

    Raises
    ------
    DataError
        With the file and the reason, for anything that is not such an archive.
    """
    try:
        return _read(Path(path))
    except OSError as error:
        raise DataError(f"data set {path}: {error.strerror or error}") from error
    except (ValueError, *_DAMAGED) as error:
        raise DataError(f"data set {path}: {error or type(error).__name__}") from error
