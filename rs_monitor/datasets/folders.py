# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets that are a folder for each class, with JPEG and PNG images in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..files import read_file
from ..frames import DEFAULT_MAX_PIXELS, FrameError, Resizer, decode_compressed
from ..frames.errors import quoted
from ..frames.headers import image_header
from .class_names import match_names
from .labelled import LabelledImages, eight_bits
from .storage import image_array

_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
# Images all the same: left out in silence they would be missed.
_OTHER_SUFFIXES = (
    ".avif", ".bmp", ".gif", ".heic", ".jp2", ".jxl", ".pgm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
_MAX_FILE = 1 << 28  # bytes of one image file


def read_folders(
    path: Path,
    labels: Sequence[str] | None,
    size: tuple[int, int] | None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> LabelledImages:
    """Read a folder for each class.

    Parameters
    ----------
    path : Path
        Its folders are the classes, sorted by name. Images in a folder of a class's folder are a
        group (a track, a drive); others are each their own.
    labels : sequence of str or None
        Class names of a model, with which the folders' names are matched; folders named by
        numbers, of which none is a class name, are class numbers.
    size : (int, int) or None
        Height and width that images are resized to, by area and rounded to 8 bits, where they
        are not all equally large; None refuses such.
    max_pixels : int
        Most pixels of an image.

    Raises
    ------
    ValueError
        Naming the file or folder and what is wrong with it.
    OSError
        When one cannot be read.
    """
    entries = _entries(path)
    folders = [entry for entry in entries if entry.is_dir()]
    if not folders:
        raise ValueError("it holds no folders of classes, with JPEG or PNG images in each")
    beside = _images(path, [entry for entry in entries if not entry.is_dir()])
    if beside:
        raise ValueError(
            f"image {_place(path, beside[0])} lies beside the folders of classes: move it into one"
        )
    classes, label_names = match_names([f.name for f in folders], labels, ordered=False)
    files, image_labels, groups = [], [], []
    for folder, number in zip(folders, classes):
        found = _walk(path, folder)
        if not found:
            raise ValueError(f"class folder {quoted(folder.name)} holds no JPEG or PNG image")
        files += found
        image_labels += [number] * len(found)
        groups += [file if file.parent == folder else file.parent for file in found]
    _, group = np.unique([os.fspath(name) for name in groups], return_inverse=True)
    return LabelledImages(
        _decoded(path, files, size, max_pixels),
        np.array(image_labels, np.int64),
        group.astype(np.int64),
        label_names,
    )


def _entries(folder: Path) -> list[Path]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    for entry in entries:
        if not entry.exists():
            raise ValueError(f"{quoted(os.fspath(entry), 200)} is a link that leads nowhere")
    return entries


def _images(root: Path, files: Sequence[Path]) -> list[Path]:
    """Return the JPEG and PNG files; other files are none of ours unless they are images."""
    found = []
    for file in files:
        suffix = file.suffix.lower()
        if suffix in _SUFFIXES:
            found.append(file)
        elif suffix in _OTHER_SUFFIXES:
            raise ValueError(
                f"{_place(root, file)} is neither JPEG nor PNG: convert it, or take it away"
            )
    return found


def _walk(root: Path, folder: Path) -> list[Path]:
    found, todo = [], [folder]
    while todo:
        entries = _entries(todo.pop())
        for entry in entries:
            if entry.is_dir() and entry.is_symlink():  # may lead back to where it stands
                raise ValueError(f"{_place(root, entry)} is a link to a folder: not followed")
        todo += [entry for entry in entries if entry.is_dir()]
        found += _images(root, [entry for entry in entries if not entry.is_dir()])
    return sorted(found)


def _place(root: Path, file: Path) -> str:
    return quoted(os.fspath(file.relative_to(root)), 200)


def _decoded(
    root: Path, files: Sequence[Path], size: tuple[int, int] | None, max_pixels: int
) -> np.ndarray:
    sizes = [_size(root, file, max_pixels) for file in files]
    resize = None
    if len(set(sizes)) > 1:
        if size is None:
            other = next(index for index, value in enumerate(sizes) if value != sizes[0])
            raise ValueError(
                f"images differ in size: {_place(root, files[0])} has {sizes[0][0]}x{sizes[0][1]} "
                f"pixels, {_place(root, files[other])} {sizes[other][0]}x{sizes[other][1]}; say "
                "to which size they are to be resized"
            )
        resize = Resizer(*size)
    images = image_array((len(files), *(size if resize else sizes[0]), 3))
    for index, file in enumerate(files):
        try:
            rgb = decode_compressed(
                read_file(file, _MAX_FILE), format="", max_pixels=max_pixels
            ).rgb
            images[index] = eight_bits(resize(rgb)) if resize else rgb
        except ValueError as error:  # also a file that has changed since its size was read
            raise _unreadable(root, file, error) from error
    return images


def _size(root: Path, file: Path, max_pixels: int) -> tuple[int, int]:
    try:
        _, header, _ = image_header(read_file(file, _MAX_FILE), max_pixels)
    except FrameError as error:
        raise _unreadable(root, file, error) from error
    return header.height, header.width


def _unreadable(root: Path, file: Path, error: ValueError) -> ValueError:
    # What comes after the semicolon is advice about cameras.
    return ValueError(f"image {_place(root, file)}: {str(error).partition(';')[0]}")
