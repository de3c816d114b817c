# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One engine, measured: time of a frame against its samples, and what that means."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from ...bank import check_reference
from ...chunks import open_paced
from ...engines import Engine, EngineIdentity, EngineMemoryError
from ...frames import Resizer
from ...settings import MAX_N
from ..machine import available_memory
from .frame_loop import FrameLoop
from .reference import BATCH, ReferenceLoop
from .timing import Times, interleaved, linear_fit
from .work import Work

_FEWEST, _MOST = 10, 1000  # repetitions
_TRIES = 5  # of a batch while the largest inside the period is looked for
_BEYOND = 2.0  # frame periods up to which batches are measured
_SETTLE = 0.02  # seconds: PyTorch's threads keep spinning for some milliseconds after their work
_FLOAT = 4  # bytes
_LIMIT_BATCHES = (1, 8, 64, 256)  # of the convolutions that show the machine's limit
_LIMIT_MS = 4.0  # a forward pass of these that takes as long is large enough

Opener = Callable[[int], Engine]


@dataclasses.dataclass(frozen=True)
class Conditions:
    """What is measured, and how.

    Attributes
    ----------
    frame : numpy.ndarray
        uint8 RGB [H, W, 3]: what the camera delivers.
    chunks : tuple of int
        Samples a forward pass to choose from as the node does, largest first.
    sigma : float
        Standard deviation of the noise on pixels in [0, 1].
    period : float
        Frame period in milliseconds.
    seconds : float
        How long to measure, about; at least 10 repetitions are made.
    batches : tuple of int
        Samples a frame to measure; () for powers of two up to twice the period. Those around the
        largest that fits are measured besides.
    title : str
        For progress.
    """

    frame: np.ndarray
    chunks: tuple[int, ...]
    sigma: float = 0.25
    period: float = 40.0
    seconds: float = 30.0
    batches: tuple[int, ...] = ()
    title: str = ""


def check_memory(work: Work, batch: int, available: int | None = None) -> None:
    """Refuse a batch that main memory has no room for, rather than be killed for it.

    Raises
    ------
    EngineMemoryError
        Naming the largest batch that may fit.
    """
    available = available_memory() if available is None else available
    each = _FLOAT * work.values
    if batch * each > available:
        raise EngineMemoryError(
            f"a batch of {batch} takes {batch * each >> 20} MB at least, {available >> 20} MB of "
            f"memory are free: at most {available // each} fit",
            available // each,
        )


