# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""An engine at work: its latency with the tail, and its memory."""

from __future__ import annotations

import functools

import numpy as np

from ...engines import Engine
from ..benchmark.frame_loop import FrameLoop
from ..benchmark.timing import interleaved
from ..machine import resident_memory
from .check import Check

_GROWTH = 20 << 20  # bytes that many frames may add
_QUANTILES = (50, 95, 99, 99.9, 100)


def check_latency(
    engine: Engine, frame: np.ndarray, sigma: float, least_n: int, budget: float, repeats: int
) -> Check:
    """Time a frame of one chunk, which must fit into the budget even when it is slow.

    Parameters
    ----------
    engine : Engine
        Warm.
    frame : numpy.ndarray
        uint8 RGB.
    sigma : float
    least_n : int
        Fewest samples that certify at all.
    budget : float
        Milliseconds a frame may take.
    repeats : int
    """
    n = -(-least_n // engine.max_batch) * engine.max_batch
    loop = FrameLoop(engine, frame, sigma)
    times = interleaved({n: functools.partial(loop, n)}, repeats, title="latency")[n]
    found = {f"p{q:g}": times.percentile(q) for q in _QUANTILES}
    told = ", ".join(f"p{q:g} {times.percentile(q):.2f}" for q in _QUANTILES)
    return Check(
        "the least frame fits into the budget",
        found["p99"] <= budget,
        f"from frame to counts with n = {n}, ms: {told} ({repeats} frames)",
        f"p99 at most {budget:g} ms: n = {least_n} is the least that certifies",
        {"n": n, "budget_ms": budget, "milliseconds": found},
    )


def check_memory(engine: Engine, frame: np.ndarray, sigma: float, n: int, frames: int) -> Check:
    """Look whether the process grows while frames are classified."""
    loop = FrameLoop(engine, frame, sigma)
    for _ in range(frames // 10 + 1):
        loop(n)
    before = resident_memory()
    for _ in range(frames):
        loop(n)
    after = resident_memory()
    return Check(
        "memory stays",
        after - before <= _GROWTH,
        f"{after / 2**20:.0f} MB resident, {(after - before) / 2**20:+.1f} MB in {frames} frames "
        f"of n = {n}",
        f"{_GROWTH >> 20} MB more",
        {"resident_mb": after / 2**20, "growth_mb": (after - before) / 2**20, "frames": frames},
    )
