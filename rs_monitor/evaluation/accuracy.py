# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certified accuracy and average certified radius of a labelled data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..certification import LEAST_N
from ..certification.expectation import radii_by_votes
from ..datasets import LabelledImages
from ..sampling import most_invalid
from ..settings import Settings
from .measuring import Measured

# Radii at which certified accuracy is reported, on pixels in [0, 1].
RADII = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)

# Chances that are worked on at once: 16 MB.
_BLOCK = 2_000_000


def clustered_error(values: np.ndarray, group: np.ndarray) -> float:
    """Return the standard error of a mean whose values depend on each other within groups.

    Parameters
    ----------
    values : numpy.ndarray
        float [N].
    group : numpy.ndarray
        int [N]; NaN is returned for fewer than two groups.
    """
    names, index = np.unique(group, return_inverse=True)
    if len(names) < 2:
        return float("nan")
    sums = np.bincount(index, values - values.mean())
    return float(np.sqrt(len(names) / (len(names) - 1) * (sums**2).sum()) / len(values))


def summary(
    n: int,
    expected: np.ndarray,
    certified: Mapping[float, np.ndarray],
    group: np.ndarray,
) -> dict:
    """Return the row of one n: means over the images and their standard errors.

    Parameters
    ----------
    n : int
    expected : numpy.ndarray
        float [N]: expected radius of each image, 0 for a wrong class.
    certified : mapping of float to numpy.ndarray
        float [N] for each radius: probability of a right certificate of at least that radius.
    group : numpy.ndarray
        int [N], as for `clustered_error`.
    """
    return {
        "n": n,
        "average_certified_radius": float(expected.mean()),
        "standard_error": clustered_error(expected, group),
        "certified_accuracy": {f"{r:g}": float(v.mean()) for r, v in certified.items()},
        "certified_accuracy_standard_error": {
            f"{r:g}": clustered_error(v, group) for r, v in certified.items()
        },
    }


def hypergeometric(
    marked_drawn: int | np.ndarray, total: int, marked: int | np.ndarray, n: int
) -> np.ndarray:
    """Return the probability of so many marked ones among n drawn of `total` without replacement.

    Parameters
    ----------
    marked_drawn, marked : int or numpy.ndarray of int
        Among the n and among all; of shapes that broadcast.
    total, n : int
        n <= total.

    Returns
    -------
    numpy.ndarray
        float64, of the shape that both broadcast to (`scipy.stats.hypergeom.pmf`).
    """
    from scipy.stats import hypergeom  # here: it takes as long to import as all other modules

    return hypergeom.pmf(marked_drawn, total, marked, n)


