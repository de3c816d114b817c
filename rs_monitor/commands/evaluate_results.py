# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Where the result of `rs_monitor evaluate` goes: terminal, picture, the model's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import LabelledImages
from ..evaluation.accuracy import reaching
from ..evaluation.accuracy_plot import accuracy_figure
from ..evaluation.figures import write_picture
from ..evaluation.measuring import Measured
from ..models import ModelCard, save_card
from ..program import UsageError
from . import printable

_CARD_N = 200  # about what a small CPU draws in a frame period of 40 ms


def plot(
    path: Path,
    result: dict[str, Any],
    data: LabelledImages,
    measured: Sequence[Measured],
    ns: Sequence[int],
) -> None:
    """Draw certified accuracy against radius.

    Parameters
    ----------
    path : Path
        .png, .svg, .pdf, ...
    result : dict
        What `rs_monitor evaluate` gives.
    data : LabelledImages
    measured : sequence of Measured
        The images' votes.
    ns : sequence of int
        Ascending.

    Raises
    ------
    UsageError
        When the file cannot be written.
    """
    title = (
        f"{result['model']} on {printable(result['data'])}: {result['images']} images, "
        f"σ = {result['sigma']:g}, α = {result['alpha']:g}, {result['procedure']}"
    )
    options = {name: result[name] for name in ("sigma", "alpha", "procedure")}

    def chances(n: int, radii: Sequence[float]) -> Mapping[float, np.ndarray]:
        return reaching(measured, data.labels, n, ns[-1], radii=radii, **options)

    # What is certified cannot be more than what is there.
    most = max(result.certificate.radius_cap for result in measured)
    try:
        write_picture(accuracy_figure(title, chances, data.group, ns=ns, most=most), path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def print_table(result: dict[str, Any]) -> None:
    """Print a line for the model and one for each n."""
    print(
        f"{result['model']} on {result['backend']} {result['precision']}: {result['images']} "
        f"images, sigma {result['sigma']:g}, alpha {result['alpha']:g}, {result['procedure']}; "
        f"without noise {result['clean_accuracy']:.4f} +- "
        f"{result['clean_accuracy_standard_error']:.4f} are right, "
        f"with noise {result['noisy_accuracy']:.4f} +- "
        f"{result['noisy_accuracy_standard_error']:.4f}"
    )
    for row in result["rows"]:
        accuracy = ", ".join(f"{r}: {a:.3f}" for r, a in row["certified_accuracy"].items())
        print(
            f"n {row['n']:>6}  average certified radius {row['average_certified_radius']:.4f} "
            f"+- {row['standard_error']:.4f}  smoothed accuracy "
            f"{row['smoothed_accuracy']:.4f} +- {row['smoothed_accuracy_standard_error']:.4f}"
            f"  certified accuracy at {accuracy}"
        )


def record(card: ModelCard, key: str, result: dict[str, Any]) -> None:
    """Write a result into the card under a key; of an int8 twin, into its part of the card."""
    recorded = {key: _for_card(result)}
    if card.is_twin:
        recorded = {"int8": card.details["int8"] | recorded}
    save_card(card.path, card.details | recorded)


def _for_card(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a card keeps: the figures at the n of `_CARD_N`, or the largest, in front."""
    rows_by_n = {row["n"]: row for row in result["rows"]}
    row = rows_by_n.get(_CARD_N, result["rows"][-1])
    left_out = ("model", "rows", "true_votes")
    return {key: value for key, value in result.items() if key not in left_out} | {
        **row,
        "rows": result["rows"],
    }
