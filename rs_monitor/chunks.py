# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How many samples a forward pass takes: measured at first, and as its pace in use asks for."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence

import numpy as np

from .engines import KEY_BYTES, Engine, EngineError, EngineMemoryError
from .pacing import RESERVE, ChunkPace
from .settings import Settings

_CHUNK_SHARE = 0.125  # of the budget: what smaller ones would gain is not worth a look
_TRYING = 0.3  # seconds spent timing a chunk that seems too slow
# Shares of the time for samples, of the passes without which a frame is lost: so long that frames
# are lost, as long as they should be with a smaller chunk, as long as they may be with the first.
_SLOW, _WANTED, _RETURN = 0.8, 0.5, 0.4
_NO_SLOWER = 1.25  # times its share at first: a chunk that takes less is no slower than it was
_ABOUT = 1.15  # times as many rows: fewer passes of larger chunks cost less
SHORTER = 0.8  # times as long: what a smaller chunk must make of those passes


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
        When one cannot be opened for another reason than memory, or none for that: it names
        the largest half, quarter and so on of the last that fits.
    """
    best, most, sample = None, -math.inf, 0.0
    try:
        for chunk in sizes:
            # Even at half the time of a sample it would not fit. To open one only to see this
            # takes minutes with a network of some gigaflops on a few cores.
            if chunk > sizes[-1] and chunk * sample / 2 > budget:
                continue
            engine, failure = _try_to_open(opener, chunk)
            if engine is None:
                if chunk == sizes[-1] and best is None:
                    raise _naming_what_fits(opener, chunk, failure)
                continue
            try:
                engine.warm_up()
                seconds = _fastest(engine, _CHUNK_SHARE * budget)
            except BaseException:
                engine.close()
                raise
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
    except BaseException:
        if best is not None:
            best.close()
        raise
    return best


def _try_to_open(
    opener: Callable[[int], Engine], chunk: int
) -> tuple[Engine | None, EngineMemoryError | None]:
    """Return the engine, or how memory is short for it."""
    try:
        return opener(chunk), None
    except EngineMemoryError as error:
        # Not the error itself: its traceback would hold what the failed engine did get, and the
        # next, smaller one has to do without it.
        return None, EngineMemoryError(str(error), error.largest)


def _naming_what_fits(
    opener: Callable[[int], Engine], chunk: int, failure: EngineMemoryError
) -> EngineMemoryError:
    """Return the error of a chunk that memory was short for, with the largest one that fits."""
    while failure.largest is None and (chunk := chunk // 2):
        try:
            engine, _ = _try_to_open(opener, chunk)
        except EngineError:  # as where it would have to be built first
            break
        if engine is not None:
            engine.close()
            return EngineMemoryError(
                f"{failure}; of its halves, {chunk} is the largest that fits", chunk
            )
    return failure


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
    rest = budget - min(pace.reserve, RESERVE)
    return ChunkFit(engine.max_batch, pace.typical / rest if rest > 0 else math.inf)


def promised(fit: ChunkFit) -> float:
    """Return the samples that a frame's time is good for: see `expected_samples`."""
    return fit.chunk * (1.0 / fit.share - 1.0)


def asked_chunk(
    now: ChunkFit, first: ChunkFit, relative: float, sizes: Sequence[int], settings: Settings
) -> int:
    """Return the samples a forward pass that its time in use asks for; the same if it may stay.

    Where it has become so slow that frames are lost, this is the largest smaller one with which
    the samples that they need would take half of their time, in proportion, or about as little
    as with any. Once the first is expected to be no such trouble, and to draw more, it is that.

    Parameters
    ----------
    now : ChunkFit
        As of late.
    first : ChunkFit
        Of the chunk that was chosen when the engine was opened, at that time.
    relative : float
        Time of the chunk in use as a part of what the first takes at the same speed.
    sizes : sequence of int
        Those there are, largest first.
    settings : Settings
        In force.
    """
    if math.isinf(now.share):  # none fits
        return now.chunk
    passes = settings.passes_needed
    needed = passes(now.chunk) * now.share
    slower = now.chunk < first.chunk or now.share > _NO_SLOWER * first.share
    if needed >= 1.0 or (needed >= _SLOW and slower):
        smaller = {size: passes(size) * size for size in sizes if size < now.chunk}  # and rows
        wanted = _WANTED * now.chunk / now.share
        least = _ABOUT * min(smaller.values(), default=0)
        asked = next((size for size, rows in smaller.items() if rows <= max(wanted, least)), None)
        shorter = asked and smaller[asked] <= SHORTER * passes(now.chunk) * now.chunk
        return asked if shorter else now.chunk
    back = ChunkFit(first.chunk, now.share / relative)
    if passes(first.chunk) * back.share > max(
        _RETURN, _NO_SLOWER * passes(first.chunk) * first.share
    ):
        return now.chunk
    return first.chunk if promised(back) > promised(now) else now.chunk
