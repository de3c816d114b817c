# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rs_monitor.engines.noise import BLOCK, NoiseSource, noise_key

KEY = bytes(range(16))


def draw(key, start, n, shape=(3, 2, 2), threads=1):
    source = NoiseSource(shape, threads)
    out = np.full((n, *shape), np.nan, np.float32)
    source.fill(out, key, start)
    source.close()
    return out


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 70), st.integers(1, 70), st.integers(1, 4))
def test_sample_depends_on_key_and_index_alone(start, n, threads):
    whole = draw(KEY, 0, 140)
    assert np.array_equal(draw(KEY, start, n, threads=threads), whole[start : start + n])


def test_keys_blocks_and_samples_differ():
    noise = draw(KEY, 0, 4 * BLOCK)
    other = draw(bytes(16), 0, 4 * BLOCK)
    rows = np.concatenate([noise, other]).reshape(8 * BLOCK, -1)
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_one_bit_of_the_key_changes_everything():
    for bit in (0, 31, 64, 127):
        key = (int.from_bytes(KEY, "little") ^ (1 << bit)).to_bytes(16, "little")
        a, b = draw(KEY, 0, 512).ravel(), draw(key, 0, 512).ravel()
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(a.size)


def test_distribution_is_standard_normal():
    noise = draw(KEY, 0, 2048, shape=(3, 32, 32), threads=2).astype(np.float64)
    flat = noise.ravel()
    n = flat.size
    assert abs(flat.mean()) < 5 / np.sqrt(n)
    assert abs(flat.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs(stats.kurtosis(flat)) < 5 * np.sqrt(24 / n)
    assert abs(stats.skew(flat)) < 5 * np.sqrt(6 / n)
    for limit in (1, 2, 3, 4):
        p = 2 * stats.norm.sf(limit)
        assert stats.binomtest(int((abs(flat) > limit).sum()), n, p).pvalue > 1e-5
    assert stats.kstest(flat[:200_000], "norm").pvalue > 1e-5


def test_samples_and_pixels_are_uncorrelated():
    rows = draw(KEY, 0, 4096, shape=(12,)).astype(np.float64)
    limit = 5 / np.sqrt(len(rows))
    correlation = np.corrcoef(rows.T) - np.eye(12)
    assert abs(correlation).max() < limit
    for lag in (1, BLOCK):
        assert abs((rows[lag:] * rows[:-lag]).mean()) < 5 / np.sqrt(rows[lag:].size)


def test_noise_key():
    assert noise_key(None, "a", 0) != noise_key(None, "a", 0)
    assert len(noise_key(None, "a", 0)) == 16
    assert noise_key(3, "a", 5) == noise_key(3, "a", 5)
    different = {noise_key(s, t, i) for s in (0, 1) for t in ("a", "b") for i in range(3)}
    assert len(different) == 12


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_every_row_is_written(n):
    assert np.isfinite(draw(KEY, 5, n)).all()
