# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The noise is Gaussian and independent, as far as so many draws can tell: `make test-noise`.

Under the hypothesis each statistic below is standard normal (or binomial, or chi-squared) to a
good approximation and fails with probability 1e-9, all together with less than 1e-7. Keys are
fixed: a test that passed goes on passing until the generator changes.
"""

import os

import numpy as np
import pytest
from scipy import special, stats

from rs_monitor.engines.noise import add_noise, noise_key

DRAWS = int(os.environ.get("RS_MONITOR_NOISE_DRAWS", 6_000_000))
FALSE_ALARM = 1e-9
SIZE = 3 * 32 * 32
SAMPLES = 500  # of a frame
BINS = 256
TAILS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
# Neighbours in the image, in the generator, and the two normals of one radius.
PIXEL_LAGS = (1, 2, 3, 15, 16, 32, 255, 256, 257, 512, 1024)
SAMPLE_LAGS = (1, 2, 3, 16)


class Products:
    """Means of x y and of (x^2 - 1)(y^2 - 1) over pairs, as standard normal scores."""

    def __init__(self):
        self.n, self.plain, self.squares = 0, 0.0, 0.0

    def add(self, x, y):
        self.n += x.size
        self.plain += float(np.einsum("ij,ij", x, y))
        self.squares += float(np.einsum("ij,ij", x * x - 1, y * y - 1))

    def scores(self):
        return self.plain / np.sqrt(self.n), self.squares / (2 * np.sqrt(self.n))


@pytest.fixture(scope="module")
def seen():
    """Statistics of all draws, collected in one pass."""
    sums, tails, bins = np.zeros(4), np.zeros((2, len(TAILS)), np.int64), np.zeros(BINS, np.int64)
    products = {("pixel", lag): Products() for lag in PIXEL_LAGS}
    products |= {("sample", lag): Products() for lag in SAMPLE_LAGS}
    products["frame", 1] = Products()
    out, zero = np.empty((SAMPLES, SIZE), np.float32), np.zeros(SIZE, np.float32)
    previous, frames = None, -(-DRAWS // out.size)
    for frame in range(frames):
        add_noise(out, zero, 1.0, noise_key(1, "statistics", frame), 0)
        z = out.astype(np.float64)
        zz = z * z
        sums += [z.sum(), zz.sum(), np.vdot(zz, z), np.vdot(zz, zz)]
        for i, limit in enumerate(TAILS):
            tails[:, i] += np.count_nonzero(out > limit), np.count_nonzero(out < -limit)
        bins += np.bincount((special.ndtr(out) * np.float32(BINS)).astype(np.int64).ravel(),
                            minlength=BINS)[:BINS]  # fmt: skip
        for (kind, lag), product in products.items():
            if kind == "pixel":
                product.add(z[:, lag:], z[:, :-lag])
            elif kind == "sample":
                product.add(z[lag:], z[:-lag])
            elif previous is not None:
                product.add(z, previous)
        previous = z
    return frames * out.size, sums, tails, bins, products


def passes(score):
    return 2 * stats.norm.sf(abs(score)) > FALSE_ALARM


def test_moments(seen):
    n, (first, second, third, fourth), *_ = seen
    assert passes(first / np.sqrt(n))
    assert passes((second - n) / np.sqrt(2 * n))
    assert passes((third - 3 * first) / np.sqrt(6 * n))  # Hermite polynomials: uncorrelated
    assert passes((fourth - 6 * second + 3 * n) / np.sqrt(24 * n))


def test_tails(seen):
    n, _, tails, *_ = seen
    for side in tails:
        for limit, count in zip(TAILS, side, strict=True):
            p = stats.norm.sf(limit)
            assert stats.binomtest(int(count), n, p).pvalue > FALSE_ALARM, limit


def test_shape(seen):
    bins = seen[3]
    assert stats.chisquare(bins).pvalue > FALSE_ALARM


def test_independence_of_pixels_samples_and_frames(seen):
    for pair, product in seen[4].items():
        for score in product.scores():
            assert passes(score), pair


def test_a_flaw_would_be_seen():
    # One part in a thousand of the neighbour's noise, at a hundred million draws.
    n, flaw = 1e8, 1e-3
    assert not passes(flaw * np.sqrt(n))
