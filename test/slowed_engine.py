# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A real engine on a machine whose speed the test commands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rs_monitor.engines import open_engine


class Slowness:
    """Opens engines whose samples take longer.

    Attributes
    ----------
    sample : callable
        Returns the seconds that every sample takes beside its own time.
    fixed : float
        Seconds that every forward pass takes beside that.
    refused : Exception or None
        Why no further engine can be opened.
    gate : threading.Event or None
        What the next engines wait for before they are opened.
    opened : list of Engine
    """

    def __init__(self, sample: Callable[[], float] = lambda: 0.0) -> None:
        self.sample = sample
        self.fixed = 0.0
        self.refused: Exception | None = None
        self.gate: threading.Event | None = None
        self.opened: list[Any] = []

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Open an engine as `open_engine` does."""
        if self.refused is not None:
            raise self.refused
        if self.gate is not None:
            self.gate.wait()
        engine = open_engine(*arguments, **named)
        draw = engine._votes

        def slowly(image: Any, sigma: float, n: int, key: bytes, start: int) -> Any:
            time.sleep(self.fixed + self.sample() * n)
            return draw(image, sigma, n, key, start)

        engine._votes = slowly
        self.opened.append(engine)
        return engine
