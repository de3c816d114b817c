# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From printed certified radii back to the votes behind them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from ..certification.expectation import radii_by_votes, votes_and_level

# Radii are computed in floating point by another SciPy: this much is not a difference.
ROUNDING = 1e-9

_NUMBER = re.compile(r"[+-]?(?P<whole>\d*)\.?(?P<part>\d*)(?:[eE](?P<exponent>[+-]?\d{1,4}))?")


def is_printed_number(text: str) -> bool:
    """Return whether `printed_half_widths` can read a text."""
    return bool(re.search(r"\d", text)) and bool(_NUMBER.fullmatch(text))


def printed_half_widths(texts: Sequence[str]) -> np.ndarray:
    """Return half the interval of values that each printed number may stand for.

    Logs print a fixed number of decimals, or of significant digits of which trailing zeros are
    dropped; the longest of the numbers tells how many there are of each, and of the two readings
    the wider interval is taken.

    Parameters
    ----------
    texts : sequence of str
        Numbers as printed, such as 0.73, 0.9529, 2.24e-05.

    Returns
    -------
    numpy.ndarray
        float64 [M]: half a unit in the last digit that was printed.
    """
    decimals, digits, leading = [], [], []
    for text in texts:
        match = _NUMBER.fullmatch(text)
        whole, part = match["whole"], match["part"]
        exponent = int(match["exponent"] or 0)
        figures = (whole + part).lstrip("0")
        decimals.append(max(len(part) - exponent, 0))
        digits.append(len(figures))
        # The power of ten of the first digit that is not 0.
        leading.append(len(figures) - len(part) - 1 + exponent if figures else -400)
    if not decimals:
        return np.zeros(0)
    last_decimal = 10.0 ** -max(decimals)
    last_digit = 10.0 ** (np.array(leading, float) - max(max(digits), 1) + 1)
    return 0.5 * np.maximum(last_decimal, last_digit)


@dataclasses.dataclass(frozen=True)
class Inversion:
    """Votes behind printed radii.

    Attributes
    ----------
    votes : numpy.ndarray
        int64 [M]: the middle one of those that give the radius as printed, or the nearest.
    explained : numpy.ndarray
        bool [M]: whether any number of votes gives the radius as printed.
    """

    votes: np.ndarray
    explained: np.ndarray


def invert(
    radii: np.ndarray,
    half_widths: np.ndarray,
    *,
    n: int,
    sigma: float,
    alpha: float,
    procedure: str,
) -> Inversion:
    """Find the number of votes out of n behind each certified radius.

    Parameters
    ----------
    radii, half_widths : numpy.ndarray
        float64 [M]: radii as printed, and `printed_half_widths`.
    n, sigma, alpha, procedure
        What the radii were certified with, see `radii_by_votes`.

    Raises
    ------
    ValueError
        As `radii_by_votes`, and for an n that certifies nothing.
    """
    required, _ = votes_and_level(n, alpha, procedure)
    if required > n:
        raise ValueError(f"n={n} could never certify at alpha={alpha}")
    table = radii_by_votes(n, sigma, alpha, procedure)[required:]
    slack = half_widths + ROUNDING * np.maximum(radii, sigma)
    low = np.searchsorted(table, radii - slack, "left")
    high = np.searchsorted(table, radii + slack, "right") - 1
    explained = high >= low
    above = np.clip(np.searchsorted(table, radii), 1, max(table.size - 1, 1))
    above = np.minimum(above, table.size - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(radii - table[below] <= table[above] - radii, below, above)
    return Inversion(required + np.where(explained, (low + high) // 2, nearest), explained)
