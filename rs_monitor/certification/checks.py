# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Argument checks shared by the certification modules.

Each returns the value in the type the caller computes with, or raises a ValueError that names the
argument, the value and what is allowed.
"""

import math
import numbers

import numpy as np

#: The message carries sample counts as uint32; below this, sums of votes cannot overflow int64.
MAX_SAMPLES = 2**32 - 1


def check_integer(name, value, *, low, high=MAX_SAMPLES):
    """Return ``value`` as an int within ``low..high``; bool and float are refused."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be an integer, got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must lie in {low}..{high}, got {value!r}")
    return int(value)


def _is_real(value):
    # float first: the abstract class is much slower to ask.
    return isinstance(value, float) or (
        isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    )


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def check_positive(name, value):
    """Return ``value`` as a finite float above 0."""
    if not _is_real(value) or not _is_finite(value) or value <= 0:
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return float(value)


def check_not_negative(name, value):
    """Return ``value`` as a finite float, 0 or above."""
    if not _is_real(value) or not _is_finite(value) or value < 0:
        raise ValueError(f"{name} must be a finite number, 0 or above, got {value!r}")
    return float(value)


def check_alpha(alpha):
    """Return ``alpha`` as a float strictly between 0 and 1."""
    if not _is_real(alpha) or not 0 < alpha < 1:
        raise ValueError(f"alpha must be a number strictly between 0 and 1, got {alpha!r}")
    return float(alpha)


def check_votes(name, votes):
    """Return ``votes`` as int64 [K], K >= 2: integers >= 0 whose sum is at most MAX_SAMPLES."""
    if isinstance(votes, (list, tuple)) and any(isinstance(v, (bool, np.bool_)) for v in votes):
        raise ValueError(f"{name} must hold integers, got a bool in {votes!r}")
    try:
        array = np.asarray(votes)
    except ValueError:  # a ragged nested sequence
        raise ValueError(f"{name} must be one row of integers, got {votes!r}") from None
    if array.ndim != 1 or array.size < 2:
        raise ValueError(
            f"{name} must be one row of votes for at least two classes, got shape {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold integers below 2**63, got dtype {array.dtype}")
    if array.min() < 0:
        raise ValueError(f"{name} must not be negative, got {array.min()}")
    # In this order a sum that would wrap around is never formed.
    if array.max() > MAX_SAMPLES or array.sum(dtype=np.int64) > MAX_SAMPLES:
        raise ValueError(f"{name} must sum to at most {MAX_SAMPLES}, its largest is {array.max()}")
    return array.astype(np.int64, copy=False)
