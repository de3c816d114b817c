# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A plan: from some of n, sigma, alpha, radius, frame rate and machine, the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..certification import LEAST_N
from ..certification.expectation import radii_by_votes
from ..certification.planning import (
    alpha_per_frame,
    cap,
    false_certificates_per_hour,
    least_n_for_radius,
    least_sigma_for_radius,
)
from ..settings import ALPHA_RANGE, MAX_N, Settings
from .class_probabilities import ClassProbabilities
from .obstacles import at_least, at_most, obstacle, obstacles_of
from .wish import Wish

ALPHA_NOTE = (
    "alpha bounds the probability, per frame, of publishing an over-stated radius, not the share "
    "of false ones among the certificates published: where nearly every frame abstains, all that "
    "is published may be false"
)
TIME_NOTE = (
    "decoding, resizing and publishing take time of the frame too: rs_monitor demo measures the "
    "whole"
)


def plan(wish: Wish) -> dict[str, Any]:
    """Compute what follows from a wish, for each procedure.

    Returns
    -------
    dict
        alpha and where it is from; false_certificates_per_hour, frame_rate and
        samples_in_period where known; obstacles of the stream, each with why and remedies; for
        each of `procedures` its least_n, n, a row for each of `sigmas`, best_sigma, possible and
        obstacles; notes.

    Raises
    ------
    ValueError
        For a value outside its range.
    """
    obstacles, notes = [], [ALPHA_NOTE]
    alpha, source = _alpha(wish, obstacles, notes)
    drawn = None
    if wish.speed is not None:
        notes.append(TIME_NOTE)
        if wish.frame_rate is not None:
            drawn = min(wish.speed.samples(wish.budget_fraction / wish.frame_rate), MAX_N)
    rate, tolerated = wish.frame_rate, wish.false_per_hour
    procedures = {
        procedure: _for_procedure(wish, procedure, alpha, drawn, not obstacles)
        for procedure in LEAST_N
    }
    rows = [row for answer in procedures.values() for row in answer["sigmas"]]
    some_n = any(row["n"] for row in rows) or any(a["n"] for a in procedures.values())
    if not some_n and wish.probabilities:
        notes.append(
            "what radius to expect depends on n: give n, or a frame rate and the machine's speed"
        )
    if not some_n and not rows and wish.radius is not None:
        notes.append(
            f"the n that radius {wish.radius:g} takes depends on sigma, and the sigma on n: give "
            "one of them"
        )
    for known in wish.probabilities:
        most = max((row["n"] or 0 for row in rows if row["log"] == known.name), default=0)
        if known.n < most:
            notes.append(
                f"{known.name} estimates each probability from {known.n} samples, fewer than "
                f"n={most}: radii expected from it are too large"
            )
    return {
        "alpha": alpha,
        "alpha_from": source,
        "radius": wish.radius,
        "frame_rate": rate,
        "false_certificates_per_hour": rate and false_certificates_per_hour(alpha, rate),
        "frame_rate_for_false_certificates": (
            None if tolerated is None or rate else tolerated / (3600 * alpha)
        ),
        "samples_in_period": drawn,
        "speed": wish.speed and wish.speed.source,
        "obstacles": obstacles,
        "procedures": procedures,
        "notes": notes,
    }


