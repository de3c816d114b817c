# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The latest frame only: a slot between the executor's thread and the worker's."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any


@dataclasses.dataclass(frozen=True)
class Received:
    """A message and when it came.

    Attributes
    ----------
    message : Image or CompressedImage
    steady : float
        Steady clock at reception, seconds.
    node_time : int
        Node's clock at reception, nanoseconds.
    """

    message: Any
    steady: float
    node_time: int


@dataclasses.dataclass(frozen=True)
class Taken:
    """A frame taken from the slot, and the counts at that moment.

    Attributes
    ----------
    received : Received
    sequence : int
        Frames taken so far, this one included.
    superseded_total : int
        Frames replaced so far. With `sequence` it makes the number of frames received up to
        and including this one.
    """

    received: Received
    sequence: int
    superseded_total: int


class LatestSlot:
    """Holds one frame; a newer one replaces it and is counted.

    A frame that was taken is open until somebody who claimed it says that it is done: whoever
    claims it first publishes its only certificate.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: Received | None = None
        self._open: dict[int, bool] = {}  # sequence to whether it is claimed
        self._closed = False
        self._taken = 0
        self._superseded = 0

    def put(self, received: Received) -> None:
        """Offer a frame."""
        with self._changed:
            if self._held is not None:
                self._superseded += 1
            self._held = received
            self._changed.notify_all()

    def take(self) -> Taken | None:
        """Wait for a frame; None once the slot is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._held is not None or self._closed)
            if self._closed:
                return None
            received, self._held = self._held, None
            self._taken += 1
            self._open[self._taken] = False
            return Taken(received, self._taken, self._superseded)

    def claim(self, taken: Taken) -> bool:
        """Ask for the right to answer a frame: True for the first who does."""
        with self._changed:
            if self._open.get(taken.sequence, True):
                return False
            self._open[taken.sequence] = True
            return True

    def done(self, taken: Taken) -> None:
        """Close a frame: it has its certificate, or none can be published."""
        with self._changed:
            self._open.pop(taken.sequence, None)
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until nothing is held or open; False when the time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held and not self._open, timeout)

    def close(self) -> None:
        """Wake the taker for good; a frame still held is dropped."""
        with self._changed:
            self._closed = True
            self._held = None
            self._changed.notify_all()
