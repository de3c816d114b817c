# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The noise of rs_monitor/engines/_noise.c, written plainly: integers of Python, float64."""

import numpy as np

MASK = 0xFFFFFFFF
LANES = 16
PAIRS = 256
_CONSTANTS = [int.from_bytes(b"expand 16-byte k"[i : i + 4], "little") for i in range(0, 16, 4)]


def rotated(x, k):
    return (x << k | x >> (32 - k)) & MASK


def chacha20(key, block, nonce):
    """Return the 16 words of a block, for a key of four words."""
    begin = [*_CONSTANTS, *key, *key, block & MASK, block >> 32, nonce & MASK, nonce >> 32]
    x = list(begin)

    def quarter_round(a, b, c, d):
        for first, second, third, k in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[first] = (x[first] + x[second]) & MASK
            x[third] = rotated(x[third] ^ x[first], k)

    for _ in range(10):
        for i in range(4):
            quarter_round(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter_round(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return [(word + first) & MASK for word, first in zip(x, begin, strict=True)]


def xoshiro128pp(state):
    """Yield words, changing the state of four words."""
    while True:
        yield (rotated((state[0] + state[3]) & MASK, 7) + state[0]) & MASK
        shifted = state[1] << 9 & MASK
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = rotated(state[3], 11)


def standard_normal(key, sample, size):
    """Return one sample, float64 [size]."""
    words = [int.from_bytes(key[i : i + 4], "little") for i in range(0, 16, 4)]
    blocks = np.array([chacha20(words, block, sample) for block in range(4)])
    # Word w of block b is component w // 4 of the state of generator 4 (w % 4) + b.
    states = blocks.T.reshape(4, LANES)
    generators = [xoshiro128pp([int(word) for word in states[:, lane]]) for lane in range(LANES)]
    blocks = -(-size // (2 * PAIRS))
    drawn = [
        next(generator) for _ in range(blocks * 2 * PAIRS // LANES) for generator in generators
    ]
    radii, angles = np.array(drawn, np.int64).reshape(blocks, 2, PAIRS).swapaxes(0, 1)
    radius = np.sqrt(-2 * np.log(((radii >> 1) + 0.5) / 2**31))
    turn = angles * (2 * np.pi / 2**32)
    return np.concatenate([radius * np.cos(turn), radius * np.sin(turn)], axis=1).ravel()[:size]