def measure(
    opener: Opener,
    conditions: Conditions,
    *,
    work: Work | None = None,
    network: Any = None,
    limit: tuple[Callable[[EngineIdentity, int], Engine], Work] | None = None,
) -> dict[str, Any]:
    """Measure one model on one engine.

    Parameters
    ----------
    opener : callable
        Opens the engine for chunks of so many samples.
    conditions : Conditions
    work : Work, optional
        Of one sample.
    network : torch.nn.Module, optional
        The same network for the reference loop, measured in turn with the engine.
    limit : (callable, Work), optional
        Opens the network of convolutions that shows the machine's limit as another engine runs,
        and its work.

    Returns
    -------
    dict
        Times in ms. rows: batch, median_ms, p95_ms, p99_ms, samples_per_second of the whole loop;
        chunk; repetitions; largest_batch_in_period (by the median; None where none is) and
        largest_batch_in_period_p99; loop, raw and reference samples a second with their ratios,
        the former two at loop_batch, which tries before the measurement found to fit;
        fixed_cost_ms and ms_per_sample of the line through the rows of whole chunks; limit, None
        where it was not asked for; identity of the engine.

    Raises
    ------
    EngineError
        When an engine cannot be opened, or fails.
    ModelError
        When the network computes nothing, or not what its card says (`check_reference`).
    """
    engines: dict[int, Engine] = {}

    def engine_for(batch: int) -> Engine:
        if batch not in engines:
            engines[batch] = opener(batch)
            engines[batch].warm_up()
        return engines[batch]

    try:
        main = open_paced(opener, conditions.chunks, conditions.period / 1e3)
        chunk = main.max_batch
        engines[chunk] = main
        check_reference(main)
        loop = FrameLoop(main, conditions.frame, conditions.sigma)
        most = min(_most_chunks(loop, conditions.period), max(1, MAX_N // chunk)) * chunk
        around = {most + k * chunk for k in (-2, -1, 0, 1) if most + k * chunk > 0}
        batches = sorted(around | set(conditions.batches or _powers(chunk, most)))
        whole = {
            batch: FrameLoop(
                main if batch >= chunk else engine_for(batch), conditions.frame, conditions.sigma
            )
            for batch in batches
        }
        subjects: dict[Hashable, Callable[[], object]] = {
            batch: functools.partial(whole[batch], batch) for batch in batches
        }
        subjects["raw"] = functools.partial(loop.raw, most)
        settle = 0.0
        if network is not None:
            resized = Resizer(main.model.height, main.model.width)(conditions.frame)
            subjects["reference"] = reference = ReferenceLoop(network, resized, conditions.sigma)
            settle = _SETTLE
        if limit is not None:
            busy = _busy(functools.partial(limit[0], main.identity))
            engines[-1] = busy
            subjects["limit"] = functools.partial(
                FrameLoop(busy, conditions.frame, 0.0).raw, busy.max_batch
            )
        repetitions = _repetitions(subjects, conditions.seconds, settle)
        times = interleaved(subjects, repetitions, settle=settle, title=conditions.title)
        result = _result(times, batches, chunk, most, conditions.period)
        result |= {"identity": dataclasses.asdict(main.identity), "limit": None}
        if network is not None:
            result |= {"reference_device": reference.device}
            result |= {"reference_threads": reference.threads, "reference_batch": BATCH}
        if limit is not None and work is not None:
            result["limit"] = _fractions(result, work, limit[1], busy.max_batch, times["limit"])
        return result
    finally:
        for engine in engines.values():
            engine.close()


def _powers(chunk: int, most: int) -> list[int]:
    """Return 1, 2, 4, ... up to the first beyond twice the period, in whole chunks from one on."""
    powers = [1]
    while powers[-1] < _BEYOND * most and 2 * powers[-1] <= MAX_N:
        powers.append(2 * powers[-1])
    return sorted({p if p < chunk else round(p / chunk) * chunk for p in powers})


def _shortest(run: Callable[[], object]) -> float:
    """Return the shortest duration of a few calls in milliseconds: least disturbed by others."""
    return float(interleaved({0: run}, _TRIES)[0].milliseconds.min())


def _most_chunks(loop: FrameLoop, period: float) -> int:
    """Return about how many chunks fit into the period, at least 1."""
    chunk = loop.engine.max_batch

    def inside(chunks: int) -> bool:
        return _shortest(functools.partial(loop, chunks * chunk)) <= period

    chunks = max(1, int(period / _shortest(functools.partial(loop, chunk))))
    step = max(1, chunks // 32)
    if inside(chunks):
        while inside(chunks + step):
            chunks += step
    else:
        while chunks > 1 and not inside(chunks):
            chunks = max(1, chunks - step)
    return chunks


def _busy(opener: Opener) -> Engine:
    """Open the convolutions with a batch that keeps this device busy for some milliseconds."""
    for batch in _LIMIT_BATCHES:
        engine = opener(batch)
        engine.warm_up()
        loop = FrameLoop(engine, np.zeros((8, 8, 3), np.uint8), 0.0)
        if batch == _LIMIT_BATCHES[-1] or _shortest(functools.partial(loop.raw, 1)) >= _LIMIT_MS:
            return engine
        engine.close()
    raise AssertionError("the largest batch is always taken")


def _repetitions(
    subjects: dict[Hashable, Callable[[], object]], seconds: float, settle: float
) -> int:
    """Return how many rounds take about so many seconds."""
    for run in subjects.values():
        run()
    started = time.perf_counter()
    for run in subjects.values():
        run()
    once = time.perf_counter() - started + settle * len(subjects)
    return min(max(_FEWEST, round(seconds / once)), _MOST)


def _result(
    times: dict[Hashable, Times], batches: list[int], chunk: int, most: int, period: float
) -> dict[str, Any]:
    rows = [
        {
            "batch": batch,
            "median_ms": times[batch].median,
            "p95_ms": times[batch].percentile(95),
            "p99_ms": times[batch].percentile(99),
            "samples_per_second": 1e3 * batch / times[batch].median,
        }
        for batch in batches
    ]
    lines = [row for row in rows if row["batch"] % chunk == 0]
    fit = linear_fit([row["batch"] for row in lines], [row["median_ms"] for row in lines])
    loop = 1e3 * most / times[most].median
    raw = 1e3 * most / times["raw"].median
    reference = 1e3 * BATCH / times["reference"].median if "reference" in times else None
    return {
        "rows": rows,
        "chunk": chunk,
        "repetitions": len(times["raw"].milliseconds),
        "largest_batch_in_period": _largest(rows, "median_ms", period),
        "largest_batch_in_period_p99": _largest(rows, "p99_ms", period),
        "loop_batch": most,
        "loop_samples_per_second": loop,
        "raw_samples_per_second": raw,
        "loop_over_raw": loop / raw,
        "reference_samples_per_second": reference,
        "loop_over_reference": reference and loop / reference,
        "fixed_cost_ms": fit and fit[0],
        "ms_per_sample": fit and fit[1],
    }


def _largest(rows: list[dict[str, Any]], quantile: str, period: float) -> int | None:
    return max((row["batch"] for row in rows if row[quantile] <= period), default=None)


def _fractions(
    result: dict[str, Any], work: Work, limit: Work, samples: int, times: Times
) -> dict[str, Any]:
    """Return operations a second of the network as parts of what convolutions reach here."""
    reached = limit.operations * samples / (times.median / 1e3)
    return {
        "what": "3x3 convolutions of 256 channels at 16x16, same backend and precision",
        "operations_per_second": reached,
        "network_operations_per_sample": work.operations,
        "raw_fraction": work.operations * result["raw_samples_per_second"] / reached,
        "loop_fraction": work.operations * result["loop_samples_per_second"] / reached,
    }
