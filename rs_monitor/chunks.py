# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How many samples a forward pass takes: measured at first, and as its pace in use asks for."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from .engines import KEY_BYTES, Engine, EngineMemoryError
from .pacing import RESERVE, ChunkPace

_CHUNK_SHARE = 0.125  # of the budget: what smaller ones would gain is not worth a look
_TRYING = 0.3  # seconds spent timing a chunk that seems too slow
# Shares of the time for samples: of a chunk so slow that frames are lost, of one that takes its
# place, and of one so fast that a larger one may use the machine better.
_SLOW, _WANTED, _FAST = 0.8, 0.25, 0.03
# Times its share at first: a chunk that takes less is no slower than it was; one that is expected
# to take less, in proportion to smaller ones, may come back.
_NO_SLOWER, _AS_BEFORE = 1.25, 1.5


def open_paced(opener: Callable[[int], Engine], sizes: Sequence[int], budget: float) -> Engine:
    """Open an engine with the chunk that draws most samples in a frame's time, as measured.

    Parameters
    ----------
    opener : callable
        Opens an engine for chunks of so many samples.
    sizes : sequence of int
        Those to try, largest first: see `chunk_sizes`.
    budget : float
        Seconds a frame may take.

    Raises
    ------
    EngineError
        When one cannot be opened for another reason than memory, or none for that.
    """
    best, most, sample = None, -math.inf, 0.0
    for chunk in sizes:
        # Even at half the time of a sample it would not fit. To open one only to see this takes
        # minutes with a network of some gigaflops on a few cores.
        if chunk > sizes[-1] and chunk * sample / 2 > budget:
            continue
        try:
            engine = opener(chunk)
        except EngineMemoryError:
            if chunk == sizes[-1]:
                raise
            continue
        engine.warm_up()
        seconds = _fastest(engine, _CHUNK_SHARE * budget)
        sample = seconds / chunk
        expected = expected_samples(chunk, seconds, budget)
        if best is not None and expected < most:
            engine.close()
        else:
            if best is not None:
                best.close()
            best, most = engine, expected
        if seconds <= _CHUNK_SHARE * budget:
            break
    return best


def expected_samples(chunk: int, seconds: float, budget: float) -> float:
    """Return the samples drawn in a budget, of which a chunk's time is left unused in the mean.

    Half of it because another would not fit, and half because one is begun only where even a
    slow one would end in time: on shared hosts those take half as long again as the usual ones.

    Parameters
    ----------
    chunk : int
        Samples.
    seconds : float
        What it takes.
    budget : float
        Seconds, the reserve after the last chunk included.
    """
    return chunk * (max(0.0, budget - RESERVE) / seconds - 1.0)


def _fastest(engine: Engine, limit: float) -> float:
    """Return how many seconds a chunk takes when nothing else disturbs it; any that is in `limit`.

    The fastest of several counts: a busy moment while the node is configured must not make
    chunks small for as long as it runs.
    """
    image = np.full((engine.model.height, engine.model.width, 3), 0.5, np.float32)
    end, fastest = time.monotonic() + _TRYING, math.inf
    while True:
        started = time.monotonic()
        engine.votes(image, 0.25, engine.max_batch, bytes(KEY_BYTES))
        ended = time.monotonic()
        fastest = min(fastest, ended - started)
        if fastest <= limit or ended > end:
            return fastest


@dataclasses.dataclass(frozen=True)
class ChunkFit:
    """How a chunk fits the time that a frame has for samples.

    Attributes
    ----------
    chunk : int
        Samples a forward pass.
    share : float
        What it takes of that time; infinite where there is none.
    """

    chunk: int
    share: float


def chunk_fit(engine: Engine, pace: ChunkPace, budget: float) -> ChunkFit:
    """Return how an engine's chunk fits, as its pace is of late.

    Parameters
    ----------
    engine : Engine
    pace : ChunkPace
    budget : float
        Seconds a frame may take.
    """
    rest = budget - RESERVE
    return ChunkFit(engine.max_batch, pace.typical / rest if rest > 0 else math.inf)


def asked_chunk(now: ChunkFit, first: ChunkFit, sizes: Sequence[int]) -> int:
    """Return the samples a forward pass that its time in use asks for; the same if it may stay.

    Where it has become so slow that frames are lost, this is the largest whose time, in
    proportion, is as it should be; so it is where it is smaller than at first and has become a
    small part of a frame. Where the first would take, in proportion, about as long as it did,
    it is the first.

    Parameters
    ----------
    now : ChunkFit
        As of late.
    first : ChunkFit
        Of the chunk that was the best of all that were measured: none is worth a try that is
        larger, or smaller while that one takes no longer than it did.
    sizes : sequence of int
        Those there are, largest first.
    """
    if math.isinf(now.share):  # none fits
        return now.chunk
    slow = now.share >= _SLOW and (now.chunk < first.chunk or now.share > _NO_SLOWER * first.share)
    if not slow and now.share / now.chunk <= _AS_BEFORE * first.share / first.chunk:
        return first.chunk
    if not slow and now.share > _FAST:
        return now.chunk
    wanted = now.chunk * _WANTED / max(now.share, 1e-9)
    asked = next((chunk for chunk in sizes if chunk <= wanted), sizes[-1])
    return min(asked, now.chunk) if slow else min(max(asked, now.chunk), first.chunk)
