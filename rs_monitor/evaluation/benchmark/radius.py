# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What radius so many samples buy."""

from __future__ import annotations

from typing import Any

from ...certification import LEAST_N, PROCEDURES, runner_up_cap
from ...certification.expectation import radii_by_votes
from ...certification.planning import cap
from ...models import Model, evaluation_key
from ...settings import MAX_N
from ..class_probabilities import ClassProbabilities


def radius_bought(
    n: int,
    *,
    sigma: float,
    alpha: float,
    procedure: str,
    model: Model | None = None,
    probabilities: ClassProbabilities | None = None,
) -> dict[str, Any]:
    """Return the average certified radius to expect with n samples, and where it is from.

    Parameters
    ----------
    n : int
        Samples of the bound; above MAX_N as MAX_N.
    sigma, alpha : float
    procedure : str
    model : Model, optional
        Its card may hold an evaluation of this very file: that at the largest n of at most this
        one is a radius that n samples reach.
    probabilities : ClassProbabilities, optional
        Of a certification log: the expectation at this n, at most at the log's, for the
        procedures of `LEAST_N`.

    Returns
    -------
    dict
        n; cap, the most that n samples can certify; average_certified_radius, None where unknown;
        source: "log", "card" or "cap"; at_n: what that radius was told for.
    """
    n = min(n, MAX_N)
    if n < PROCEDURES[procedure](alpha):
        return {"n": n, "cap": 0.0, "average_certified_radius": 0.0, "source": "cap", "at_n": n}
    if procedure in LEAST_N:
        most = cap(n, sigma, alpha, procedure)
    else:
        most = runner_up_cap(n, sigma, alpha)
    result = {"n": n, "cap": most, "average_certified_radius": None}
    if probabilities is not None:
        if probabilities.sigma != sigma:
            raise ValueError(
                f"{probabilities.name} was made at sigma {probabilities.sigma:g}, not {sigma:g}"
            )
        # Estimates from fewer samples than n would make its radius too large.
        known = min(n, probabilities.n)
        mean = 0.0
        if known >= PROCEDURES[procedure](alpha):
            mean = probabilities.expected_radius(radii_by_votes(known, sigma, alpha, procedure))
        return result | {"average_certified_radius": mean, "source": "log", "at_n": known}
    conditions = {"sigma": sigma, "alpha": alpha, "procedure": procedure}
    rows = _card_rows(model, conditions) if model is not None else {}
    known = max((at for at in rows if at <= n), default=None)
    if known is not None:
        return result | {
            "average_certified_radius": rows[known], "source": "card", "at_n": known
        }  # fmt: skip
    return result | {"source": "cap", "at_n": n}


def _card_rows(model: Model, conditions: dict[str, Any]) -> dict[int, float]:
    """Return radii by n of the evaluation in a card, where it is of this file and conditions."""
    details = model.card.details
    evaluation = (details["int8"] if model.card.is_twin else details).get(
        evaluation_key(conditions["procedure"])
    )
    if not isinstance(evaluation, dict) or evaluation.get("model_id") != model.model_id:
        return {}
    if any(evaluation.get(name) != value for name, value in conditions.items()):
        return {}
    rows = [row for row in evaluation.get("rows") or [] if isinstance(row, dict)]
    pairs = [(row.get("n"), row.get("average_certified_radius")) for row in [*rows, evaluation]]
    return {n: radius for n, radius in pairs if isinstance(n, int) and isinstance(radius, float)}
