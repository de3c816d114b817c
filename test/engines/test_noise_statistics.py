# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The noise is Gaussian and independent, as far as so many draws can tell: `make test-noise`.

Each statistic fails with probability 1e-9 where nothing is wrong, all together with less than
1e-7. Keys are fixed: a test that passed goes on passing until the generator changes.
"""

import os

import numpy as np
import pytest

from rs_monitor.engines.noise import add_noise, noise_key
from rs_monitor.engines.noise_statistics import NoiseStatistics

DRAWS = int(os.environ.get("RS_MONITOR_NOISE_DRAWS", 6_000_000))
FALSE_ALARM = 1e-9
SIZE = 3 * 32 * 32
SAMPLES = 500  # of a frame


def draw(frame, samples=SAMPLES):
    out = np.empty((samples, SIZE), np.float32)
    add_noise(out, np.zeros(SIZE, np.float32), 1.0, noise_key(1, "statistics", frame), 0)
    return out


@pytest.fixture(scope="module")
def seen():
    """Statistics of all draws, collected in one pass."""
    statistics = NoiseStatistics(SIZE)
    for frame in range(-(-DRAWS // (SAMPLES * SIZE))):
        statistics.add(draw(frame))
    return statistics


def test_noise_is_gaussian_and_independent(seen):
    found = seen.p_values()
    assert seen.n >= DRAWS
    assert {"mean", "variance", "skewness", "kurtosis", "shape", "tail 5"} <= found.keys()
    assert {"pixels 1", "pixels 1024", "samples 16", "frames 1"} <= found.keys()
    assert {name: p for name, p in found.items() if p < FALSE_ALARM} == {}


def test_moments_and_tails_are_told(seen):
    moments = seen.moments()
    assert abs(moments["mean"]) < 0.005 and abs(moments["variance"] - 1) < 0.01
    assert abs(moments["skewness"]) < 0.02 and abs(moments["kurtosis"] - 3) < 0.03
    above, below, expected = seen.tails()[3.0]
    assert abs(above - expected) < 6 * expected**0.5 > abs(below - expected)


def neighbours(noise):
    noise[:, 1:] += 0.01 * noise[:, :-1]


def shared_with_the_sample_before(noise):
    noise[1:] += 0.01 * noise[:-1]


def volatile(noise):
    noise *= np.linspace(0.95, 1.05, len(noise), dtype=np.float32)[:, None]


FLAWS = {
    "mean": lambda noise: np.add(noise, 0.005, out=noise),
    "variance": lambda noise: np.multiply(noise, 1.005, out=noise),
    "kurtosis": volatile,
    "tail 4": lambda noise: np.clip(noise, -3.99, 3.99, out=noise),
    "shape": lambda noise: np.round(noise, 1, out=noise),
    "pixels 1": neighbours,
    "samples 1": shared_with_the_sample_before,
}


@pytest.mark.parametrize("name", FLAWS)
def test_flaws_are_seen(name):
    statistics = NoiseStatistics(SIZE)
    for frame in range(4):
        noise = draw(frame)
        FLAWS[name](noise)
        statistics.add(noise)
    assert statistics.p_values()[name] < FALSE_ALARM


def test_a_repeated_frame_is_seen():
    statistics = NoiseStatistics(SIZE)
    for _ in range(2):
        statistics.add(draw(0, 20))
    assert statistics.p_values()["frames 1"] < FALSE_ALARM
