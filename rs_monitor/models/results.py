# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the cards say of their models' evaluations, as tables for documents (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .card import ModelCard

_SHORT = 200  # the n of the short table

_HEADER = (
    "| member |{columns} smoothed accuracy | average certified radius | with `runner_up` | of the "
    "int8 twin, loss |\n"
)


def evaluation_key(procedure: str) -> str:
    """Return the name under which cards keep evaluations with a procedure."""
    return "evaluation" if procedure == "single_pass" else f"evaluation_{procedure}"


def markdown_table(cards: Iterable[ModelCard]) -> str:
    """Return every n that was evaluated, and the accuracies of the network alone.

    Parameters
    ----------
    cards : iterable of ModelCard
        Each with `evaluation`, perhaps `evaluation_runner_up` and, of fewer images at a larger n,
        `evaluation_thinned`.
    """
    text = _HEADER.format(columns=" without noise, single noisy copies | n |") + "|---" * 7 + "|\n"
    for card in cards:
        whole = card.details["evaluation"]
        thinned = card.details.get("evaluation_thinned", {"rows": []})
        known = {row["n"] for row in whole["rows"]}
        later = [row for row in thinned["rows"] if row["n"] not in known]
        runner_up = card.details.get(evaluation_key("runner_up"), {})
        told = next(each for each in (whole, runner_up, thinned) if "clean_accuracy" in each)
        alone = f"{told['clean_accuracy']:.3f}, {told['noisy_accuracy']:.3f}"
        name = card.name
        for row in (*whole["rows"], *later):
            twin = _twin(card, row["n"]) if row in whole["rows"] else ""
            more = _runner_up(card, row["n"]) if row in whole["rows"] else ""
            text += f"| {name} | {alone} | {row['n']} | {_figures(row)} | {more} | {twin} |\n"
            name = alone = ""
    return text


def short_markdown_table(cards: Iterable[ModelCard]) -> str:
    """Return one row for each card, at n = 200."""
    text = _HEADER.format(columns="") + "|---" * 5 + "|\n"
    for card in cards:
        (row,) = (row for row in card.details["evaluation"]["rows"] if row["n"] == _SHORT)
        more, twin = _runner_up(card, _SHORT), _twin(card, _SHORT)
        text += f"| {card.name} | {_figures(row)} | {more} | {twin} |\n"
    return text


def _figures(row: Mapping[str, Any]) -> str:
    return (
        f"{row['smoothed_accuracy']:.3f} +- {row['smoothed_accuracy_standard_error']:.3f} | "
        f"{row['average_certified_radius']:.3f} +- {row['standard_error']:.3f}"
    )


def _runner_up(card: ModelCard, n: int) -> str:
    """Return the radius of the procedure that bounds the runner-up too, where it was measured."""
    row = card.details.get(evaluation_key("runner_up"), {})
    if row.get("n") != n:
        return ""
    return f"{row['average_certified_radius']:.3f} +- {row['standard_error']:.3f}"


def _twin(card: ModelCard, n: int) -> str:
    """Return radius and loss of the int8 twin where n is the largest at which it was measured."""
    rows = card.details.get("int8", {}).get("evaluation", {}).get("rows", [])
    if not rows or rows[-1]["n"] != n:
        return ""
    error = 100 * rows[-1]["loss_standard_error"] / rows[-1]["original_average_certified_radius"]
    radius, loss = rows[-1]["average_certified_radius"], rows[-1]["loss_percent"]
    return f"{radius:.3f}, {round(loss, 1) + 0.0:.1f} +- {error:.1f} %"  # no -0.0
