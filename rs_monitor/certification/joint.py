# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
r"""Bounds of the top class's probability and of the runner-up's together, from one set of votes.

If class T has probability p_T and no other class more than p_S, the smoothed classifier keeps T
within sigma / 2 * (ndtri(p_T) - ndtri(p_S)) (Cohen et al. 2019, theorem 1). The other procedures
put 1 - p_T for p_S. Here both are bounded together, at a level that the two share.

**The class.** It is certified only if the two-sided binomial test of its votes against the
runner-up's rejects one half at level `SELECTION` * alpha. The probability that a class which is
not the most probable one passes is at most that level, for any number of classes (Hung and
Fithian 2019; Cohen et al. rely on it for PREDICT). The rest of alpha is for the radius of T.

**The radius.** Of T's n_T votes and those n_S of the most probable other class S,

    n_T ~ Bin(n, p_T)    and, given n_T,    n_S ~ Bin(n - n_T, t)    with t = p_S / (1 - p_T).

For one pair (p_T, t) let U = P[Bin(n, p_T) >= n_T] and V = P[Bin(n - n_T, t) <= n_S]: two
p-values of which the second is valid whatever the first is. So the pair may be rejected wherever
(U, V) lies in a set that two independent uniforms hit with probability level, if the set has with
a point all points with smaller U and V: its largest V, f(U), does not rise with U, and U tends to
be larger than a uniform one, so that P <= E f(U) <= level. The set used here is, with
Z = ndtri(U) and Y = min(ndtri(V), `_CEILING`),

    V <= `_ALONE` * level    or    w1 * Z + w2 * Y <= -z,    w1^2 + w2^2 = 1,

where w2 is a function of t alone and z makes the probability what it should be. V is the larger
the more votes S has, so that the runner-up's votes, which are at least those of S, reject no pair
that the votes of S would not. The radius is the smallest that a pair has which is not rejected:
it is over-stated only if the true pair is rejected.

**The smallest radius.** For one t, the pairs that are not rejected are those with p_T above the
Clopper-Pearson bound at level Phi(-(z + w2 * Y) / w1), and the radius rises with p_T. In a cell of
t in which w2 is the same, V is largest at its lower end and the radius smallest at its upper end:
what the two ends give together holds for the cell. Cells that may hold the minimum are divided.
"""

import functools
from typing import NamedTuple

import numpy as np
from scipy.special import betainc, ndtr, ndtri

from .bounds import bisect, clopper_pearson_array
from .checks import check_alpha, check_integer, check_positive
from .least_n import SELECTION, least_n_runner_up

# The design below is free: the procedure is sound with any edges from 0 to 1 and any weights in
# [0, 1). It was chosen for p_T uniform on [0.4, 1], t uniform on [0, 1] and n of 50 to 1,000.
_ALONE = 0.02  # part of the level that rejects by the runner-up's votes alone
_CEILING = -0.5  # evidence from them that counts, at most: few votes for others say little
_WEIGHT = 0.75  # w2 = _WEIGHT * sqrt(1 - t): at t = 1 all that is not T is S, and V says nothing
_EDGES = np.concatenate(
    [[0.0, 0.002, 0.005], np.linspace(0.01, 0.9, 24), 1 - np.geomspace(0.1, 0.001, 12)[1:], [1.0]]
)
_PARTS = 16  # into which a cell is divided
# Relative rounding error of the special functions, generously.
_ROUNDING = 1e-9
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(128)
_LARGEST_Z = 40.0


class _Cells(NamedTuple):
    """Cells of t: [left, right], and the rejection set that is used within."""

    left: np.ndarray
    right: np.ndarray
    w1: np.ndarray
    w2: np.ndarray
    z: np.ndarray

    def divided(self):
        """Return the parts of the cells."""
        edges = np.linspace(self.left, self.right, _PARTS + 1)
        rest = (np.tile(values, _PARTS) for values in self[2:])
        return _Cells(edges[:-1].ravel(), edges[1:].ravel(), *rest)

    def take(self, chosen):
        """Return some of the cells."""
        return _Cells(*(values[chosen] for values in self))


def _rejected(w1, w2, z, level):
    """Probability that two independent uniforms are in the set, for arrays of sets."""
    floor = ndtri(max(_ALONE * level, np.finfo(float).tiny))  # finite, at a level near 0 too
    y = floor + (_CEILING - floor) * (_NODES + 1) / 2
    density = np.exp(-(y**2) / 2) / np.sqrt(2 * np.pi) * (_CEILING - floor) / 2 * _NODE_WEIGHTS
    between = ndtr(-(z[:, None] + w2[:, None] * y) / w1[:, None]) @ density
    return _ALONE * level + between + ndtr(-_CEILING) * ndtr(-(z + w2 * _CEILING) / w1)


