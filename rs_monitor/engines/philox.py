# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian noise made where the network runs: Philox4x32-10 and Box-Muller in PyTorch.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Plain tensor operations:
what is tested on the CPU is what a GPU runs.
"""

from __future__ import annotations

import math

import torch

_MASK = 0xFFFFFFFF
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
Words = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def philox(counter: Words, key: tuple[torch.Tensor, torch.Tensor]) -> Words:
    """Return four random words for each counter; int64 tensors that hold 32 bits each."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        # The product wraps modulo 2**64; its halves are right whatever its sign.
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((p1 >> 32) & _MASK) ^ c1 ^ k0,
            p1 & _MASK,
            ((p0 >> 32) & _MASK) ^ c3 ^ k1,
            p0 & _MASK,
        )
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def standard_normal(
    key: torch.Tensor, start: torch.Tensor, samples: int, size: int
) -> torch.Tensor:
    """Return samples `start`, `start` + 1, ... of a key.

    Sample i depends on the key and on i alone. All 128 bits of the key count: two are Philox's
    key, two stand in its counter beside the sample's and the element's number, so that no two
    (key, sample, element) share a counter.

    Parameters
    ----------
    key : torch.Tensor
        int64 [4], 32 bits each.
    start : torch.Tensor
        int64 scalar, with all samples below 2**32.
    samples, size : int
        Shape of the result.

    Returns
    -------
    torch.Tensor
        float32 [samples, size], on the key's device. At most 6.8 in magnitude.
    """
    blocks = torch.arange((size + 3) // 4, device=key.device)[None, :]
    sample = (start + torch.arange(samples, device=key.device))[:, None]
    zero = torch.zeros_like(blocks + sample)
    words = philox((blocks + zero, sample + zero, key[2] + zero, key[3] + zero), (key[0], key[1]))
    u = [(word.to(torch.float32) + 1.0) * 2.0**-32 for word in words]
    parts = []
    for first, second in ((u[0], u[1]), (u[2], u[3])):
        length = torch.sqrt(-2.0 * torch.log(first))
        angle = (2.0 * math.pi) * second
        parts += [length * torch.cos(angle), length * torch.sin(angle)]
    return torch.stack(parts, dim=2).reshape(samples, -1)[:, :size]
