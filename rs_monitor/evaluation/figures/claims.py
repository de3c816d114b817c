# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's numerical claims, each beside what the logs and exact formulas give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import ndtri

from ...certification import approximations as paper
from ...certification.expectation import expected_radii, radii_by_votes
from ..prediction import right_probabilities
from . import lemma
from .curves import PROCEDURE, Curves
from .discovery import PAPER_SIGMAS, FoundLogs
from .exact import UNIFORM_AVERAGE, expected_bound, expected_radius, uniform_average
from .latency import Benchmark

#: Of `claims.csv`. `paper` is what the paper prints, empty where it prints no number.
CLAIM_COLUMNS = ("place", "quantity", "setting", "sigma", "paper", "computed")

Claim = tuple[str, str, str, object, object, float]

# Radii compared: (place, from n, to n, settings, the share lost according to the paper).
_LOSSES = (
    ("abstract, fig. 1", 10_000, 100, ("cifar10-gaussian",), 0.5),
    ("section 3, fig. 1", 10_000, 1_000, ("cifar10-gaussian",), 0.2),
    ("section 3, fig. 2", 100_000, 100, ("imagenet-gaussian",), 0.5),
    ("section 1, figs. 2-4", 10_000, 100, tuple(PAPER_SIGMAS)[1:], 0.5),
    ("section 1, figs. 1-4", 100_000, 1_000, tuple(PAPER_SIGMAS), 0.5),
    ("section 3, fig. 5", 100_000, 15, ("imagenet-gaussian",), 0.8),
    ("section 3, fig. 5", 100_000, 80, ("imagenet-gaussian",), 0.8),
    ("section 3.1, fig. 6", 100_000, 10_000, tuple(PAPER_SIGMAS), ""),
)  # fmt: skip


def _lost(curve: dict, many: int, few: int) -> float | None:
    if many in curve and few in curve and curve[many].radius > 0:
        return 1 - curve[few].radius / curve[many].radius
    return None


def _losses(curves: Curves) -> Iterator[Claim]:
    for place, many, few, settings, printed in _LOSSES:
        for setting in settings:
            for sigma, curve in curves.of(setting).items():
                lost = _lost(curve, many, few)
                if lost is not None:
                    what = f"share of the radius lost, n = {many} to {few}"
                    yield place, what, setting, sigma, printed, lost


def _independence(curves: Curves) -> Iterator[Claim]:
    for setting in PAPER_SIGMAS:
        lost = [_lost(curve, 100_000, 100) for curve in curves.of(setting).values()]
        lost = [value for value in lost if value is not None]
        if len(lost) > 1:
            what = "range over sigma of the share lost, n = 100000 to 100"
            yield "section 3.1", what, setting, "", "", max(lost) - min(lost)


def _better_training(curves: Curves) -> Iterator[Claim]:
    for dataset in ("cifar10", "imagenet"):
        plain, better = curves.of(f"{dataset}-gaussian"), curves.of(f"{dataset}-salman")
        for sigma in sorted(plain.keys() & better.keys()):
            base, other = plain[sigma], better[sigma]
            if 10_000 in base and 100 in other and base[10_000].radius > 0:
                what = "radius of Salman et al. at n = 100 over Cohen et al.'s at 10000"
                printed = 1.0 if dataset == "cifar10" else ""
                ratio = other[100].radius / base[10_000].radius
                yield "section 3, figs. 3-4", what, dataset, sigma, printed, ratio
            for n in (15, 100, 1_000, 10_000, 100_000):
                if n in base and n in other and base[n].radius > 0:
                    what = f"radius of Salman et al. over Cohen et al.'s, n = {n}"
                    ratio = other[n].radius / base[n].radius
                    yield "section 3, figs. 3-4", what, dataset, sigma, "above 1", ratio


def _benchmarks(benchmarks: Sequence[Benchmark]) -> Iterator[Claim]:
    for curve in benchmarks:
        what = "largest measured batch within 40 ms"
        yield "section 3, fig. 5", what, curve.label, "", "", curve.largest_in_period() or 0


