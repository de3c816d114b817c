# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How probable the right class is under noise, image by image: what a plan rests on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from ..certification.checks import check_integer, check_positive
from ..files import read_file
from .logs import CertificationLog
from .prediction import right_probabilities

_MAX_BYTES = 1 << 28


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
