# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a part that was read back can be one that this replay has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...certification import Status
from .arrow import schema
from .columns import NO_CERTIFICATE
from .plan import Plan

_STATUSES = {*Status.__members__, NO_CERTIFICATE}
_NULL = ("votes", "latency_ms")  # where a frame has none
_TIMES = ("stamp", "reference_stamp")
_DURATIONS = ("input_age_ns", "processing_time_ns", "budget_ns")
_SECONDS = 2**31  # what a message of ROS can hold
_NANOSECONDS = 1_000_000_000


def check_part(
    found: Any, notes: Any, columns: Mapping[str, str], plan: Plan, classes: int | None
) -> None:
    """Refuse rows and notes that a replay could not have written.

    Parameters
    ----------
    found : pyarrow.Table
    notes : object
        As read from JSON.
    columns : mapping of str
        Name and type of each column.
    plan : Plan
    classes : int or None
        Of the model; None for a live run, whose notes tell.

    Raises
    ------
    ValueError
        Saying what is wrong.
    """
    if not (isinstance(notes, dict) and isinstance(notes.get("warnings"), list)):
        raise ValueError("its notes are missing")
    if not _is_gap(notes.get("gap", "")):
        raise ValueError("its notes do not tell where images may be missing")
    if classes is None:
        info = notes.get("info")
        if not (isinstance(info, dict) and isinstance(info.get("labels"), list)):
            raise ValueError("its notes do not tell what ran")
        classes = len(info["labels"])
    if not found.schema.equals(schema(columns)):
        raise ValueError("its columns are others")
    empty = [name for name in columns if name not in _NULL and found[name].null_count]
    if empty:
        raise ValueError(f"{empty[0]} has no value")
    points = np.arange(len(found)) % len(plan.points)
    if len(found) % len(plan.points) or (_numbers(found, "point") != points).any():
        raise ValueError("not every frame has all points of the sweep")
    if unknown := {*found["status"].to_pylist()} - _STATUSES:
        raise ValueError(f"there is no status {min(unknown)[:40]}")
    radius = _numbers(found, "radius")
    if not ((radius >= 0) & (radius < np.inf)).all():
        raise ValueError("a radius is none")
    for name in ("class_id", "top_class"):
        if not ((_numbers(found, name) >= -1) & (_numbers(found, name) < classes)).all():
            raise ValueError(f"there are {classes} classes, {name} is none of them")
    _check_times(found)
    for votes, chosen in zip(found["votes"].to_pylist(), found["top_class"].to_pylist()):
        if votes is not None and (
            len(votes) != classes
            or not all(count is not None and count >= 0 for count in votes)
            or not (chosen < 0 or 0 < sum(votes) <= plan.ns[-1])
        ):
            raise ValueError("its votes are none")


def _is_gap(gap: Any) -> bool:
    return gap is None or (
        isinstance(gap, dict)
        and gap.keys() == {"first", "file"}
        and isinstance(gap["first"], int)
        and isinstance(gap["file"], str)
    )


def _numbers(found: Any, name: str) -> np.ndarray:
    return found[name].to_numpy()


def _check_times(found: Any) -> None:
    for name in _TIMES:
        nanoseconds = _numbers(found, f"{name}_nanosec").astype(np.int64)
        _check_seconds(name, _numbers(found, f"{name}_ns") - nanoseconds)
    for name in _DURATIONS:
        _check_seconds(name, _numbers(found, name))
    if (_numbers(found, "log_time_ns") < 0).any():
        raise ValueError("log_time_ns is no time")


def _check_seconds(name: str, nanoseconds: np.ndarray) -> None:
    seconds = nanoseconds // _NANOSECONDS
    if not ((seconds >= -_SECONDS) & (seconds < _SECONDS)).all():
        raise ValueError(f"{name} is no time")
