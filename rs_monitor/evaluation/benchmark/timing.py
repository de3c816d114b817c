# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Times of things that are measured in turn, so that a slow moment of the machine meets all."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import numpy as np
from tqdm import tqdm

Name = TypeVar("Name", bound=Hashable)
_WARM_UP = 2  # calls of each before the first that counts


@dataclasses.dataclass(frozen=True)
class Times:
    """Durations of one thing's repetitions, in milliseconds.

    Attributes
    ----------
    milliseconds : numpy.ndarray
        float64 [repetitions], in the order they were measured.
    """

    milliseconds: np.ndarray

    @property
    def median(self) -> float:
        """Median in milliseconds."""
        return float(np.median(self.milliseconds))

    def percentile(self, q: float) -> float:
        """Return a percentile in milliseconds."""
        return float(np.percentile(self.milliseconds, q))


def interleaved(
    subjects: Mapping[Name, Callable[[], object]],
    repetitions: int,
    *,
    settle: float = 0.0,
    title: str = "",
) -> dict[Name, Times]:
    """Time every subject once, then every one again, and so on.

    Parameters
    ----------
    subjects : mapping
        Each is called without arguments and returns when its work is done.
    repetitions : int
        Calls of each that count, at least 1.
    settle : float
        Seconds of rest before each call: threads of one library that still wait actively for
        work would slow the next.
    title : str
        For a progress bar on standard error, where that is a terminal.

    Returns
    -------
    dict
        Times by subject.
    """
    for run in subjects.values():
        for _ in range(_WARM_UP):
            run()
    seconds = np.empty((len(subjects), repetitions))
    silent = not title or not sys.stderr.isatty()
    for turn in tqdm(range(repetitions), desc=title, unit="round", disable=silent, leave=False):
        for index, run in enumerate(subjects.values()):
            if settle:
                time.sleep(settle)
            started = time.perf_counter()
            run()
            seconds[index, turn] = time.perf_counter() - started
    return {name: Times(1e3 * row) for name, row in zip(subjects, seconds)}


def linear_fit(ns: list[int], milliseconds: list[float]) -> tuple[float, float] | None:
    """Fit time = fixed + each * n by least squares; None with fewer than three different n."""
    if len(set(ns)) < 3:  # two leave no room for an error to show
        return None
    each, fixed = np.polyfit(ns, milliseconds, 1)
    return float(fixed), float(each)
