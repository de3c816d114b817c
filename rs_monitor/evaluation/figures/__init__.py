# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's figures, propositions and claims, from formulas, logs and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence

from . import formulas, histograms, latency, lemma, radii
from .claims import CLAIM_COLUMNS, compute_claims
from .curves import Curves, compute_curves
from .discovery import FoundLogs, find_logs
from .figure import Figure
from .latency import Benchmark, read_benchmark
from .writing import (
    FiguresUnavailable,
    check_picture,
    output_folder,
    require_matplotlib,
    write_csv,
    write_figures,
    write_picture,
)

__all__ = [
    "CLAIM_COLUMNS",
    "Benchmark",
    "Curves",
    "Figure",
    "FiguresUnavailable",
    "FoundLogs",
    "check_picture",
    "compute_claims",
    "compute_curves",
    "compute_figures",
    "find_logs",
    "output_folder",
    "read_benchmark",
    "require_matplotlib",
    "write_csv",
    "write_figures",
    "write_picture",
]


def compute_figures(
    found: FoundLogs, curves: Curves, benchmarks: Sequence[Benchmark], alpha: float
) -> list[Figure]:
    """Return figures 1 to 13, propositions 3.1 to 3.3 and Lemma C.1, in this order.

    Parameters
    ----------
    found : FoundLogs
        Empty where there are none: the figures are made all the same and say so.
    curves : Curves
        Of those logs.
    benchmarks : sequence of Benchmark
    alpha : float
        Of the certificates.
    """
    numbered = [
        *radii.figures(found, curves, alpha),
        latency.figure_5(benchmarks),
        formulas.figure_6(alpha, curves),
        formulas.figure_11(alpha),
        formulas.figure_12(),
        histograms.figure_13(found),
    ]
    return [
        *sorted(numbered, key=lambda figure: figure.name),
        formulas.proposition_1(alpha),
        formulas.proposition_2(alpha),
        formulas.proposition_3(alpha),
        lemma.lemma_figure(alpha),
    ]
