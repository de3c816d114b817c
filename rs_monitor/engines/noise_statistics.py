# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether noise is Gaussian and independent, as far as so many draws can tell.

Under the hypothesis each statistic is standard normal (or binomial, or chi-squared) to a good
approximation, so that a p-value below a very small level speaks against the noise.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

BINS = 256
TAILS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
# Neighbours in the image, in the generator, and the two normals of one radius.
PIXEL_LAGS = (1, 2, 3, 15, 16, 32, 255, 256, 257, 512, 1024)
SAMPLE_LAGS = (1, 2, 3, 16)


class _Products:
    """Means of x y and of (x^2 - 1)(y^2 - 1) over pairs, as standard normal scores."""

    def __init__(self) -> None:
        self._n, self._plain, self._squares = 0, 0.0, 0.0

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add pairs of float64 [n, m] arrays."""
        self._n += x.size
        self._plain += float(np.einsum("ij,ij", x, y))
        self._squares += float(np.einsum("ij,ij", x * x - 1, y * y - 1))

    def p_value(self) -> float:
        """Return the smaller of both, 1 where there were no pairs."""
        if not self._n:
            return 1.0
        return min(
            _two_sided(self._plain / np.sqrt(self._n)),
            _two_sided(self._squares / (2 * np.sqrt(self._n))),
        )


class NoiseStatistics:
    """Collects standard normal noise frame by frame.

    Parameters
    ----------
    size : int
        Values of a sample; lags that are not below it are left out.
    """

    def __init__(self, size: int) -> None:
        self.n = 0
        self._sums = np.zeros(4)
        self._tails = np.zeros((2, len(TAILS)), np.int64)
        self._bins = np.zeros(BINS, np.int64)
        self._products = {("pixels", lag): _Products() for lag in PIXEL_LAGS if lag < size}
        self._products |= {("samples", lag): _Products() for lag in SAMPLE_LAGS}
        self._products["frames", 1] = _Products()
        self._previous: np.ndarray | None = None

    def add(self, noise: np.ndarray) -> None:
        """Add the noise of one frame.

        Parameters
        ----------
        noise : numpy.ndarray
            float32 [samples, size], meant to be standard normal; of every frame as many samples.
        """
        z = noise.astype(np.float64)
        zz = z * z
        self.n += z.size
        self._sums += [z.sum(), zz.sum(), np.vdot(zz, z), np.vdot(zz, zz)]
        for i, limit in enumerate(TAILS):
            above, below = np.count_nonzero(noise > limit), np.count_nonzero(noise < -limit)
            self._tails[:, i] += above, below
        places = (special.ndtr(noise) * np.float32(BINS)).astype(np.int64).ravel()
        self._bins += np.bincount(np.minimum(places, BINS - 1), minlength=BINS)
        for (kind, lag), product in self._products.items():
            if kind == "pixels":
                product.add(z[:, lag:], z[:, :-lag])
            elif kind == "samples":
                product.add(z[lag:], z[:-lag])
            elif self._previous is not None:
                product.add(z, self._previous)
        self._previous = z

    def moments(self) -> dict[str, float]:
        """Return mean, variance, skewness and kurtosis (3 for a Gaussian), about zero."""
        first, second, third, fourth = self._sums / self.n
        return {
            "mean": first,
            "variance": second,
            "skewness": third / second**1.5,
            "kurtosis": fourth / second**2,
        }

    def tails(self) -> dict[float, tuple[int, int, float]]:
        """Return by limit: draws above it, below its negative, and those expected of each."""
        return {
            limit: (int(above), int(below), self.n * float(stats.norm.sf(limit)))
            for limit, above, below in zip(TAILS, *self._tails)
        }

    def p_values(self) -> dict[str, float]:
        """Return the p-value of every statistic."""
        n, (first, second, third, fourth) = self.n, self._sums
        # Hermite polynomials: uncorrelated.
        found = {
            "mean": _two_sided(first / np.sqrt(n)),
            "variance": _two_sided((second - n) / np.sqrt(2 * n)),
            "skewness": _two_sided((third - 3 * first) / np.sqrt(6 * n)),
            "kurtosis": _two_sided((fourth - 6 * second + 3 * n) / np.sqrt(24 * n)),
            "shape": float(stats.chisquare(self._bins).pvalue),
        }
        for limit, counts in zip(TAILS, self._tails.T):
            p = stats.norm.sf(limit)
            both = (stats.binomtest(int(count), n, p).pvalue for count in counts)
            found[f"tail {limit:g}"] = float(min(both))
        for (kind, lag), product in self._products.items():
            found[f"{kind} {lag}"] = product.p_value()
        return found


def _two_sided(score: float) -> float:
    return float(2 * stats.norm.sf(abs(score)))