def _formulas(alpha: float) -> Iterator[Claim]:
    def share(n: int) -> float:
        return uniform_average(n, alpha) / UNIFORM_AVERAGE

    usual = alpha == 0.001  # the paper's numbers are for this one

    def printed(value: float) -> object:
        return value if usual else ""

    yield "appendix B", "z_a", "", "", printed(3.2905), paper.two_sided_quantile(alpha)
    one_sided = -float(ndtri(alpha))
    yield "appendix B", "one-sided quantile, which the bound uses", "", "", "", one_sided
    for few, many, value in ((1_000, 10_000, 0.85), (100, 10_000, 0.37), (10_000, 100_000, "")):
        what = f"share that remains, n = {many} to {few}"
        ratio = paper.remaining_share(few, alpha) / paper.remaining_share(many, alpha)
        yield "section 3.1, fig. 6", f"{what}, eq. 6", "", "", printed(value), ratio
        ratio = share(few) / share(many)
        yield "section 3.1, fig. 6", f"{what}, exact, p uniform", "", "", "", ratio
    for n in (50, 100, 1_000, 10_000, 100_000):
        place, what = "proposition 3.3", f"share that n = {n} leaves"
        yield place, f"{what}, eq. 6", "", "", "", paper.remaining_share(n, alpha)
        yield place, f"{what}, exact, p uniform", "", "", "", share(n)
    least = paper.least_n_of_remaining_share(alpha)
    yield "proposition 3.3", "least n at which eq. 6 is not negative", "", "", "", least
    average, loss = paper.average_radius_constants()
    yield "appendix B, eq. 17", "average radius / sigma at n = infinity", "", "", 0.796, average
    yield "appendix B, eq. 17", "the same, exact", "", "", 0.796, UNIFORM_AVERAGE
    yield "appendix B, eq. 17", "loss per z_a/sqrt(n)", "", "", 1.603, loss
    yield "appendix B, eq. 18", "loss per z_a/sqrt(n) as a share", "", "", 2.0, loss / average

    p = np.unique(np.concatenate([np.linspace(0.5, 0.99, 491), 1 - np.geomspace(0.01, 1e-4, 60)]))
    for n in (15, 30, 100, 1_000, 10_000):
        error = paper.approximate_bound(p, n, alpha) - expected_bound(p, n, alpha)
        place, what = "proposition 3.1, fig. 11", f"of eq. 3 minus exact bound, n = {n}"
        yield place, f"least value {what}", "", "", "", float(error.min())
        yield place, f"largest value {what}", "", "", "", float(error.max())
    at = np.array([0.99])
    for place, name, formula in (
        ("proposition 3.1", "eq. 4", paper.approximate_radius),
        ("proposition 3.2", "eq. 5", paper.closed_form_radius),
    ):
        for n in (100, 1_000, 10_000, 100_000):
            what = f"radius / sigma at p = 0.99, n = {n}"
            yield place, f"{what}, {name}", "", "", "", float(formula(at, n, alpha, 1.0)[0])
            yield place, f"{what}, exact", "", "", "", float(expected_radius(at, n, alpha)[0])
    middle = np.linspace(0.6, 0.95, 351)
    for n in (100, 1_000, 10_000):
        exact = expected_radius(middle, n, alpha)
        error = np.abs(paper.closed_form_radius(middle, n, alpha, 1.0) - exact).max()
        what = f"largest error of eq. 5 / sigma for p in [0.6, 0.95], n = {n}"
        yield "proposition 3.2", what, "", "", "", float(error)
    for top in (0.99, 0.999, 0.9999):
        p = 1 - np.geomspace(1 - top, 0.5, 4001)
        what = f"largest error of Shore's quantile for p in [0.5, {top}]"
        error = float(np.abs(paper.shore_quantile(p) - ndtri(p)).max())
        yield "appendix B, fig. 12", what, "", "", "", error


def _distribution(found: FoundLogs) -> Iterator[Claim]:
    for setting in found.settings():
        for log in found.of(setting):
            p = log.p_hat[log.predictions >= 0]
            if len(p):
                place, about = "section 3.1, fig. 13", (setting, log.sigma, "")
                yield place, "share of images that abstain", *about, 1 - len(p) / len(log)
                yield place, "median of p_0 where certified", *about, float(np.median(p))
                for edge, uniform in ((0.9, 0.2), (0.99, 0.02)):
                    what = f"share of p_0 above {edge} where certified (uniform: {uniform})"
                    yield place, what, *about, float(np.mean(p > edge))


def _lemma(found: FoundLogs, alpha: float) -> Iterator[Claim]:
    for n in (10, 50, 100, 200, 1_000):
        for name, value in lemma.suprema(n, alpha).items():
            what = f"largest P[radius over-stated] / alpha, n = {n}, {name}"
            yield "lemma C.1", what, "", "", 1.0, value / alpha
    for setting in PAPER_SIGMAS:
        for log in found.of(setting):
            for n in (n for n in (100, 1_000) if n <= log.n):
                radii = radii_by_votes(n, log.sigma, alpha, PROCEDURE)
                p = right_probabilities(log)
                one = expected_radii(p, radii)
                # Of two classes the right one is hardest to choose.
                two = one * lemma.chosen_probability(np.maximum(p, 0.5), 100)
                if one.sum() > 0:
                    what = f"average radius, Algorithm 2 (n0 = 100) over Algorithm 1, n = {n}"
                    ratio = float(two.sum() / one.sum())
                    yield "lemma C.1, experiment", what, setting, log.sigma, 1.0, ratio


def compute_claims(
    found: FoundLogs, curves: Curves, benchmarks: Sequence[Benchmark], alpha: float
) -> list[Claim]:
    """Compute every number of `CLAIM_COLUMNS` that the material allows.

    Parameters
    ----------
    found : FoundLogs
    curves : Curves
        Of those logs.
    benchmarks : sequence of Benchmark
    alpha : float
        Of the certificates; what the paper prints is for 0.001.
    """
    return [
        *_losses(curves),
        *_independence(curves),
        *_better_training(curves),
        *_benchmarks(benchmarks),
        *_formulas(alpha),
        *_distribution(found),
        *_lemma(found, alpha),
    ]
