# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Others' classifiers, whatever their format, as ONNX that the engines take; checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..models import ModelError
from .agreement import Logits, check_agreement, one_by_one, runtime
from .denoisers import read_denoiser
from .foreign import read_foreign
from .onnx_export import export_onnx, other_sizes
from .onnx_models import behind_denoiser, normalised, read_onnx

_IDENTITY = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the file does not tell.

    Attributes
    ----------
    architecture, layout : str
        Empty: as the file has it.
    mean, std : sequence of float or None
        Normalisation, of values in `value_range`.
    value_range : (float, float)
        What the network expects of black and white before `mean` and `std`.
    size : (int, int) or None
        Height and width, where the file leaves them open.
    """

    architecture: str = ""
    layout: str = ""
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    value_range: tuple[float, float] = (0.0, 1.0)
    size: tuple[int, int] | None = None

    def on_unit_range(
        self, mean: Sequence[float], std: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        """Return mean and std for pixels in [0, 1]."""
        low, high = self.value_range
        return [(m - low) / (high - low) for m in mean], [s / (high - low) for s in std]


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


def _of_torch(network: nn.Module) -> Logits:
    def logits(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    return logits


def import_classifier(path: Path, wishes: Wishes, denoiser: Path | None = None) -> Imported:
    """Import a checkpoint or an ONNX file, behind a denoiser where one is given.

    Raises
    ------
    ModelError
        When it is not a classifier that can be taken, or what was made of it computes
        something else.
    """
    if path.suffix.lower() == ".onnx":
        content, source, found = _onnx(path, wishes)
    else:
        content, source, found = _checkpoint(path, wishes)
    height, width, dynamic, architecture, normalisation = found
    if denoiser is not None:
        clean, denoise = _denoiser(denoiser, height, width)
        content, classify = behind_denoiser(clean, content, str(path)), source
        architecture = f"{architecture} behind denoiser {denoiser.name}"

        def source(images: np.ndarray) -> np.ndarray:
            return classify(denoise(images))

    logits = runtime(content, str(path))
    difference = check_agreement(source, logits, height, width, str(path))
    classes = logits(np.zeros((1, 3, height, width), np.float32)).shape[1]
    if dynamic:
        dynamic = all(_takes(logits, *size) for size in other_sizes(height, width))
    return Imported(
        content, logits, classes, height, width, dynamic, architecture, normalisation, difference
    )


def _takes(logits: Logits, height: int, width: int) -> bool:
    try:
        logits(np.zeros((1, 3, height, width), np.float32))
    except ModelError:
        return False
    return True


_Found = tuple[int, int, bool, str, str]


def _checkpoint(path: Path, wishes: Wishes) -> tuple[bytes, Logits, _Found]:
    mean, std = wishes.mean, wishes.std
    if wishes.value_range != (0.0, 1.0):
        mean, std = wishes.on_unit_range(mean or _IDENTITY[0], std or _IDENTITY[1])
    read = read_foreign(path, architecture=wishes.architecture, mean=mean, std=std)
    height, width = wishes.size or (read.side, read.side)
    exported = export_onnx(read.network, height, width)
    return (
        exported.content,
        _of_torch(read.network),
        (height, width, exported.dynamic_size, read.architecture, read.normalisation),
    )


def _onnx(path: Path, wishes: Wishes) -> tuple[bytes, Logits, _Found]:
    model = read_onnx(path, wishes.layout)
    for side, given, wanted in zip(
        ("high", "wide"), (model.height, model.width), wishes.size or ()
    ):
        if given and given != wanted:
            raise ModelError(f"{path}: its input is {given} pixels {side}, not {wanted}")
    height, width = wishes.size or (model.height, model.width)
    if not (height and width):
        raise ModelError(f"{path}: its input has no fixed height and width: say --size")
    inside = wishes.mean is None and wishes.std is None and wishes.value_range == (0.0, 1.0)
    mean, std = wishes.on_unit_range(wishes.mean or _IDENTITY[0], wishes.std or _IDENTITY[1])
    content = normalised(model, mean, std, str(path))
    own = runtime(model.proto.SerializeToString(), str(path))
    if model.batch:
        own = one_by_one(own, model.batch)
        _check_other_batch(content, (model.batch + 1, 3, height, width), path)
    low, high = wishes.value_range
    mean_of_range, std_of_range = (
        np.array(value, np.float32).reshape(1, 3, 1, 1)
        for value in (wishes.mean or _IDENTITY[0], wishes.std or _IDENTITY[1])
    )

    def source(images: np.ndarray) -> np.ndarray:
        """Run the file as its author does, normalised outside."""
        x = (images * (high - low) + low - mean_of_range) / std_of_range
        return own(x.transpose(0, 2, 3, 1) if model.layout == "nhwc" else x)

    said = (
        "inside"
        if inside
        else f"mean {[round(m, 6) for m in mean]}, std {[round(s, 6) for s in std]}"
    )
    return content, source, (height, width, model.dynamic_size, path.name, said)


def _check_other_batch(
    content: bytes, shape: tuple[int, ...], path: Path, output: str = "logits"
) -> None:
    """Refuse a network whose batch was fixed and could not be freed, and say that it is why."""
    dimensions = 2 if output == "logits" else 4
    try:
        found = runtime(content, str(path))(np.zeros(shape, np.float32)).shape
        if len(found) != dimensions or found[0] != shape[0]:  # to run it on would end the process
            raise ModelError(f"its output is {list(found)}, not {output} of {shape[0]} images")
    except ModelError as error:
        raise ModelError(
            f"{path}: it was exported for batches of {shape[0] - 1}, and something inside it "
            f"depends on that: export it with a dynamic batch (OpenVINO on {list(shape)}: {error})"
        ) from error


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
        content = normalised(model, *_IDENTITY, str(path))
        own = runtime(model.proto.SerializeToString(), str(path))
        fixed = model.batch
        run = one_by_one(own, fixed) if fixed else own
    else:
        network = read_denoiser(path)
        content = export_onnx(network, height, width, output="denoised").content
        run = _of_torch(network)
    image = np.zeros((fixed + 1, 3, height, width), np.float32)
    if (shape := run(image).shape) != image.shape:
        raise ModelError(f"{path} is no denoiser: images {list(image.shape)} become {list(shape)}")
    if fixed:
        _check_other_batch(content, image.shape, path, "images")
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
