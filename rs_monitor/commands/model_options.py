# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the commands that make models share."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

from ..files import read_file
from ..program import UsageError
from . import named_path

_MAX_LABELS = 1 << 24  # bytes


def need_torch(command: str) -> None:
    """Refuse where PyTorch or onnx is missing, before anything is read.

    Raises
    ------
    UsageError
        With the command that installs them.
    """
    for name in ("torch", "onnx"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise UsageError(
                f"{command} needs {name} ({error}): python -m pip install 'torch>=2.6,<3' "
                "'onnx>=1.17,<2'"
            ) from error


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add --out, --name, --labels, --size and licences."""
    group = parser.add_argument_group("the model's card")
    group.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="the model's folder"
    )
    group.add_argument("--name", default="", help="of the model and its files (default: DIR's)")
    group.add_argument(
        "--labels", default="", metavar="NAMES",
        help="class names, comma-separated, or a file with one a line",
    )  # fmt: skip
    group.add_argument(
        "--size", type=image_size, metavar="HxW", help="input in pixels, such as 32 or 24x48"
    )
    group.add_argument("--licence", default="not stated", help="of the weights")
    group.add_argument("--data-licence", default="not stated", help="of the training data")


def image_size(text: str) -> tuple[int, int]:
    """Read "32" or "24x48" as height and width."""
    height, _, width = text.partition("x")
    try:
        size = int(height), int(width or height)
    except ValueError:
        size = (0, 0)
    if not all(1 <= side <= 16384 for side in size):
        raise argparse.ArgumentTypeError(f"a size such as 32 or 24x48 is needed, got {text!r}")
    return size


def model_name(arguments: argparse.Namespace) -> str:
    """Return --name, or that of the folder."""
    return arguments.name or arguments.out.resolve().name


def keep_inputs(out: Path, written: Sequence[str], inputs: Sequence[Path]) -> None:
    """Refuse to write over what is read.

    Parameters
    ----------
    out : Path
        Folder that files are written to.
    written : sequence of str
        Their names.
    inputs : sequence of Path

    Raises
    ------
    UsageError
        Naming the input.
    """
    places = {os.path.realpath(out / name) for name in written}
    for path in inputs:
        if os.path.realpath(path) in places:
            raise UsageError(f"{path} would be written over: give another --out or --name")


def read_labels(text: str) -> tuple[str, ...]:
    """Return the class names of --labels; empty where it was not given.

    Raises
    ------
    UsageError
        When the file cannot be read, or names are empty or not different.
    """
    if not text:
        return ()
    names: Sequence[str] = text.split(",")
    if len(names) == 1:
        try:
            names = read_file(text, _MAX_LABELS).decode("utf-8-sig").splitlines()
        except OSError as error:
            raise UsageError(f"--labels {text}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"--labels {text}: it is not a text in UTF-8") from error
    names = tuple(name.strip() for name in names)
    if len(names) < 2 or not all(name and name.isprintable() for name in names):
        raise UsageError(f"--labels {text:.80}: at least two class names, none of them empty")
    if len(set(names)) != len(names):
        raise UsageError(f"--labels {text:.80}: a name is there twice")
    return names


def numbered_labels(classes: int) -> tuple[str, ...]:
    """Return names for classes that have none."""
    return tuple(f"class_{index}" for index in range(classes))
