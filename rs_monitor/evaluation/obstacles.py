# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Why a wish cannot be had, and what would make it possible."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any

from ..certification.planning import (
    false_certificates_per_hour,
    least_alpha,
    least_sigma_for_radius,
)
from ..settings import ALPHA_RANGE, MAX_N, SIGMA_RANGE
from .wish import Wish


def _rounded(value: float, rounding: str) -> str:
    return f"{float(Context(3, rounding).create_decimal_from_float(value)):g}"


def at_most(value: float) -> str:
    """Return three digits of a value, rounded down."""
    return _rounded(value, ROUND_FLOOR)


def at_least(value: float) -> str:
    """Return three digits of a value, rounded up."""
    return _rounded(value, ROUND_CEILING)


def obstacle(why: str, remedies: list[str]) -> dict[str, Any]:
    """Return a reason why a wish cannot be had, with what removes it: any one of the remedies."""
    return {"why": why, "remedies": remedies}


def _more_samples(
    wish: Wish, procedure: str, drawn: int | None, answer: dict, needed: int
) -> list:
    total = needed + wish.extra(procedure)
    rate = wish.frame_rate_for(needed, procedure)
    if answer["n_from"] == "machine":
        return [
            f"at most {at_most(rate)} frames/s on this machine",
            f"a machine that draws {total} samples in the time",
        ]
    slower = ""
    if drawn is not None and total > drawn:
        slower = f" at no more than {at_most(rate)} frames/s"
    return [f"n of at least {needed}{slower}"]


def _larger_alpha(wish: Wish, alpha: float, enough: float) -> list[str]:
    if not alpha < enough <= ALPHA_RANGE[1]:
        return []
    remedy = f"an alpha of at least {at_least(enough)}"
    if wish.frame_rate is not None:
        allowed = false_certificates_per_hour(enough, wish.frame_rate)
        remedy += f", which allows {at_least(allowed)} false certificates an hour"
    return [remedy]


def obstacles_of(
    wish: Wish, procedure: str, alpha: float, drawn: int | None, answer: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return why a procedure cannot fulfil a wish.

    Parameters
    ----------
    wish : Wish
    procedure : str
    alpha : float
        As settled.
    drawn : int or None
        Samples that the machine draws in a frame.
    answer : dict
        least_n, n, n_from and the rows of `sigmas`.
    """
    found = []
    n, least, extra = answer["n"], answer["least_n"], wish.extra(procedure)
    if answer["n_from"] == "given" and drawn is not None and n + extra > drawn:
        besides = f" and {extra} to select the class" if extra else ""
        remedies = [f"at most {at_most(wish.frame_rate_for(n, procedure))} frames/s"]
        if drawn > extra:
            remedies.append(f"n of at most {drawn - extra}")
        found.append(
            obstacle(f"n={n}{besides} take longer than the frame leaves: {drawn} fit", remedies)
        )
    rows = answer["sigmas"] if wish.radius else []
    row = max(rows, key=lambda row: row["sigma"], default=None)
    needed = least if row is None else row["least_n_for_radius"]
    more = [] if needed is None else _more_samples(wish, procedure, drawn, answer, needed)
    if n:
        target = () if row is None else (wish.radius, row["sigma"])
        more += _larger_alpha(wish, alpha, least_alpha(n, procedure, *target))
    if n is not None and n < least:
        why = f"n={n} can never certify at alpha {alpha:.3g}: it takes {least}"
        return [*found, obstacle(why, more)]
    if row is None or any((other["cap"] or 0.0) >= wish.radius for other in rows):
        return found
    most = n or MAX_N
    least_sigma = least_sigma_for_radius(wish.radius, most, alpha, procedure)
    if least_sigma <= SIGMA_RANGE[1]:
        more.append(
            f"a sigma of at least {at_least(least_sigma)} with n={most}, and a model trained for "
            "it"
        )
    if row["cap"] is None:
        why = f"radius {wish.radius:g} takes more than {MAX_N} samples at sigma {row['sigma']:g}"
    else:
        why = (
            f"radius {wish.radius:g} is above {row['cap']:.4g}, the cap at n={n}, "
            f"sigma {row['sigma']:g}, alpha {alpha:.3g}"
        )
    return [*found, obstacle(why, more)]
