# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What `rs_monitor train` and the programs of the shipped models share: start, run, progress."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from ..datasets import DataError, LabelledImages, concatenate, load_npz
from ..models import ModelError
from .architectures import CompactResNet
from .noise_training import SAVE_STEPS, Augmentation, Progress, train
from .recipe import CHECKPOINT, add_recipe_options, recipe_from
from .starting import start_from_mean, weights_digest


def training_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of data, output and recipe; the description's first line is shown."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="images, .npz")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {CHECKPOINT}")
    parser.add_argument(
        "--start", type=Path, nargs="+", default=(), metavar="FILE",
        help="checkpoint, or ONNX file, whose weights to start from; of several, their mean",
    )  # fmt: skip
    add_recipe_options(parser)
    return parser


def training_arguments(
    parser: argparse.ArgumentParser, args: Sequence[str] | None
) -> argparse.Namespace:
    """Parse the command line of a `training_parser`; a recipe that cannot be ends the program."""
    arguments = parser.parse_args(args)
    try:
        recipe_from(arguments)
    except ValueError as error:
        parser.error(str(error))
    return arguments


def read_training_data(paths: Sequence[Path], labels: Sequence[str]) -> LabelledImages:
    """Read and join .npz files.

    Raises
    ------
    DataError
        When one cannot be read, they do not fit together, or not the classes of `labels`.
    """
    parts = [load_npz(path) for path in paths]
    for path, part in zip(paths, parts):
        if (largest := int(part.labels.max())) >= len(labels):
            raise DataError(f"{path}: label {largest} is out of range: {len(labels)} classes")
    try:
        return concatenate(parts)
    except ValueError as error:
        raise DataError(str(error)) from error


def check_size(network: nn.Module, data: LabelledImages) -> None:
    """Refuse images of a size that the network does not take.

    Raises
    ------
    ModelError
        When it takes one size, and they have another.
    """
    side = network.layout.side if isinstance(network, CompactResNet) else None
    height, width = data.images.shape[1:3]
    if side and (height, width) != (side, side):
        raise ModelError(
            f"the network takes images of {side}x{side} pixels (height x width), these have "
            f"{height}x{width}: resize them, or choose a network without places of its own"
        )


class Reporter:
    """Shows the progress of a training: a bar where a terminal is attached, a line an epoch.

    Parameters
    ----------
    say : callable
        Prints a line.
    scalars : object, optional
        A TensorBoard `SummaryWriter`.
    """

    def __init__(self, say: Callable[[str], None] = print, scalars: object = None) -> None:
        self._say, self._scalars = say, scalars
        self._bar = tqdm(unit="step", file=sys.stderr, disable=not sys.stderr.isatty())

    def __call__(self, progress: Progress) -> None:
        """Show where the training is."""
        self._bar.total, self._bar.n = progress.steps, progress.step
        self._bar.set_postfix_str(f"loss {progress.loss:.3f}")
        if self._scalars is not None:
            for name in ("loss", "learning_rate"):
                self._scalars.add_scalar(name, getattr(progress, name), progress.step)
        if progress.ends_epoch:
            self._say(
                f"epoch {progress.epoch}/{progress.epochs} loss {progress.loss:.3f}, "
                f"{progress.seconds:.0f} s, {progress.left:.0f} s left"
            )

    def close(self) -> None:
        """Finish the bar."""
        self._bar.close()


def run_training(
    arguments: argparse.Namespace,
    make_network: Callable[[], nn.Module],
    data: LabelledImages,
    augmentation: Augmentation,
    *,
    conditions: Mapping[str, str] | None = None,
    reporter: Reporter | None = None,
    device: str = "cpu",
    save_steps: int = SAVE_STEPS,
) -> tuple[nn.Module, float]:
    """Train with the parsed arguments into `--out`; interrupted, it goes on where it stopped.

    With other `conditions` (see `noise_training.train`) or weights to start from it does not.

    Returns
    -------
    (torch.nn.Module, float)
        The network, and the wall time in seconds.
    """
    recipe = recipe_from(arguments, device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    network = make_network()
    check_size(network, data)
    checkpoint = arguments.out / CHECKPOINT
    conditions = {**(conditions or {}), "start": weights_digest(arguments.start)}
    if arguments.start and not checkpoint.exists():
        start_from_mean(network, arguments.start, data, recipe)
    reporter = reporter or Reporter()
    try:
        elapsed = train(
            network, data, recipe, checkpoint, augmentation, reporter,
            conditions=conditions, device=device, save_steps=save_steps,
        )  # fmt: skip
    finally:
        reporter.close()
    return network, elapsed