def _cells(level):
    left, right = _EDGES[:-1], _EDGES[1:]
    w2 = _WEIGHT * np.sqrt(1 - (left + right) / 2)
    w1 = np.sqrt(1 - w2**2)
    target = level * (1 - _ROUNDING)
    z = -bisect(
        lambda y: _rejected(w1, w2, -y, level), target, np.full(w1.shape, -_LARGEST_Z), 0.0
    )
    return _Cells(left, right, w1, w2, z)


_cells = functools.lru_cache(maxsize=64)(_cells)


def prepare(alpha):
    """Compute now what the first certificate at this alpha would wait some milliseconds for."""
    _cells(check_alpha(alpha) * (1 - SELECTION))


def _least_p(cells, t, top, runner_up, n, level):
    """Largest p_T that is rejected at each of t, for the sets of the cells; NaN where all are."""
    others = n - top
    if runner_up < others:
        v = betainc(others - runner_up, runner_up + 1, 1 - t)
    else:
        v = np.ones(t.shape)
    p = np.full(t.shape, np.nan)
    open_ = v > _ALONE * level
    y = np.minimum(ndtri(v[open_]), _CEILING)
    levels = ndtr(-(cells.z[open_] + cells.w2[open_] * y) / cells.w1[open_])
    p[open_] = clopper_pearson_array(top, n, levels)
    return p


def _unit_radii(p, t):
    """Radius in units of sigma of the pairs (p_T, t); infinite where p is NaN."""
    radii = np.full(p.shape, np.inf)
    known = ~np.isnan(p)
    p, t = p[known], t[known]
    with np.errstate(divide="ignore"):  # ndtri(0) is -inf: so it should be at t = 0
        radii[known] = (ndtri(p) - ndtri(t * (1 - p))) / 2
    return radii


def joint_bound(top, runner_up, n, alpha):
    """Bound the radius, and p_T, from the votes of the top class and of the runner-up.

    Parameters
    ----------
    top, runner_up : int
        Votes, top >= 1, together at most n.
    n : int
        All samples, the invalid ones too.
    alpha : float
        As for `runner_up`; of it 1 - `SELECTION` is the level of both bounds together. Nothing
        is checked here: this is the form for a frame's hot path.

    Returns
    -------
    unit_radius : float
        In units of sigma. Where it is not above 0 nothing can be certified. It never rises with
        the runner-up's votes; with one more for the top class it may fall, by a hundredth.
    p_lower : float
        In [0, 1).

    Examples
    --------
    >>> [round(value, 4) for value in joint_bound(160, 10, 200, 0.001)]
    [0.8819, 0.665]
    """
    level = alpha * (1 - SELECTION)
    cells = _cells(level)
    p = _least_p(cells, cells.left, top, runner_up, n, level)
    radii = _unit_radii(p, cells.right)
    # The minimum is not above what single pairs have: only cells below need a closer look. That
    # saves work; whatever is divided, the bound holds.
    single = _unit_radii(_least_p(cells, cells.right, top, runner_up, n, level), cells.right)
    closer = radii < single.min()
    parts = cells.take(closer).divided()
    p_parts = _least_p(parts, parts.left, top, runner_up, n, level)
    radius = min(
        np.min(radii[~closer], initial=np.inf),
        np.min(_unit_radii(p_parts, parts.right), initial=np.inf),
    )
    p_lower = np.nanmin(np.concatenate([p[~closer], p_parts]))
    return float(radius), float(p_lower)


joint_bound = functools.lru_cache(maxsize=4096)(joint_bound)


def runner_up_cap(n, sigma, alpha):
    """Largest radius that n votes can give, all of them for one class.

    Parameters
    ----------
    n : int
        Votes, at least 1.
    sigma, alpha : float
        As for `runner_up`.

    Returns
    -------
    float
        In the units of sigma; 0 where n can never certify.

    Raises
    ------
    ValueError
        For an argument outside its range.

    Examples
    --------
    >>> round(runner_up_cap(200, 0.25, 0.001), 4)
    0.4548
    """
    n, sigma, alpha = (
        check_integer("n", n, low=1),
        check_positive("sigma", sigma),
        check_alpha(alpha),
    )
    if n < least_n_runner_up(alpha):
        return 0.0
    return sigma * max(joint_bound(n, 0, n, alpha)[0], 0.0)
