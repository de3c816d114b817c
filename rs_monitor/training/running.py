# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What `rs_monitor train` and the programs of the shipped models share: start, run, progress."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from ..datasets import DataError, LabelledImages, concatenate, load_npz
from ..files import read_file
from ..models import ModelError
from .architectures import CompactResNet
from .checkpoints import MAX_FILE, load_checkpoint, load_weights
from .foreign import foreign_weights
from .networks import COMPACT, Normalized
from .noise_training import SAVE_STEPS, Augmentation, Progress, train
from .onnx_models import read_onnx
from .recipe import Recipe, add_recipe_options, recipe_from
from .unfolding import load_folded
from .widening import may_widen, widen

CHECKPOINT = "checkpoint.pt"


def training_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser of data, output and recipe; the description's first line is shown."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="images, .npz")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {CHECKPOINT}")
    parser.add_argument(
        "--start", type=Path, help="checkpoint, or ONNX file, whose weights to start from"
    )
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


def _noisy_examples(data: LabelledImages, recipe: Recipe, count: int = 512) -> torch.Tensor:
    """Draw images as the network will see them, float32 [count, 3, H, W]."""
    generator = torch.Generator().manual_seed(recipe.seed)
    index = torch.randperm(len(data), generator=generator)[:count].numpy()
    images = torch.from_numpy(data.images[index]).permute(0, 3, 1, 2).float() / 255.0
    return images + recipe.sigma * torch.randn(images.shape, generator=generator)


def start_from(network: nn.Module, path: Path, data: LabelledImages, recipe: Recipe) -> None:
    """Load weights to start from: a checkpoint, ours or others', or the ONNX file of a model.

    A network of `COMPACT` starts from a narrower one as well, widened, and one whose classifier
    weighs every place on its own from one that sees their mean.

    Raises
    ------
    ModelError
        When they are of another architecture.
    """
    if path.suffix == ".onnx":
        if not isinstance(network, CompactResNet):
            raise ModelError(
                f"cannot start from {path}: only ONNX files of {', '.join(COMPACT)} can be "
                "trained on; give a checkpoint"
            )
        read_onnx(path)  # for its errors
        images = _noisy_examples(data, recipe)
        try:
            _load_or_widen(network, lambda each: load_folded(each, path, images), recipe.seed)
        except (ValueError, OSError) as error:
            raise ModelError(f"cannot start from it: {error}") from error
        return
    state = load_checkpoint(path)
    if "average" in state:
        weights = state["average"]

        def load(each: nn.Module) -> None:
            load_weights(each, _fitting(each, weights), str(path))

        _load_or_widen(network, load, recipe.seed)
        return
    # Others' networks come without our normalisation, which the network to train has.
    inner = network.network if isinstance(network, Normalized) else network
    weights, _ = foreign_weights(state, str(path))
    load_weights(inner, _fitting(inner, weights), str(path))


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


def _load_or_widen(network: nn.Module, load: Callable[[nn.Module], Any], seed: int) -> None:
    """Load into the network, or into a narrower one of its kind that is widened to it."""
    try:
        load(network)
        return
    except ValueError:
        if not isinstance(network, CompactResNet):
            raise
        for layout in COMPACT.values():
            if layout != network.layout and may_widen(layout, network.layout):
                start = CompactResNet(network.classifier.out_features, layout=layout)
                with contextlib.suppress(ValueError):
                    load(start)
                    widen(start, network, torch.Generator().manual_seed(seed))
                    return
        raise


def _fitting(network: nn.Module, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights, the last layer's as they are new where its classes are others."""
    layers = [(n, m) for n, m in network.named_modules() if isinstance(m, nn.Linear)]
    if not layers:
        return dict(weights)
    name, last = layers[-1]
    given = weights.get(f"{name}.weight")
    own = {f"{name}.{key}": value for key, value in last.state_dict().items()}
    other = given is not None and given.ndim == 2 and len(given) != last.out_features
    return dict(weights) | (own if other else {})


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
    conditions = {**(conditions or {}), "start": _digest(arguments.start)}
    if arguments.start and not checkpoint.exists():
        start_from(network, arguments.start, data, recipe)
    reporter = reporter or Reporter()
    try:
        elapsed = train(
            network, data, recipe, checkpoint, augmentation, reporter,
            conditions=conditions, device=device, save_steps=save_steps,
        )  # fmt: skip
    finally:
        reporter.close()
    return network, elapsed


def _digest(start: Path | None) -> str:
    """Return what tells the weights to start from from others; "" for none."""
    if start is None:
        return ""
    try:
        return hashlib.sha256(read_file(start, MAX_FILE)).hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {start}: {error.strerror or error}") from error
