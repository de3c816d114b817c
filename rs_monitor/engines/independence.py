# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a network answers for each row of a batch by itself, and the same every time."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from .errors import EngineError

# Of the range that a logit has over different images: rounding may differ between places in a
# batch (it does not on the CPUs tried), a dependence that matters is larger.
_TOLERANCE = {"fp32": 1e-3}
_REDUCED_TOLERANCE = 2e-2
_ROUNDING = 1e-5  # of the logit itself
_PROBES = 4
_SPACING = 4  # rows a probe: the others of the batch are its crowd
# Mean and deviation of the pixels around the probes: noise, black, white, far out, dark.
_CROWDS = ((0.5, 0.25), (0.0, 0.0), (1.0, 0.0), (0.5, 4.0), (0.2, 0.05))
# Chance that is drawn rarely shows in many calls only: this many, where they take no time.
_CALLS, _REPEATING = 28, 0.5  # at most so many, while the check has taken so many seconds


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
    until = time.monotonic() + _REPEATING
    generator = np.random.default_rng(0)
    tolerance = _TOLERANCE.get(precision, _REDUCED_TOLERANCE)
    size = shape[0]

    batch = np.empty(shape, np.float32)  # one for all crowds: batches may be as large as memory
    probes = generator.normal(0.5, 0.25, (_PROBES, *shape[1:])).astype(np.float32)

    def seen(group: np.ndarray, places: np.ndarray, crowd: int) -> np.ndarray:
        mean, deviation = _CROWDS[crowd]
        np.random.default_rng(crowd).standard_normal(out=batch, dtype=np.float32)
        np.multiply(batch, np.float32(deviation), out=batch)
        np.add(batch, np.float32(mean), out=batch)
        batch[places] = probes[group]
        return np.array(logits(batch)[places], np.float64)

    # Several probes a batch where it is large, at places drawn anew for each: probes at the same
    # distances from each other would not show a network that mixes rows at those distances.
    together = max(1, min(_PROBES, size // _SPACING))
    alone: list[np.ndarray] = []
    answers: list[tuple[np.ndarray, np.ndarray]] = []  # which probes, their logits
    for group in np.array_split(np.arange(_PROBES), -(-_PROBES // together)):
        home = generator.permutation(size)[: len(group)]
        alone.append(seen(group, home, 0))
        for crowd in range(len(_CROWDS)):
            places = home
            while size > 1 and np.any(places == home):
                places = generator.permutation(size)[: len(group)]
            answers.append((group, seen(group, places, crowd)))
        answers.append((group, seen(group, home, 0)))
    while len(alone) + len(answers) < _CALLS and time.monotonic() < until:
        answers.append((group, seen(group, home, 0)))
    table = np.concatenate(alone)
    # By class: a large constant in one logit must not hide a dependence in another.
    finite = np.where(np.isfinite(table), table, 0.0)
    allowed = tolerance * np.ptp(finite, axis=0) + _ROUNDING * np.abs(finite).max(axis=0)
    for group, others in answers:
        expected = table[group]
        with np.errstate(invalid="ignore"):
            same = np.abs(others - expected) <= allowed
        if not (same | (others == expected) | (np.isnan(others) & np.isnan(expected))).all():
            raise EngineError(
                f"{name}: the logits of an image change with the other images of its batch, its "
                "place there, or from call to call: the votes would not be independent and "
                "certify nothing; export the network in evaluation mode"
            )
