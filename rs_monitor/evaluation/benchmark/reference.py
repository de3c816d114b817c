# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The loop that others' implementations of randomized smoothing run, for comparison."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

BATCH = 100  # samples a forward pass


class ReferenceLoop:
    """Cohen et al.'s sampling in plain PyTorch, float32: copy, randn, forward, argmax, count.

    No gradients, contiguous memory, all cores; on the GPU where the network lies there. The
    counting is vectorised, which the reference code's is not.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode, float32; maps RGB [N, 3, H, W] in [0, 1] to logits.
    image : numpy.ndarray
        float32 RGB [H, W, 3] in [0, 1].
    sigma : float
    """

    def __init__(self, network: Any, image: np.ndarray, sigma: float) -> None:
        import torch

        self._torch, self._network, self._sigma = torch, network, sigma
        tensor = next((t for t in [*network.parameters(), *network.buffers()]), torch.empty(0))
        planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
        self._image = planes.to(tensor.device)
        self.device = str(tensor.device)
        self.threads = len(os.sched_getaffinity(0))

    def __call__(self, n: int = BATCH) -> np.ndarray:
        """Return the votes, int64 [K], of n samples."""
        torch = self._torch
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        counts = np.zeros(0, np.int64)
        try:
            with torch.no_grad():
                for done in range(0, n, BATCH):
                    rows = min(BATCH, n - done)
                    batch = self._image.repeat((rows, 1, 1, 1))
                    logits = self._network(batch + torch.randn_like(batch) * self._sigma)
                    winners = logits.argmax(1).cpu().numpy()
                    part = np.bincount(winners, minlength=logits.shape[1])
                    counts = part if not done else counts + part
        finally:
            torch.set_num_threads(before)
        return counts
