# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The sigma and alpha that a certification log was made with, where the log itself tells."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..certification import LEAST_N, radius_cap
from ..certification.expectation import votes_and_level
from .inversion import ROUNDING, invert

#: Error probabilities that a log may have been made with; the field's usual one is `USUAL_ALPHA`.
ALPHAS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 1e-4, 1e-5, 1e-6)
USUAL_ALPHA = 0.001

# Samples behind each radius, of which one is suggested where the given one does not fit.
_USUAL_NS = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)

#: Standard deviations of the noise that the field's logs are made with.
SIGMAS = (0.06, 0.12, 0.125, 0.15, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)

# Share of the radii that the right sigma and alpha must explain; some rows may be corrupt.
_ENOUGH = 0.99

# How far rounding may move a largest radius that is to tell sigma by itself, relatively.
_PRECISE = 0.005

_SIGMA_IN_NAME = re.compile(r"(?:sigma|noise)[_=-]?(\d*\.?\d+)", re.IGNORECASE)

# So many rows at the largest radius, and so many times as many as at the next largest, must be
# those of n equal votes.
_PILE, _PILE_RATIO = 10, 3


def named_sigma(path: Path) -> float | None:
    """Return the sigma in the name of a file or its folder, as in noise_0.25/sigma_0.25.tsv."""
    for name in (path.name, path.absolute().parent.name):
        found = _SIGMA_IN_NAME.findall(name)
        if found and 0 < float(found[-1]) <= 10:
            return float(found[-1])
    return None


def _explains(radii: np.ndarray, half_widths: np.ndarray, **settings: object) -> bool:
    """Return whether the radii are those of votes at these settings, but for a few rows."""
    try:
        return bool(invert(radii, half_widths, **settings).explained.mean() >= _ENOUGH)
    except ValueError:  # such an n certifies nothing
        return False


def matching_caps(
    radii: np.ndarray,
    half_widths: np.ndarray,
    *,
    n: int,
    sigmas: Iterable[float],
    alphas: Iterable[float],
    procedure: str,
) -> list[tuple[float, float]]:
    """Return the (sigma, alpha) whose cap is the largest radius and which explain the radii.

    Parameters
    ----------
    radii, half_widths : numpy.ndarray
        float64 [M], as for `invert`.
    n, procedure
        As for `invert`.
    sigmas, alphas : iterable of float
        To be tried in all combinations.
    """
    if not radii.size:
        return []
    top = int(radii.argmax())
    slack = half_widths[top] + ROUNDING
    fits = []
    for sigma, alpha in itertools.product(sigmas, alphas):
        # The level of a single pass lies between alpha / 2 and alpha; finding it takes a second.
        least, most = (radius_cap(n, sigma, level) for level in (alpha / 2, alpha))
        if least - slack > radii[top] or most + slack < radii[top]:
            continue
        settings = {"n": n, "sigma": sigma, "alpha": alpha, "procedure": procedure}
        if _explains(radii, half_widths, **settings):
            _, level = votes_and_level(n, alpha, procedure)
            if abs(radius_cap(n, sigma, level) - radii[top]) <= slack:
                fits.append((sigma, alpha))
    return fits


def made_with(
    radii: np.ndarray,
    half_widths: np.ndarray,
    path: Path,
    *,
    sigma: float | None,
    n: int,
    alpha: float | None,
    procedure: str,
) -> tuple[float, float, list[str]]:
    """Settle sigma and alpha, and say how.

    Parameters
    ----------
    radii, half_widths : numpy.ndarray
        float64 [M] of the certified rows, as for `invert`.
    path : pathlib.Path
        Its name is asked for sigma.
    sigma, alpha : float or None
        As given; None to infer.
    n, procedure
        As given.

    Returns
    -------
    sigma, alpha : float
    said : list of str
        What was inferred or assumed, and a doubt about n.

    Raises
    ------
    ValueError
        When sigma must be given, or no usual alpha can give the largest radius.
    """
    known = {"n": n, "procedure": procedure}
    said = []
    largest = float(radii.max(initial=0.0))
    alphas = ALPHAS if alpha is None else (alpha,)
    named = named_sigma(path)
    sigmas = (sigma,) if sigma is not None else {*SIGMAS, *([named] if named else [])}
    fits = matching_caps(radii, half_widths, sigmas=sigmas, alphas=alphas, **known)
    if sigma is None:
        # Of many sigmas and alphas some have about any largest radius for their cap.
        precise = bool(radii.size) and half_widths[radii.argmax()] <= _PRECISE * largest
        telling = ALPHAS if _is_pile(radii) else (USUAL_ALPHA, alpha)
        fitting = {s for s, a in fits if s == named or (precise and a in telling)}
        sigma = _inferred_sigma(fitting, named, largest, n, said)
    if alpha is None:
        fitting = {a for s, a in fits if s == sigma}
        # One vote less than n at one alpha is about n equal votes at a tenth of it.
        if (
            not _is_pile(radii)
            and fitting
            and largest <= radius_cap(n, sigma, USUAL_ALPHA) + half_widths[radii.argmax()]
            and _explains(radii, half_widths, sigma=sigma, alpha=USUAL_ALPHA, **known)
        ):
            fitting.add(USUAL_ALPHA)
        alpha = _inferred_alpha(sorted(fitting), sigma, largest, n, said)
    if not any(s == sigma and a == alpha for s, a in fits):
        said += _doubt(radii, half_widths, sigma=sigma, alpha=alpha, **known)
    return sigma, alpha, said


