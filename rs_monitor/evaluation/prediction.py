# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What fewer samples would have certified, from a certification log at many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..certification.expectation import certified_probabilities, expected_radii, radii_by_votes
from .accuracy import RADII, clustered_error, summary
from .logs import CertificationLog


def right_probabilities(log: CertificationLog) -> np.ndarray:
    """Return the estimated probability of the right class of each image of a log.

    Returns
    -------
    numpy.ndarray
        float64 [M]: the share of its votes; 0 where the log abstains or is wrong, so that such
        an image counts 0 at every n.
    """
    return np.where(log.correct, log.p_hat, 0.0)


def predict(
    log: CertificationLog,
    *,
    ns: Sequence[int],
    alpha: float,
    procedure: str,
    radii: Sequence[float] = RADII,
) -> list[dict]:
    """Expect the certified accuracy and the average certified radius at each n.

    The expectation over k ~ Bin(n, p) votes, p the share of votes in the log, is exact. Where the
    class is chosen from samples of its own, that is taken to succeed: an image whose class is in
    doubt is hardly ever certified.

    Parameters
    ----------
    log : CertificationLog
    ns : sequence of int
        At most the log's n: p is no better known than its samples tell.
    alpha : float
        Error probability of the predicted certificates; the log's own may differ.
    procedure : {'two_stage', 'single_pass'}
    radii : sequence of float
        Radii at which certified accuracy is told.

    Returns
    -------
    list of dict
        `summary` for independent images, and smoothed_accuracy: the share that the log has right,
        whatever n.

    Raises
    ------
    ValueError
        For an n above the log's, or one with which the procedure could never certify at alpha.
    """
    p = right_probabilities(log)
    group = np.arange(len(log))
    right = {
        "smoothed_accuracy": float(log.correct.mean()),
        "smoothed_accuracy_standard_error": clustered_error(log.correct.astype(float), group),
    }
    table = []
    for n in ns:
        if n > log.n:
            raise ValueError(
                f"n must be at most {log.n}, the samples behind the log's radii, got {n}"
            )
        by_votes = radii_by_votes(n, log.sigma, alpha, procedure)
        if not by_votes[-1] > 0:
            raise ValueError(f"n={n} could never certify with {procedure} at alpha={alpha:g}")
        certified = {r: certified_probabilities(p, by_votes, r) for r in radii}
        table.append(summary(n, expected_radii(p, by_votes), certified, group) | right)
    return table