def _alpha(wish: Wish, obstacles: list, notes: list) -> tuple[float, str]:
    """Settle alpha: as given, what the stream leaves for a frame, or the default."""
    allowed = None
    if wish.false_per_hour is not None and wish.frame_rate is not None:
        allowed = alpha_per_frame(wish.false_per_hour, wish.frame_rate)
    if wish.alpha is None and allowed is None:
        return Settings.alpha, "default"
    if wish.alpha is None:
        low, high = ALPHA_RANGE
        if allowed > high:
            notes.append(
                f"so many false certificates are tolerated that any alpha would do; {high:g} is "
                "the most that the monitor takes"
            )
        elif allowed < low:
            least = false_certificates_per_hour(low, wish.frame_rate)
            obstacles.append(
                obstacle(
                    f"a frame may spend alpha {allowed:.2g}, the monitor takes {low:g} or more",
                    [f"tolerating {at_least(least)} false certificates an hour"],
                )
            )
        return min(allowed, high), "stream"
    if allowed is not None and wish.alpha > allowed * (1 + 1e-9):
        spent = false_certificates_per_hour(wish.alpha, wish.frame_rate)
        obstacles.append(
            obstacle(
                f"alpha {wish.alpha:g} at {wish.frame_rate:g} frames/s allows {spent:.3g} false "
                f"certificates an hour, {wish.false_per_hour:g} are tolerated",
                [
                    f"an alpha of at most {at_most(allowed)}",
                    f"at most {at_most(wish.false_per_hour / wish.alpha / 3600)} frames/s",
                ],
            )
        )
    return wish.alpha, "given"


def _for_procedure(
    wish: Wish, procedure: str, alpha: float, drawn: int | None, possible: bool
) -> dict[str, Any]:
    least = LEAST_N[procedure](alpha)
    n, source = wish.n, None if wish.n is None else "given"
    if n is None and drawn is not None:
        n, source = max(drawn - wish.extra(procedure), 0), "machine"
    given = {known.sigma for known in wish.probabilities} if wish.sigma is None else {wish.sigma}
    rows = [
        _row(wish, procedure, alpha, n, sigma, known)
        for sigma in sorted(given)
        for known in ([k for k in wish.probabilities if k.sigma == sigma] or [None])
    ]
    answer: dict[str, Any] = {
        "least_n": least,
        "n": n,
        "n_from": source,
        "frame_rate_at_most": None if not n else wish.frame_rate_for(n, procedure),
        "cap_per_sigma": None if n is None else cap(n, 1.0, alpha, procedure) if n else 0.0,
        "sigmas": rows,
        "best_sigma": _best(rows, wish.radius),
        "least_sigma": (
            least_sigma_for_radius(wish.radius, n, alpha, procedure) if wish.radius and n else None
        ),
    }
    obstacles = obstacles_of(wish, procedure, alpha, drawn, answer)
    return answer | {"possible": possible and not obstacles, "obstacles": obstacles}


def _row(
    wish: Wish,
    procedure: str,
    alpha: float,
    n: int | None,
    sigma: float,
    known: ClassProbabilities | None,
) -> dict[str, Any]:
    """Return what one sigma gives: with n, or else with the least n that reaches the radius."""
    needed = rate = None
    if wish.radius is not None:
        needed = least_n_for_radius(wish.radius, sigma, alpha, procedure, most=MAX_N)
        rate = needed and wish.frame_rate_for(needed, procedure)
    n = needed if n is None else n
    row: dict[str, Any] = {
        "sigma": sigma,
        "n": n,
        "cap": None if n is None else cap(n, sigma, alpha, procedure) if n else 0.0,
        "least_n_for_radius": needed,
        "frame_rate_for_radius": rate,
        "expected_radius": None,
        "certified_accuracy": None,
        "log": known and known.name,
    }
    if known is not None and n is not None:
        radii = radii_by_votes(n, sigma, alpha, procedure) if row["cap"] else np.zeros(2)
        row["expected_radius"] = known.expected_radius(radii)
        row["certified_accuracy"] = known.certified_accuracy(radii, wish.radius or 0.0)
    return row


def _best(rows: list[dict[str, Any]], radius: float | None) -> float | None:
    """Return the sigma of most certified accuracy at the radius, or of the largest radius."""
    known = [row for row in rows if row["expected_radius"]]
    if radius is not None:
        known = [row for row in known if row["certified_accuracy"]]
        key = ("certified_accuracy", "expected_radius")
    else:
        key = ("expected_radius", "certified_accuracy")
    best = max(known, key=lambda row: [row[name] for name in key], default=None)
    return best and best["sigma"]
