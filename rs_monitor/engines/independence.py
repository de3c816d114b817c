# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a network answers for each row of a batch by itself, and the same every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .base import EngineError

# Of the range that a logit has over different images: rounding may differ between places in a
# batch (it does not on the CPUs tried), a dependence that matters is larger.
_TOLERANCE = {"fp32": 1e-3}
_REDUCED_TOLERANCE = 2e-2
_ROUNDING = 1e-5  # of the logit itself
_PROBES = 4


def check_independence(
    logits: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...], precision: str, name: str
) -> None:
    """Refuse a network whose votes would not be independent draws.

    Clopper-Pearson counts independent votes. A layer that mixes the rows of a batch (batch
    normalisation exported in training mode, say) makes them agree with each other, and a layer
    that draws its own random numbers makes them unrepeatable; both void the certificate.

    Parameters
    ----------
    logits : callable
        Maps float32 [batch, 3, H, W] to logits [batch, K].
    shape : tuple of int
        [batch, 3, H, W].
    precision : str
        What the network runs in.
    name : str
        For the message.

    Raises
    ------
    EngineError
        When a row's logits depend on the other rows, on its place, or on chance.
    """
    generator = np.random.default_rng(0)
    tolerance = _TOLERANCE.get(precision, _REDUCED_TOLERANCE)

    def normal(mean: float, deviation: float) -> np.ndarray:
        return generator.normal(mean, deviation, shape).astype(np.float32)

    crowds = (normal(0.5, 0.25), np.zeros(shape, np.float32), np.ones(shape, np.float32))
    crowds += (normal(0.5, 4.0), normal(0.2, 0.05))
    # Several at once: every second row of the first half, and mirrored. The others are crowd, and
    # who is at which distance from whom changes.
    count = max(1, min(_PROBES, shape[0] // 4))
    probes = normal(0.5, 0.25)[:count]
    front = 2 * np.arange(count)
    back = shape[0] - 1 - front
    settings = ((front, crowds[0]), *((back, crowd) for crowd in crowds), (front, crowds[0]))
    seen = []
    for places, crowd in settings:
        batch = crowd.copy()
        batch[places] = probes
        seen.append(np.array(logits(batch)[places], np.float64))
    table = np.stack(seen, axis=1)
    alone = table[:, 0]
    # By class: a large constant in one logit must not hide a dependence in another.
    finite = np.where(np.isfinite(alone), alone, 0.0)
    allowed = tolerance * np.ptp(finite, axis=0) + _ROUNDING * np.abs(finite).max(axis=0)
    for others in table[:, 1:].swapaxes(0, 1):
        with np.errstate(invalid="ignore"):
            same = np.abs(others - alone) <= allowed
        if not (same | (others == alone) | (np.isnan(others) & np.isnan(alone))).all():
            raise EngineError(
                f"{name}: the logits of an image change with the other images of its batch, its "
                "place there, or from call to call: the votes would not be independent and "
                "certify nothing; export the network in evaluation mode"
            )
