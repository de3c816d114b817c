# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""An engine that fails on command, around a real one."""

from __future__ import annotations

import enum
import time
from pathlib import Path

import numpy as np

from ...engines import Engine, EngineError, EngineIdentity, Votes

_POLL = 0.01  # seconds


class Fault(enum.Enum):
    """What the engine does instead of its work."""

    NONE = "none"
    HANG = "hang"  # until another fault is commanded
    EXCEPTION = "exception"
    MEMORY = "memory"
    NAN = "nan"  # a tenth of the outputs is not finite
    SLOW = "slow"  # 20 ms more for each chunk


class FaultFile:
    """A file that names the fault in force; an absent or empty one means none.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def command(self, fault: Fault) -> None:
        """Put a fault in force."""
        partial = self._path.with_suffix(".partial")
        partial.write_text(fault.value)
        partial.replace(self._path)

    def read(self) -> Fault:
        """Return the fault in force."""
        try:
            return Fault(self._path.read_text().strip() or Fault.NONE.value)
        except FileNotFoundError:
            return Fault.NONE


class FaultyEngine(Engine):
    """Passes everything to a real engine, unless a fault is commanded.

    Parameters
    ----------
    engine : Engine
        The real one; closed with this one.
    faults : FaultFile
    """

    def __init__(self, engine: Engine, faults: FaultFile) -> None:
        super().__init__(engine.model, engine.max_batch)
        self._engine = engine
        self._faults = faults

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """None of its own."""
        return ()

    def chunk_sizes(self, n: int) -> tuple[int, ...]:
        """Return those of the real engine."""
        return self._engine.chunk_sizes(n)

    @property
    def identity(self) -> EngineIdentity:
        """That of the real engine."""
        return self._engine.identity

    def _votes(self, image: np.ndarray, sigma: float, n: int, key: bytes, start: int) -> Votes:
        fault = self._faults.read()
        if fault is Fault.EXCEPTION:
            raise EngineError("the device was lost (a fault that was commanded)")
        if fault is Fault.MEMORY:
            raise MemoryError("a fault that was commanded")
        while fault is Fault.HANG:
            time.sleep(_POLL)
            fault = self._faults.read()
        if fault is Fault.SLOW:
            time.sleep(2 * _POLL)
        votes = self._engine.votes(image, sigma, n, key, start=start)
        if fault is Fault.NAN:
            return _with_invalid(votes, -(-n // 10))
        return votes

    def _run_network(self) -> None:
        self._engine.run_network()

    def _logits(self, batch: np.ndarray) -> np.ndarray:
        return self._engine._logits(batch)

    def close(self) -> None:
        """Close the real engine too."""
        super().close()
        self._engine.close()


def _with_invalid(votes: Votes, wanted: int) -> Votes:
    """Return votes some of which, of the classes with most of them, have become invalid."""
    counts, missing = votes.counts.copy(), wanted
    for index in np.argsort(-counts):
        taken = min(missing, int(counts[index]))
        counts[index] -= taken
        missing -= taken
    return Votes(counts, votes.invalid + wanted - missing, votes.n)
