# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Lemma C.1: how often each algorithm over-states its radius, exactly, for two classes.

Class A has probability p >= 1/2, B the rest. An algorithm over-states when it certifies A with a
bound above p, or B at all. More classes add nothing (see `certification.pairs`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import bdtrc

from ...certification import (
    least_n_single_pass,
    lower_bound,
    overstatement_probability,
    single_pass_pair,
)
from ...certification.expectation import votes_and_level
from .figure import GREY, Figure, finish, legend, samples_axis, style

ALGORITHM_1 = "Algorithm 1"
ALGORITHM_2 = "Algorithm 2 with n0 = n"
SOUND = "sound single pass"

_N = 100
_NS = (10, 11, 13, 15, 18, 20, 25, 30, 40, 50, 70, 100, 140, 200, 300, 400, 500, 700, 1_000)


def _probabilities(n: int, required: int, level: float) -> np.ndarray:
    """Return the p worth looking at: a grid, and both sides of every jump."""
    bounds = lower_bound(np.arange(required, n + 1), n, level)
    bounds = bounds[bounds > 0.5]
    return np.unique(np.concatenate([np.linspace(0.5, 0.999, 250), bounds - 1e-12, bounds]))


def overstated(p: np.ndarray, n: int, required: int, level: float) -> tuple[Any, Any]:
    """Return, for each p, the probability that A's bound exceeds p, and that B is certified.

    Parameters
    ----------
    p : numpy.ndarray
        float64, each in [1/2, 1).
    n : int
    required : int
        Votes from which on a class is certified, more than n/2.
    level : float
        Of the Clopper-Pearson bound.
    """
    bounds = lower_bound(np.arange(n + 1), n, level)
    first = np.maximum(np.searchsorted(bounds, p, "right"), required)
    return bdtrc(first - 1, n, p), bdtrc(required - 1, n, 1 - p)


def algorithm_1(p: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Return the probability of an over-stated radius by the paper's Algorithm 1."""
    a, b = overstated(p, n, *votes_and_level(n, alpha, "two_stage"))
    return a + b


def algorithm_2(p: np.ndarray, n: int, alpha: float, n_selection: int) -> np.ndarray:
    """Return the probability of an over-stated radius by Algorithm 2; ties go to A."""
    a, b = overstated(p, n, *votes_and_level(n, alpha, "two_stage"))
    chosen = chosen_probability(p, n_selection)
    return chosen * a + (1 - chosen) * b


def chosen_probability(p: np.ndarray, n_selection: int) -> np.ndarray:
    """Return the probability that a class of probability p is chosen over one of 1 - p."""
    return bdtrc((n_selection - 1) // 2, n_selection, p)


def single_pass(p: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Return the probability of an over-stated radius by the sound single pass."""
    pair = single_pass_pair(n, alpha)
    a, b = overstated(p, n, pair.k_min, pair.alpha_bound)
    return a + b


def suprema(n: int, alpha: float) -> dict[str, float]:
    """Return the largest probability of an over-stated radius of each algorithm that can certify.

    Parameters
    ----------
    n : int
        Samples, of Algorithm 2 in each of its two stages.
    alpha : float
    """
    required, level = votes_and_level(n, alpha, "two_stage")
    if required > n:
        return {}
    p = _probabilities(n, required, level)
    values = {
        ALGORITHM_1: overstatement_probability(n, required, level),
        ALGORITHM_2: float(algorithm_2(p, n, alpha, n).max()),
    }
    if n >= least_n_single_pass(alpha):
        pair = single_pass_pair(n, alpha)
        values[SOUND] = overstatement_probability(n, pair.k_min, pair.alpha_bound)
    return values


def lemma_figure(alpha: float) -> Figure:
    """Over-statement against p at n = 100, and its supremum against n."""
    curves, rows = {}, []
    if _N >= least_n_single_pass(alpha):
        p = _probabilities(_N, *votes_and_level(_N, alpha, "two_stage"))
        pair = single_pass_pair(_N, alpha)
        p = np.union1d(p, _probabilities(_N, pair.k_min, pair.alpha_bound))
        curves = {
            ALGORITHM_1: algorithm_1(p, _N, alpha),
            ALGORITHM_2: algorithm_2(p, _N, alpha, _N),
            SOUND: single_pass(p, _N, alpha),
        }
        for name, values in curves.items():
            points = zip(p.tolist(), values.tolist())
            rows += [("probability", name, _N, *point) for point in points]
    missing = () if curves else (f"n = {_N}: too few samples to certify at this α",)
    highest = {n: suprema(n, alpha) for n in _NS}
    rows += [
        ("supremum", name, n, "", value)
        for n, values in highest.items()
        for name, value in values.items()
    ]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2, sharey=True)
        samples_axis(right, _NS)
        for index, name in enumerate((ALGORITHM_1, ALGORITHM_2, SOUND)):
            if name in curves:
                left.plot(p, curves[name] / alpha, **style(index, marker=False))
            points = [(n, values[name] / alpha) for n, values in highest.items() if name in values]
            if points:
                right.plot(*zip(*points), label=name, **style(index))
        for axes in (left, right):
            axes.axhline(1, color=GREY, linewidth=1)
            axes.set_ylim(0, 2.05)
        left.set_xlim(0.5, 0.62)  # from there on they hardly differ
        finish(
            left, x="probability p of the top class", y="P[radius over-stated] / α",
            title=f"n = {_N}",
        )  # fmt: skip
        finish(right, x="samples n", y="", title="supremum over p")
        legend(figure, right, missing, columns=3)

    return Figure(
        "lemma_c1",
        f"Lemma C.1. Radii over-stated, as a multiple of α = {alpha:g}",
        ("panel", "algorithm", "n", "p", "probability"),
        rows,
        draw,
        missing,
        3.4,
    )
