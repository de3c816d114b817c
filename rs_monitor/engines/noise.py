# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Fresh Gaussian noise on the CPU, addressed by (key, sample index)."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .base import KEY_BYTES

# Samples that share one generator. The noise of sample i depends on the key and i only, never
# on how many samples are asked for at a time: replay and live runs draw the same.
BLOCK = 16


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
    return hashlib.blake2b(f"{seed}/{source}/{index}".encode(), digest_size=KEY_BYTES).digest()


class NoiseSource:
    """Standard normal samples from SFC64 generators seeded by SeedSequence (NumPy).

    The generators of different (key, block) are seeded through SeedSequence's hash of both,
    so blocks and frames have independent streams. Blocks are filled by a few threads: NumPy
    releases the GIL while it draws.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    threads : int
        Threads that draw, >= 1.
    """

    def __init__(self, shape: tuple[int, ...], threads: int) -> None:
        self._shape = shape
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "noise") if threads > 1 else None

    def fill(self, out: np.ndarray, key: bytes, start: int) -> None:
        """Write samples start, start + 1, ... of `key` into `out`, float32 [n, *shape]."""
        words = [int(word) for word in np.frombuffer(key, np.uint32)]
        first, last = start // BLOCK, (start + len(out) - 1) // BLOCK
        if self._pool is None or first == last:
            self._blocks(out, words, start, range(first, last + 1))
            return
        shares = [range(first + i, last + 1, self._threads) for i in range(self._threads)]
        futures = [self._pool.submit(self._blocks, out, words, start, s) for s in shares[1:]]
        self._blocks(out, words, start, shares[0])
        for future in futures:
            future.result()

    def _blocks(self, out: np.ndarray, words: list[int], start: int, blocks: range) -> None:
        for block in blocks:
            generator = np.random.Generator(
                np.random.SFC64(np.random.SeedSequence([*words, block]))
            )
            low, high = block * BLOCK - start, (block + 1) * BLOCK - start
            if low >= 0 and high <= len(out):
                generator.standard_normal(dtype=np.float32, out=out[low:high])
                continue
            whole = generator.standard_normal((BLOCK, *self._shape), dtype=np.float32)
            begin, end = max(low, 0), min(high, len(out))
            out[begin:end] = whole[begin - low : end - low]

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown()
