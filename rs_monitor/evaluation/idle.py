# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How many samples a frame gets when this process has the machine for itself."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterable

from ..certifier import Certifier
from ..engines import noise_key
from ..frames import FrameError, decode_message
from ..settings import Settings
from .bags import RecordedImage


def samples_when_idle(
    certifier: Certifier,
    images: Iterable[RecordedImage],
    settings: Settings,
    budget: float,
    frames: int = 50,
) -> float:
    """Certify frames one after the other, each with the node's budget.

    Parameters
    ----------
    certifier : Certifier
        Warm.
    images : iterable of RecordedImage
    settings : Settings
    budget : float
        Seconds from the undecoded frame to its deadline.
    frames : int
        How many images to take.

    Returns
    -------
    float
        Median number of samples drawn; 0 where no image could be decoded.
    """
    drawn = []
    for image in itertools.islice(images, frames):
        deadline = time.monotonic() + budget
        try:
            frame = decode_message(image.message)
        except FrameError:
            continue
        result = certifier.certify(frame, settings, noise_key(None, "", 0), deadline)
        drawn.append(result.certificate.n_drawn)
    return float(statistics.median(drawn)) if drawn else 0.0
