# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The field's certification logs: which images were certified, how far, with how many votes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..certification import radius_cap
from ..certification.checks import check_alpha, check_integer, check_positive
from ..certification.expectation import votes_and_level
from .inversion import invert, is_printed_number, printed_half_widths
from .log_origin import made_with
from .log_table import LogTable, read_table
from .vote_row import DECIMALS

#: Samples behind each row of the field's logs.
USUAL_N = 100_000

#: Most samples behind a row: a table of every number of votes must fit into memory.
MAX_LOG_N = 10_000_000


@dataclasses.dataclass(frozen=True)
class CertificationLog:
    """Certificates of M images, and the votes that their radii tell.

    Attributes
    ----------
    path : pathlib.Path
    index : numpy.ndarray
        int64 [M], distinct: the column idx, or the number of the row.
    labels : numpy.ndarray
        int64 [M]; -1 where the log does not tell.
    predictions : numpy.ndarray
        int64 [M]; -1 where the smoothed classifier abstained.
    radii : numpy.ndarray
        float64 [M], as printed, L2, pixels in [0, 1]; 0 where it abstained.
    correct : numpy.ndarray
        bool [M]; False where it abstained.
    successes : numpy.ndarray
        int64 [M]: votes of the predicted class out of n; 0 where it abstained.
    p_hat : numpy.ndarray
        float64 [M]: successes / n.
    sigma, alpha : float
        What the log was made with.
    n : int
    procedure : str
        Which bound it was made with: two_stage is plain Clopper-Pearson.
    warnings : tuple of str
        What was inferred, assumed, left out or found odd, a sentence each.
    cut_off : int
        Rows that were left out because they end before the last column.
    """

    path: Path
    index: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    radii: np.ndarray
    correct: np.ndarray
    successes: np.ndarray
    p_hat: np.ndarray
    sigma: float
    n: int
    alpha: float
    procedure: str
    warnings: tuple[str, ...]
    cut_off: int = 0

    def __len__(self) -> int:
        return len(self.index)


def _integer(cell: str) -> int:
    value = float(cell)
    if not value.is_integer() or abs(value) >= 2**53:
        raise ValueError
    return int(value)


def _class(cell: str) -> int:
    value = _integer(cell)
    if value < -1:
        raise ValueError
    return value


def _flag(cell: str) -> bool:
    known = {"true": True, "false": False}
    if cell.lower() in known:
        return known[cell.lower()]
    value = _integer(cell)
    if value not in (0, 1):
        raise ValueError
    return bool(value)


_KINDS: dict[str, tuple[Callable[[str], int], str]] = {
    "idx": (_integer, "an integer"),
    "label": (_class, "a class, an integer from 0 on"),
    "predict": (_class, "a class, or -1 for an abstention"),
    "correct": (_flag, "0 or 1"),
}


def _numbers(table: LogTable, name: str) -> np.ndarray | None:
    if name not in table.columns:
        return None
    convert, wanted = _KINDS[name]
    values = []
    for cell, line in zip(table.columns[name], table.lines):
        try:
            values.append(convert(cell))
        except (ValueError, OverflowError):
            raise ValueError(f"line {line}: {name} is {cell!r}, not {wanted}") from None
    return np.array(values, dtype=np.int64)


