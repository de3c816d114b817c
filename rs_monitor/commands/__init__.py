# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The subcommands of `rs_monitor`, a module each, and what they share."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..bank import CertifierBank
from ..certification import PROCEDURES
from ..engines import BACKENDS, PRECISIONS
from ..files import replacing
from ..models import RESOLUTIONS
from ..program import UsageError, check_output, file_kind
from ..settings import ALPHA_RANGE, Settings

NO_DEADLINE = 60.0  # seconds a frame may take: only decides how large a chunk is


def new_parser(subparsers: Any, name: str, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a subcommand whose --help ends with an example."""
    return subparsers.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_certification_options(parser: argparse.ArgumentParser, n: int | list[int] | None) -> None:
    """Add the options that every certifying command has.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    n : int, list of int or None
        Default of --n, if it has one; a list where several may be given.
    """
    group = parser.add_argument_group("certification")
    group.add_argument(
        "--model", type=named_path, metavar="CARD",
        help="card or family (default: the shipped signs)",
    )  # fmt: skip
    group.add_argument(
        "--sigma", type=float, default=Settings.sigma, metavar="S",
        help="standard deviation of the noise, pixels in [0, 1] (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--alpha", type=float, default=Settings.alpha, metavar="A",
        help="accepted probability of an over-stated radius (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--n", type=int, default=n, metavar="N", nargs="+" if isinstance(n, list) else None,
        help="noisy samples"
        + (", one number or several" if isinstance(n, list) else "")
        + ("" if n is None else f" (default: {' '.join(map(str, np.atleast_1d(n)))})"),
    )  # fmt: skip
    group.add_argument("--procedure", choices=tuple(PROCEDURES), default=Settings.procedure)
    group.add_argument("--n-selection", type=int, default=Settings.n_selection, metavar="N0")
    group.add_argument("--resolution", choices=RESOLUTIONS, default="full")
    group.add_argument("--backend", choices=BACKENDS, default="auto")
    group.add_argument("--precision", choices=PRECISIONS, default="auto")


def named_path(text: str) -> Path:
    """Read a path: the type of options that take one. An empty one would be this folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def printable(name: str) -> str:
    """Return the name of a file as Unicode: bytes that are none are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def asked_model(arguments: argparse.Namespace) -> str:
    """Return the path of --model; "" for the shipped signs."""
    return "" if arguments.model is None else str(arguments.model)


def seed_number(text: str) -> int:
    """Read a seed, 0 or above: the type of --seed."""
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if seed < 0:
        raise argparse.ArgumentTypeError(f"must be an integer, 0 or above, got {text!r}")
    return seed


def add_seed_option(parser: argparse.ArgumentParser) -> None:
    """Add --seed."""
    parser.add_argument(
        "--seed", type=seed_number, metavar="K", help="reproducible noise (default: fresh entropy)"
    )


def add_json_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --json."""
    parser.add_argument(
        "--json", metavar="PATH", help=f"write {what} as JSON; '-' is standard output"
    )


def check_alpha_option(alpha: float) -> None:
    """Refuse an --alpha that the monitor would not take.

    Raises
    ------
    UsageError
    """
    low, high = ALPHA_RANGE
    if not low <= alpha <= high:
        raise UsageError(f"--alpha must lie in {low:g} to {high:g}, got {alpha:g}")


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the Settings that the options ask for.

    Raises
    ------
    UsageError
        For values out of range.
    """
    try:
        return Settings(
            sigma=arguments.sigma,
            alpha=arguments.alpha,
            n=arguments.n,
            procedure=arguments.procedure,
            n_selection=arguments.n_selection,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def open_bank(
    arguments: argparse.Namespace,
    settings: Settings,
    budget: float = NO_DEADLINE,
    chunk: int | None = None,
) -> CertifierBank:
    """Open the models that the options name; the caller closes them.

    Parameters
    ----------
    arguments : argparse.Namespace
    settings : Settings
    budget : float
        Seconds a frame may take.
    chunk : int, optional
        Samples a forward pass; measured by default.

    Raises
    ------
    ModelError, EngineError
        As `CertifierBank` does.
    """
    return CertifierBank(
        asked_model(arguments),
        backend=arguments.backend,
        precision=arguments.precision,
        settings=settings,
        resolution=arguments.resolution,
        budget=budget,
        chunk=chunk,
    )


@contextlib.contextmanager
def text_output(path: str) -> Iterator[TextIO]:
    """Open a file for writing, or standard output for '-'.

    A file appears whole or not at all, and what was there stays until then; a device or a pipe is
    written as it is.
    """
    check_output(path)
    if path == "-":
        yield sys.stdout
        return
    plain = stat.S_ISREG(file_kind(path))
    target = Path(os.path.realpath(path) if plain else path)  # a link stays one
    try:
        with replacing(target) if plain else contextlib.nullcontext(target) as opened:
            with opened.open("w", encoding="utf-8") as stream:
                yield stream
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def without_nan(value: Any) -> Any:
    """Return dicts and lists with None, JSON's null, for what is not finite."""
    if isinstance(value, dict):
        return {name: without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: str, value: Any) -> None:
    """Write one JSON document to a file, or to standard output for '-'."""
    with text_output(path) as stream:
        json.dump(without_nan(value), stream, indent=2)
        stream.write("\n")
