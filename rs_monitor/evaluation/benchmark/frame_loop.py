# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What is timed: the whole of a frame's work, and the network alone."""

from __future__ import annotations

import math
import time

import numpy as np

from ...engines import Engine, Votes, noise_key
from ...frames import Resizer
from ...pacing import ChunkPace
from ...sampling import Draw


def sample_frame(height: int, width: int) -> np.ndarray:
    """Return a camera frame to measure with, uint8 RGB [height, width, 3]: always the same."""
    generator = np.random.Generator(np.random.PCG64(0))
    return generator.integers(0, 256, (height, width, 3), np.uint8)


class FrameLoop:
    """uint8 frame in, counts out: resize, noise, network, argmax and counting, as the node does.

    Parameters
    ----------
    engine : Engine
    frame : numpy.ndarray
        uint8 RGB [H, W, 3], of any size.
    sigma : float
        Standard deviation of the noise on pixels in [0, 1].
    """

    def __init__(self, engine: Engine, frame: np.ndarray, sigma: float) -> None:
        self.engine, self._frame, self._sigma = engine, frame, sigma
        self._resize = Resizer(engine.model.height, engine.model.width)
        self._pace = ChunkPace(time.monotonic)

    def __call__(self, n: int) -> Votes:
        """Draw n samples, of fresh noise, in chunks of the engine's max_batch."""
        image = self._resize(self._frame)
        key = noise_key(None, "", 0)
        return Draw(self.engine, self._pace, image, self._sigma, key, None).take(n)

    def raw(self, n: int) -> None:
        """Run the network alone on as many full batches as n samples take."""
        for _ in range(math.ceil(n / self.engine.max_batch)):
            self.engine.run_network()