def expected_by_votes(votes: np.ndarray, n: int, total: int, values: np.ndarray) -> np.ndarray:
    """Return the exact expectation over sub-draws of n among `total` samples.

    Parameters
    ----------
    votes : numpy.ndarray
        int [N], of a class among the `total` samples: among n of them they are hypergeometric.
    n, total : int
        n <= total.
    values : numpy.ndarray
        float [n + 1] or [n + 1, M], by the number of votes among the n.

    Returns
    -------
    numpy.ndarray
        float [N] or [N, M].
    """
    if n == total:
        return values[votes]
    kinds, inverse = np.unique(votes, return_inverse=True)
    step = max(1, _BLOCK // (n + 1))
    means = [
        hypergeometric(np.arange(n + 1)[None, :], total, kinds[start : start + step, None], n)
        @ values
        for start in range(0, len(kinds), step)
    ]
    return np.concatenate(means)[inverse]


def expected_of_draws(
    votes: np.ndarray, invalid: int, allowed: int, n: int, total: int, values: np.ndarray
) -> np.ndarray:
    """Return what `expected_by_votes` does where some of the `total` samples are invalid.

    With more than `allowed` invalid ones among its n a sub-draw fails, whatever its votes.

    Parameters
    ----------
    votes, n, total, values
        As there.
    invalid : int
        Among the `total` samples, and votes for no class.
    allowed : int
        Most of them among n.
    """
    if not invalid:
        return expected_by_votes(votes, n, total, values)
    mean = np.zeros((len(votes), *values.shape[1:]))
    for drawn in range(max(0, n + invalid - total), min(n, invalid, allowed) + 1):
        chance = hypergeometric(drawn, total, invalid, n)
        part = values[: n - drawn + 1]
        mean += chance * expected_by_votes(votes, n - drawn, total - invalid, part)
    return mean


def _expected(results: Sequence[Measured], n: int, total: int, values: np.ndarray) -> np.ndarray:
    votes = np.array([result.true_votes for result in results])
    invalid = np.array([result.votes.invalid for result in results])
    mean = np.empty((len(votes), *values.shape[1:]))
    for number in np.unique(invalid):
        these = invalid == number
        options = int(number), most_invalid(n), n, total, values
        mean[these] = expected_of_draws(votes[these], *options)
    return mean


def expected_radii(
    results: Sequence[Measured], n: int, total: int, *, sigma: float, alpha: float
) -> np.ndarray:
    """Return each image's expected radius at n of `total` samples, float [N]; see `rows`."""
    return _expected(results, n, total, radii_by_votes(n, sigma, alpha, "single_pass"))


def reaching(
    results: Sequence[Measured],
    labels: np.ndarray,
    n: int,
    total: int,
    *,
    sigma: float,
    alpha: float,
    procedure: str = Settings.procedure,
    radii: Sequence[float],
) -> dict[float, np.ndarray]:
    """Return each image's chance of a right certificate of at least each radius; see `rows`.

    Parameters
    ----------
    results : sequence of Measured
    labels : numpy.ndarray
        int [N].
    n, total : int
        n <= total; total itself for a procedure that needs the votes of all classes.
    sigma, alpha, procedure
        As for `measure`.
    radii : sequence of float

    Returns
    -------
    dict of float to numpy.ndarray
        float [N] for each radius.
    """
    if procedure in LEAST_N:
        by_votes = radii_by_votes(n, sigma, alpha, procedure)
        wanted = np.asarray(radii, np.float64)
        reached = (by_votes[:, None] > 0) & (by_votes[:, None] >= wanted)
        return dict(zip(radii, _expected(results, n, total, reached.astype(np.float64)).T))
    mine = right_radii(results, labels)
    return {r: ((mine > 0) & (mine >= r)).astype(np.float64) for r in radii}


def right_radii(results: Sequence[Measured], labels: np.ndarray) -> np.ndarray:
    """Return the certified radius of each image, 0 for a wrong class or none, float [N]."""
    certificates = [result.certificate for result in results]
    return np.array([c.radius * (c.class_id == k) for c, k in zip(certificates, labels)])


def rows(
    results: Sequence[Measured],
    data: LabelledImages,
    *,
    ns: Sequence[int],
    sigma: float,
    alpha: float,
    procedure: str = Settings.procedure,
    radii: Sequence[float] = RADII,
) -> list[dict]:
    """Summarise at each n.

    A smaller n is the exact expectation over its sub-draws: of the n_max samples, of which the
    true class has K, n are hypergeometric. A certificate of the procedures of `LEAST_N` needs more
    than half of the votes, so a certified true class is the top class. A sub-draw of which too
    many samples are invalid is none that a robot would certify. Images that abstain or are
    certified as another class count 0 (Zhai et al. 2020, average certified radius).

    Parameters
    ----------
    results : sequence of Measured
        Of `measure`, with the same ns, sigma and alpha.
    data : LabelledImages
    ns, sigma, alpha, procedure
        As for `measure`; a procedure that needs the votes of all classes takes one n.
    radii : sequence of float
        At which certified accuracy is told; it is 0 beyond the cap of n.

    Returns
    -------
    list of dict
        `summary`, and smoothed_accuracy (of the first n samples) with its standard error.
    """
    total = ns[-1]
    table = []
    for n in ns:
        if procedure in LEAST_N:
            expected = expected_radii(results, n, total, sigma=sigma, alpha=alpha)
        else:
            expected = right_radii(results, data.labels)
        options = {"sigma": sigma, "alpha": alpha, "procedure": procedure, "radii": radii}
        certified = reaching(results, data.labels, n, total, **options)
        right = np.array(
            [result.top_class[n] == label for result, label in zip(results, data.labels)], float
        )
        table.append(
            summary(n, expected, certified, data.group)
            | {
                "smoothed_accuracy": float(right.mean()),
                "smoothed_accuracy_standard_error": clustered_error(right, data.group),
            }
        )
    return table