def _radii(table: LogTable, certified: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the radii, 0 where there is no certificate, and their text where there is."""
    radii, texts = np.zeros(len(certified)), []
    for row in np.flatnonzero(certified):
        cell = table.columns["radius"][row]
        if not is_printed_number(cell) or not 0 <= float(cell) < math.inf:
            raise ValueError(
                f"line {table.lines[row]}: radius is {cell!r}, not a finite number, 0 or above"
            )
        radii[row] = float(cell)
        texts.append(cell)
    return radii, texts


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _without_repeats(rows: list[np.ndarray], warnings: list[str]) -> np.ndarray:
    """Return which rows are the first of their index."""
    _, first, inverse = np.unique(rows[0], return_index=True, return_inverse=True)
    kept = np.sort(first)
    repeated = len(rows[0]) - len(kept)
    if repeated:
        original = first[inverse.reshape(-1)]
        differ = np.logical_or.reduce([values != values[original] for values in rows])
        warnings.append(
            f"{_many(repeated, 'row')} repeat an idx, {int(differ.sum())} of them with other "
            "values: the first of each is used"
        )
    return kept


def read_log(
    path: str | Path,
    *,
    sigma: float | None = None,
    n: int = USUAL_N,
    alpha: float | None = None,
    procedure: str = "two_stage",
) -> CertificationLog:
    """Read a certification log and find the votes behind each radius.

    The log is the field's TSV (Cohen et al. 2019), ``idx label predict radius correct time``.
    `idx`, `time` and one of `label` and `correct` may be missing, columns may stand in any order.

    Parameters
    ----------
    path : str or Path
    sigma : float, optional
        Standard deviation of the noise. None infers it where the largest radius is the cap of
        exactly one usual sigma, else takes it from the name, as in sigma_0.25.tsv.
    n : int
        Samples behind each radius.
    alpha : float, optional
        Error probability of the bound. None infers it where the largest radius is the cap of
        exactly one usual alpha, else assumes 0.001.
    procedure : {'two_stage', 'single_pass'}
        The bound: two_stage for the field's logs, single_pass for those of `rs_monitor evaluate`.

    Returns
    -------
    CertificationLog
        Its `warnings` say what was inferred, assumed or left out.

    Raises
    ------
    ValueError
        With the file and the reason: not a log, a wrong number, a radius that n, sigma and alpha
        cannot give, a sigma that must be given.
    OSError
        When the file cannot be read.
    """
    check_integer("n", n, low=1, high=MAX_LOG_N)
    if sigma is not None:
        check_positive("sigma", sigma)
    if alpha is not None:
        check_alpha(alpha)
    path = Path(path)
    try:
        return _interpret(path, read_table(path), sigma, n, alpha, procedure)
    except ValueError as error:
        raise ValueError(f"log {path}: {error}") from error


def _intervals(radii: np.ndarray, half_widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return middles and half widths of what printed radii may stand for, as `invert` takes them.

    The field rounds to the nearest, `rs_monitor evaluate` rounds down: where the radii have its
    decimals, they may be either.
    """
    unit = 10.0**-DECIMALS
    if not np.allclose(half_widths, unit / 2, rtol=1e-6, atol=0.0):
        return radii, half_widths
    return radii + unit / 4, np.full_like(half_widths, 0.75 * unit)


def _interpret(
    path: Path, table: LogTable, sigma: float | None, n: int, alpha: float | None, procedure: str
) -> CertificationLog:
    warnings = list(table.warnings)
    predictions = _numbers(table, "predict")
    labels, flags = _numbers(table, "label"), _numbers(table, "correct")
    index = _numbers(table, "idx")
    if index is None:
        index = np.arange(len(predictions), dtype=np.int64)
        warnings.append("there is no column idx: rows are numbered")
    certified = predictions >= 0
    radii, texts = _radii(table, certified)
    half_widths = np.zeros(len(radii))
    half_widths[certified] = printed_half_widths(texts)
    if flags is None:
        flags = (labels == predictions).astype(np.int64)
        warnings.append("there is no column correct: right is where label equals predict")
    elif labels is None:
        labels = np.where(certified & (flags == 1), predictions, -1)
        warnings.append("there is no column label: column correct tells what is right")
    else:
        odd = int(np.sum(certified & ((labels == predictions) != (flags == 1))))
        if odd:
            warnings.append(
                f"in {_many(odd, 'row')} column correct contradicts label and predict: correct "
                "is used"
            )
    odd = int(np.sum(~certified & (flags == 1)))
    if odd:
        warnings.append(f"{_many(odd, 'abstention')} called correct: counted as abstentions")

    kept = _without_repeats([index, labels, predictions, flags, radii], warnings)
    index, labels, predictions, flags = (v[kept] for v in (index, labels, predictions, flags))
    lines = np.array(table.lines)[kept]
    radii, half_widths, certified = radii[kept], half_widths[kept], certified[kept]

    own = _intervals(radii[certified], half_widths[certified])
    sigma, alpha, said = made_with(*own, path, sigma=sigma, n=n, alpha=alpha, procedure=procedure)
    warnings += said
    most = radius_cap(n, sigma, votes_and_level(n, alpha, procedure)[1])
    above = np.flatnonzero(radii > most + half_widths + 1e-6 * most)
    if above.size:
        raise ValueError(
            f"line {lines[above[0]]}: radius {radii[above[0]]:g} is above {most:.4g}, the most "
            f"that n={n}, sigma={sigma:g}, alpha={alpha:g} can give"
            + (f" ({_many(int(above.size), 'row')} so)" if above.size > 1 else "")
            + ": was the log made with others, or is the row damaged?"
        )
    successes = np.zeros(len(radii), dtype=np.int64)
    inversion = invert(*own, n=n, sigma=sigma, alpha=alpha, procedure=procedure)
    successes[certified] = inversion.votes
    unexplained = int(np.sum(~inversion.explained))
    if unexplained:
        warnings.append(
            f"{_many(unexplained, 'radius') if unexplained == 1 else f'{unexplained} radii'} of "
            f"{int(certified.sum())} are those of no number of votes at n={n}, sigma={sigma:g}, "
            f"alpha={alpha:g}, beyond rounding: the nearest number is taken; check these settings"
        )
    return CertificationLog(
        path=path,
        index=index,
        labels=labels,
        predictions=predictions,
        radii=radii,
        correct=certified & (flags == 1),
        successes=successes,
        p_hat=successes / n,
        sigma=sigma,
        n=n,
        alpha=alpha,
        procedure=procedure,
        warnings=tuple(warnings),
        cut_off=table.cut_off,
    )
