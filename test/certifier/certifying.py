# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of the certifier share."""

import numpy as np
from small_models import solid

from rs_monitor.engines import Votes
from rs_monitor.frames import Frame

CHUNK = 16
KEY = bytes(range(16))


def frame(color="green", height=24, width=32, gain=1.0, **levels):
    return Frame(solid(color, height, width, **levels), "rgb8", gain)


class CountingClock:
    """A steady clock that stands still but for one `step` at each look."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def counted(*counts, invalid=0):
    return Votes(np.array(counts), invalid, sum(counts) + invalid)
