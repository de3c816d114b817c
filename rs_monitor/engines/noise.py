# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Fresh Gaussian noise on the CPU, addressed by (key, sample index)."""

from __future__ import annotations

import functools
import hashlib
import os
import types

import numpy as np

from .base import KEY_BYTES
from .errors import EngineError


@functools.cache
def _import() -> types.ModuleType:
    try:
        from . import _noise
    except ImportError as error:
        raise EngineError(
            f"the noise generator is not built ({error}): make setup, colcon build or python -m "
            "pip install . do that, with a C compiler"
        ) from error
    return _noise


def noise_key(seed: int | None, source: str, index: int) -> bytes:
    """Return the key of one frame's noise.

    Parameters
    ----------
    seed : int or None
        None takes fresh entropy from the operating system: an observer who could predict the
        noise could break the claim. A number gives the same key for the same frame, for replay.
    source : str
        Topic or file the frame comes from.
    index : int
        Number of the frame in its source.

    Returns
    -------
    bytes
        16 bytes.
    """
    if seed is None:
        return os.urandom(KEY_BYTES)
    text = f"{seed}/{source}/{index}".encode(errors="surrogateescape")  # a file may have any name
    return hashlib.blake2b(text, digest_size=KEY_BYTES).digest()


def add_noise(out: np.ndarray, image: np.ndarray, sigma: float, key: bytes, start: int) -> None:
    """Write noisy copies of an image: sample `start` + i of `key` into `out[i]`.

    The noise of sample i depends on the key and i only, never on how many samples are asked for
    at a time, the thread or the machine: replay and live runs draw the same. ChaCha20, keyed by
    `key` with i for its nonce, seeds 16 xoshiro128++ generators for each sample; Box and
    Muller's transform makes normals of their words in float32. One is at most 6.66 in magnitude
    (beyond lies 3e-11 of the distribution). Other threads may run meanwhile.

    Parameters
    ----------
    out : numpy.ndarray
        float32 [n, *shape], contiguous.
    image : numpy.ndarray
        float32 [*shape], contiguous.
    sigma : float
        Standard deviation of the noise.
    key : bytes
        16 bytes.
    start : int
        Index of the first sample, from 0 to 2**64 - n.
    """
    if out.dtype != np.float32 or image.dtype != np.float32 or out.shape[1:] != image.shape:
        raise ValueError(
            f"out must be float32 [n, *shape] for an image float32 [*shape], got {out.dtype} "
            f"{list(out.shape)} for {image.dtype} {list(image.shape)}"
        )
    _import().add_noise(out, image, sigma, key, start)
