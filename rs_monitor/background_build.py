# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Builds an engine while the node goes on answering."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .engine_state import EngineStage, EngineState
from .engines import EngineNotBuilt


class BackgroundBuild:
    """A build on a thread of its own, which starts at once.

    Parameters
    ----------
    missing : EngineNotBuilt
    finished : callable
        Called, on that thread, when the build has ended.
    """

    def __init__(self, missing: EngineNotBuilt, finished: Callable[[], None]) -> None:
        self._missing = missing
        self._finished = finished
        self._progress = "starting"
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name="engine build", daemon=True)
        self._ended = False
        self._thread.start()

    @property
    def state(self) -> EngineState:
        """How far it is."""
        return EngineState(EngineStage.BUILDING, detail=self._progress)

    @property
    def ended(self) -> bool:
        """Whether it is over; `failure` then says why it failed, or nothing."""
        return self._ended

    def _run(self) -> None:
        try:
            self._missing.build(self._report)
        except Exception as error:  # whatever a runtime raises
            self.failure = str(error) or type(error).__name__
        self._ended = True
        self._finished()

    def _report(self, phase: str, done: int, steps: int) -> None:
        self._progress = f"{phase}: {done} of {steps}"
