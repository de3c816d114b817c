# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How often a precision changes a vote: the same noise, sample by sample, in two engines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engines import Engine, noise_key

# Votes on the same noise that may differ from fp32's on made-up images, whose classes are less
# sure than those of real ones: int8 changed up to 7 % of them when this was written, bf16 0.5 %.
TOLERATED_FLIPS = {"bf16": 0.03, "fp16": 0.03, "int8": 0.2}

_SEED = 0
_PATCHES = 4  # a side
_INVALID = -1


def flip_rate(
    reference: Engine, other: Engine, images: Sequence[np.ndarray], sigma: float, samples: int
) -> float:
    """Return the share of votes in which two engines of one model differ on the same noise.

    Parameters
    ----------
    reference, other : Engine
        Both with the noise of the same device.
    images : sequence of numpy.ndarray
        float32 [H, W, 3] in [0, 1], network resolution.
    sigma : float
    samples : int
        Of each image.
    """
    different = 0
    for index, image in enumerate(images):
        key = noise_key(_SEED, "parity", index)
        for start in range(samples):
            classes = [_class(engine, image, sigma, key, start) for engine in (reference, other)]
            different += classes[0] != classes[1]
    return different / (len(images) * samples)


def _class(engine: Engine, image: np.ndarray, sigma: float, key: bytes, start: int) -> int:
    votes = engine.votes(image, sigma, 1, key, start=start)
    return _INVALID if votes.invalid else int(votes.counts.argmax())


def patchwork(height: int, width: int, number: int) -> list[np.ndarray]:
    """Return made-up images of coloured patches, float32 [height, width, 3], that differ."""
    generator = np.random.default_rng(_SEED)
    coarse = generator.random((number, _PATCHES, _PATCHES, 3), np.float32)
    tiled = coarse.repeat(-(-height // _PATCHES), axis=1).repeat(-(-width // _PATCHES), axis=2)
    return list(np.ascontiguousarray(tiled[:, :height, :width]))
