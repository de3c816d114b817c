# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One file of others' as ONNX that the engines take, and what runs it as its author does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..models import ModelError
from .agreement import Logits, one_by_one, runtime
from .foreign import read_foreign
from .onnx_export import export_onnx
from .onnx_models import normalised, read_onnx

#: Mean and std of what is not normalised.
IDENTITY = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


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
class ReadClassifier:
    """A file's classifier, float32 RGB [N, 3, H, W] in [0, 1] to logits [N, K].

    Attributes
    ----------
    content : bytes
        As ONNX.
    logits : callable
        Runs it as its author does.
    height, width : int
    dynamic_size : bool
    architecture, normalisation : str
        For the card.
    """

    content: bytes
    logits: Logits
    height: int
    width: int
    dynamic_size: bool
    architecture: str
    normalisation: str


def read_classifier(path: Path, wishes: Wishes) -> ReadClassifier:
    """Read a checkpoint or an ONNX file.

    Raises
    ------
    ModelError
        When it is not a classifier that can be taken.
    """
    return (_onnx if path.suffix.lower() == ".onnx" else _checkpoint)(path, wishes)


def of_torch(network: nn.Module) -> Logits:
    """Return what runs a network on NumPy's arrays."""

    def logits(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    return logits


def _checkpoint(path: Path, wishes: Wishes) -> ReadClassifier:
    mean, std = wishes.mean, wishes.std
    if wishes.value_range != (0.0, 1.0):
        mean, std = wishes.on_unit_range(mean or IDENTITY[0], std or IDENTITY[1])
    read = read_foreign(path, architecture=wishes.architecture, mean=mean, std=std)
    height, width = wishes.size or (read.side, read.side)
    exported = export_onnx(read.network, height, width)
    return ReadClassifier(
        exported.content,
        of_torch(read.network),
        height,
        width,
        exported.dynamic_size,
        read.architecture,
        read.normalisation,
    )


def _onnx(path: Path, wishes: Wishes) -> ReadClassifier:
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
    mean, std = wishes.on_unit_range(wishes.mean or IDENTITY[0], wishes.std or IDENTITY[1])
    content = normalised(model, mean, std, str(path))
    own = runtime(model.proto.SerializeToString(), str(path))
    if model.batch:
        own = one_by_one(own, model.batch)
        check_other_batch(content, (model.batch + 1, 3, height, width), path)
    low, high = wishes.value_range
    mean_of_range, std_of_range = (
        np.array(value, np.float32).reshape(1, 3, 1, 1)
        for value in (wishes.mean or IDENTITY[0], wishes.std or IDENTITY[1])
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
    return ReadClassifier(content, source, height, width, model.dynamic_size, path.name, said)


def check_other_batch(
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
