# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Others' classifiers, whatever their format, as ONNX that the engines take; checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..models import ModelError
from .agreement import Logits, check_agreement, one_by_one, runtime
from .classifiers import (
    IDENTITY,
    ReadClassifier,
    Wishes,
    check_other_batch,
    of_torch,
    read_classifier,
)
from .denoisers import read_denoiser
from .onnx_export import export_onnx, other_sizes
from .onnx_joining import behind_denoiser, ensemble
from .onnx_models import normalised, read_onnx


@dataclasses.dataclass(frozen=True)
class Imported:
    """A classifier as ONNX, float32 RGB [N, 3, H, W] in [0, 1] to logits.

    Attributes
    ----------
    content : bytes
    logits : callable
        Runs `content` in float32.
    classes, height, width : int
    dynamic_size : bool
    architecture, normalisation : str
        For the card.
    difference : float
        The worst relative difference between its logits and the source's.
    """

    content: bytes
    logits: Logits
    classes: int
    height: int
    width: int
    dynamic_size: bool
    architecture: str
    normalisation: str
    difference: float


def import_classifier(
    paths: Sequence[Path], wishes: Wishes, denoiser: Path | None = None
) -> Imported:
    """Import a checkpoint or an ONNX file, behind a denoiser where one is given.

    Several become an ensemble, whose logits are the mean of theirs.

    Raises
    ------
    ModelError
        When one is not a classifier that can be taken, they take or give different things, or
        what was made of them computes something else.
    """
    found = [read_classifier(path, wishes) for path in paths]
    name = " and ".join(map(str, paths))
    (read,) = found if len(found) == 1 else (_ensemble(paths, found),)
    content, source, height, width = read.content, read.logits, read.height, read.width
    dynamic, architecture = read.dynamic_size, read.architecture
    if denoiser is not None:
        clean, denoise = _denoiser(denoiser, height, width)
        content, classify = behind_denoiser(clean, content, name), source
        architecture = f"{architecture} behind denoiser {denoiser.name}"

        def source(images: np.ndarray) -> np.ndarray:
            return classify(denoise(images))

    logits, difference, classes = _compared(content, source, height, width, name)
    if dynamic:
        dynamic = all(_takes(logits, *size) for size in other_sizes(height, width))
    return Imported(
        content,
        logits,
        classes,
        height,
        width,
        dynamic,
        architecture,
        read.normalisation,
        difference,
    )


def _compared(
    content: bytes, source: Logits, height: int, width: int, name: str
) -> tuple[Logits, float, int]:
    """Return what runs ONNX, its worst difference from its source, and the number of classes."""
    logits = runtime(content, name)
    difference = check_agreement(source, logits, height, width, name)
    return logits, difference, logits(np.zeros((1, 3, height, width), np.float32)).shape[1]


def _ensemble(paths: Sequence[Path], found: Sequence[ReadClassifier]) -> ReadClassifier:
    """Return the mean of classifiers, each compared with its source.

    Raises
    ------
    ModelError
        When they are of different images or classes.
    """
    first, shapes = found[0], []
    for path, read in zip(paths, found):
        _, _, classes = _compared(read.content, read.logits, read.height, read.width, str(path))
        shapes.append((read.height, read.width, classes))
        if shapes[-1] != shapes[0]:
            (height, width, classes), (h, w, k) = shapes[0], shapes[-1]
            raise ModelError(
                f"{path}: classifies {h}x{w} pixels into {k} classes, {paths[0]} {height}x{width} "
                f"into {classes}: an ensemble needs the same"
            )

    def source(images: np.ndarray) -> np.ndarray:
        return np.mean([read.logits(images) for read in found], axis=0)

    normalisations = [read.normalisation for read in found]
    if len(set(normalisations)) > 1:
        normalisations = [f"{path.name}: {n}" for path, n in zip(paths, normalisations)]
    return ReadClassifier(
        ensemble([read.content for read in found], shapes[0][2], [str(path) for path in paths]),
        source,
        first.height,
        first.width,
        all(read.dynamic_size for read in found),
        f"ensemble ({', '.join(read.architecture for read in found)})",
        "; ".join(dict.fromkeys(normalisations)),
    )


def _takes(logits: Logits, height: int, width: int) -> bool:
    try:
        logits(np.zeros((1, 3, height, width), np.float32))
    except ModelError:
        return False
    return True


def _denoiser(path: Path, height: int, width: int) -> tuple[bytes, Callable]:
    """Return a denoiser as ONNX of RGB in [0, 1], and what runs it."""
    fixed = 0
    if path.suffix.lower() == ".onnx":
        model = read_onnx(path)
        if model.layout != "nchw" or (model.height or height, model.width or width) != (
            height,
            width,
        ):
            raise ModelError(f"{path}: a denoiser of images [N, 3, {height}, {width}] is needed")
        content = normalised(model, *IDENTITY, str(path))
        own = runtime(model.proto.SerializeToString(), str(path))
        fixed = model.batch
        run = one_by_one(own, fixed) if fixed else own
    else:
        network = read_denoiser(path)
        content = export_onnx(network, height, width, output="denoised").content
        run = of_torch(network)
    image = np.zeros((fixed + 1, 3, height, width), np.float32)
    if (shape := run(image).shape) != image.shape:
        raise ModelError(f"{path} is no denoiser: images {list(image.shape)} become {list(shape)}")
    if fixed:
        check_other_batch(content, image.shape, path, "images")
    return content, run


def clean_accuracy(logits: Logits, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the share of images classified rightly without noise, and its standard error.

    Parameters
    ----------
    logits : callable
    images : numpy.ndarray
        uint8 RGB [N, H, W, 3].
    labels : numpy.ndarray
        int [N].
    """
    right = 0
    for start in range(0, len(images), 100):
        batch = images[start : start + 100].transpose(0, 3, 1, 2).astype(np.float32) / 255
        right += int((logits(batch).argmax(1) == labels[start : start + 100]).sum())
    share = right / len(images)
    return share, float(np.sqrt(share * (1 - share) / len(images)))
