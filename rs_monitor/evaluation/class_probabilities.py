# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How probable the right class is under noise, image by image: what a plan rests on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..certification.checks import check_integer, check_positive
from ..certification.expectation import certified_probabilities, expected_radii
from ..files import read_file
from .accuracy import expected_by_votes
from .logs import CertificationLog
from .prediction import right_probabilities

_MAX_BYTES = 1 << 28
# So many times n, and sub-draws are as good as draws: shares taken for probabilities add a
# hundredth to the variance of the votes.
_MANY = 100


@dataclasses.dataclass(frozen=True)
class ClassProbabilities:
    """Estimates for M images under noise of one sigma.

    Attributes
    ----------
    name : str
        Of the file they come from.
    sigma : float
    p : numpy.ndarray
        float64 [M]: share of the right class's votes; 0 where unknown because another class won.
    n : int
        Samples behind each estimate.
    """

    name: str
    sigma: float
    p: np.ndarray
    n: int

    def expected_radius(self, radii: np.ndarray) -> float:
        """Expect the average certified radius with the n of `radii`.

        Up to the samples behind the estimates the expectation is over sub-draws of them, which
        has no bias; with more it takes p for the probability itself, and is too large.

        Parameters
        ----------
        radii : numpy.ndarray
            float64 [n + 1], by the votes of the class (`certification.expectation`).
        """
        return float(self._expected(radii, lambda: expected_radii(self.p, radii)).mean())

    def certified_accuracy(self, radii: np.ndarray, wanted: float) -> float:
        """Expect, likewise, the share of certificates of at least the wanted radius."""
        reached = ((radii > 0) & (radii >= wanted)).astype(np.float64)
        chances = self._expected(reached, lambda: certified_probabilities(self.p, radii, wanted))
        return float(chances.mean())

    def _expected(self, values: np.ndarray, of_binomial: Callable[[], np.ndarray]) -> np.ndarray:
        n = len(values) - 1
        if n > self.n or n * _MANY <= self.n:
            return of_binomial()
        votes = np.rint(self.p * self.n).astype(np.int64)
        return expected_by_votes(votes, n, self.n, values)


def from_log(log: CertificationLog) -> ClassProbabilities:
    """Return what a certification log tells."""
    return ClassProbabilities(log.path.name, log.sigma, right_probabilities(log), log.n)


def is_evaluation(path: str | Path) -> bool:
    """Return whether a file is JSON rather than a log, by how it begins."""
    return read_file(path, _MAX_BYTES)[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def read_evaluation(path: str | Path) -> ClassProbabilities:
    """Read the JSON of `rs_monitor evaluate`.

    Raises
    ------
    ValueError
        With the file and the reason, for anything that is not such an evaluation.
    OSError
        When the file cannot be read.
    """
    try:
        document = json.loads(read_file(path, _MAX_BYTES).decode("utf-8-sig"))
        if not isinstance(document, dict) or not isinstance(document.get("true_votes"), list):
            raise ValueError("it has no true_votes, which rs_monitor evaluate --json writes")
        if not isinstance(document.get("rows"), list) or not document["rows"]:
            raise ValueError("it has no rows")
        sigma = check_positive("sigma", document.get("sigma"))
        n = check_integer("n", max(row["n"] for row in document["rows"]), low=1)
        votes = np.array(
            [check_integer("true_votes", v, low=0, high=n) for v in document["true_votes"]]
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"evaluation {path}: it is not JSON: {error}") from error
    except (TypeError, KeyError) as error:
        raise ValueError(f"evaluation {path}: a row has no n") from error
    except ValueError as error:
        raise ValueError(f"evaluation {path}: {error}") from error
    if not votes.size:
        raise ValueError(f"evaluation {path}: it has no images")
    return ClassProbabilities(Path(path).name, sigma, votes / n, n)