def _inferred_sigma(
    fitting: set[float], named: float | None, largest: float, n: int, said: list[str]
) -> float:
    if len(fitting) == 1 and named in (None, *fitting):
        (sigma,) = fitting
        name = ", and its name says so" if named else ""
        said.append(
            f"sigma {sigma:g} is inferred: the largest radius, {largest:g}, is its cap at n={n}"
            f"{name}"
        )
        return sigma
    if named is not None and (not fitting or named in fitting):
        said.append(f"sigma {named:g} is taken from its name; nothing in the log confirms it")
        return named
    if named is not None:
        raise ValueError(
            f"its name says sigma {named:g}, but its largest radius, {largest:g}, is the cap of "
            f"sigma {min(fitting):g}: give the sigma it was made with"
        )
    raise ValueError(
        f"neither its name nor its largest radius, {largest:g}, tells sigma: give the sigma it "
        "was made with"
    )


def _inferred_alpha(
    fitting: list[float], sigma: float, largest: float, n: int, said: list[str]
) -> float:
    if len(fitting) == 1:
        said.append(
            f"alpha {fitting[0]:g} is inferred: its cap at n={n} and sigma {sigma:g} is the "
            f"largest radius, {largest:g}"
        )
        return fitting[0]
    listed = ", ".join(f"{a:g}" for a in fitting if a != USUAL_ALPHA)
    if fitting and USUAL_ALPHA not in fitting:
        raise ValueError(
            f"its largest radius, {largest:g}, is the cap of more than one alpha ({listed}): give "
            "the alpha it was made with"
        )
    why = (
        f"its radii agree with it, and with {listed}"
        if fitting
        else f"its largest radius, {largest:g}, is no usual alpha's cap at n={n}, sigma {sigma:g}"
    )
    said.append(f"alpha {USUAL_ALPHA:g}, the usual one, is assumed: {why}")
    return USUAL_ALPHA


def _is_pile(radii: np.ndarray) -> bool:
    """Return whether so many rows share the largest radius that it must be the cap."""
    values, counts = np.unique(radii, return_counts=True)
    return len(values) > 1 and counts[-1] >= max(_PILE, _PILE_RATIO * counts[-2])


def _doubt(
    radii: np.ndarray,
    half_widths: np.ndarray,
    *,
    sigma: float,
    n: int,
    alpha: float,
    procedure: str,
) -> list[str]:
    """Say when the largest radius is not the cap although it should be: n is another one."""
    if not _is_pile(radii):
        return []
    top = radii.argmax()
    largest, slack = radii[top], half_widths[top] + ROUNDING

    def cap(m: int) -> float:
        return radius_cap(m, sigma, votes_and_level(m, alpha, procedure)[1])

    possible = (m for m in _USUAL_NS if m >= LEAST_N[procedure](alpha))
    others = [m for m in possible if abs(cap(m) - largest) <= slack]
    known = f"n={n}, sigma {sigma:g}, alpha {alpha:g}"
    return [
        f"{int(np.sum(radii == largest))} rows share the largest radius, {largest:g}, as if it "
        f"were the cap, which is {cap(n):.4g} at {known}: check these"
        + "".join(f"; it is the cap at n={m}" for m in others)
    ]
