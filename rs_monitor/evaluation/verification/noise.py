# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The noise that the network is given, where it is made."""

from __future__ import annotations

import sys

import numpy as np
from tqdm import tqdm

from ...engines import Engine, noise_key
from ...engines.noise_statistics import SAMPLE_LAGS, NoiseStatistics
from .check import Check

_SEED = 2
_FALSE_ALARM = 1e-6  # over all statistics
_LEAST_SAMPLES = 4 * max(SAMPLE_LAGS)  # of a frame


def check_noise(engine: Engine, draws: int) -> Check:
    """Look at the noise of many frames, read back from the network's input.

    Parameters
    ----------
    engine : Engine
    draws : int
        Normals to look at, about.
    """
    model = engine.model
    black = np.zeros((model.height, model.width, 3), np.float32)
    size, chunk = black.size, engine.max_batch
    samples = -(-_LEAST_SAMPLES // chunk) * chunk
    frames = max(2, -(-draws // (samples * size)))
    statistics = NoiseStatistics(size)
    for frame in tqdm(
        range(frames), desc="noise", unit="frame", disable=not sys.stderr.isatty(), leave=False
    ):
        key = noise_key(_SEED, "noise", frame)
        parts = [
            engine.noisy_images(black, 1.0, key, start=start).reshape(chunk, size)
            for start in range(0, samples, chunk)
        ]
        statistics.add(np.concatenate(parts))
    found, moments = statistics.p_values(), statistics.moments()
    level = _FALSE_ALARM / len(found)
    odd = {name: p for name, p in found.items() if not p >= level}
    above, below, expected = statistics.tails()[5.0]
    least = min(found, key=lambda name: found[name])
    return Check(
        "noise on the device is Gaussian and independent",
        not odd,
        f"{statistics.n:.3g} draws: mean {moments['mean']:.2e}, variance "
        f"{moments['variance']:.6f}, kurtosis {moments['kurtosis']:.5f}; beyond 5 sigma "
        f"{above} + {below}, expected {expected:.1f} each; least p-value {found[least]:.2g} "
        f"({least})" + (f"; odd: {', '.join(odd)}" if odd else ""),
        f"p-value at least {level:.1g} of each of {len(found)} statistics: moments, shape, tails "
        "to 5 sigma, pairs of pixels, samples and frames",
        {"draws": statistics.n, "moments": moments, "p_values": found, "level": level},
    )
