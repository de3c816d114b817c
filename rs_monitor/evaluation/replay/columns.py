# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The columns of frames.parquet, and how a Certificate message becomes a row and back."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

from ...certification import Status
from ...resources import shipped_file

CERTIFICATE = "rs_monitor_msgs/msg/Certificate"
NO_CERTIFICATE = "MISSING"  # status of a frame that was sent live and never answered
_NANOSECONDS = 1_000_000_000
_UNSIGNED = ("votes_top", "votes_runner_up", "votes_invalid", "votes_required")
_UNSIGNED += ("n_selection", "n_used", "n_drawn", "n_requested")
_FLOATS = ("radius", "radius_sensor", "radius_cap", "p_lower")
_FLOATS_LATER = ("sigma", "alpha", "alpha_bound", "randomization")
_REGION = ("x_offset", "y_offset", "height", "width")

# Where a frame comes from, and which point of the sweep the row is for.
SOURCE = {
    "row": "int64",
    "bag": "string",
    "topic": "string",
    "index": "int64",
    "log_time_ns": "int64",
    "point": "int32",
    "n": "int32",
    "resolution": "string",
}
# Every field of Certificate.msg, by name; header.stamp, times and the region flattened. Cameras
# send stamps of a second of nanoseconds and more: as a join key these must come back as they were.
MESSAGE = {
    "stamp_ns": "int64",
    "stamp_nanosec": "uint32",
    "header_frame_id": "string",
    "status": "string",
    "abstain": "bool",
    "reason": "string",
    "class_id": "int32",
    "class_name": "string",
    **dict.fromkeys(_FLOATS, "double"),
    **dict.fromkeys(_UNSIGNED, "uint32"),
    **dict.fromkeys(_FLOATS_LATER, "double"),
    "procedure": "string",
    "reference_stamp_ns": "int64",
    "reference_stamp_nanosec": "uint32",
    "reference_distance": "double",
    **{f"region_{name}": "uint32" for name in _REGION},
    "region_do_rectify": "bool",
    "region_id": "string",
    "sequence": "uint64",
    "superseded_total": "uint64",
    "input_age_ns": "int64",
    "processing_time_ns": "int64",
    "budget_ns": "int64",
    "model_id": "string",
    "config_id": "uint64",
}
# What the frame should have been, and where its picture is.
JUDGEMENT = {
    "top_class": "int32",
    "label": "int32",
    "label_name": "string",
    "correct": "bool",
    "thumbnail": "string",
}
LIVE = {"latency_ms": "double", "superseded": "bool", "missing": "bool"}
# Only in the parts: votes by class of the largest n, from which labels are judged later.
VOTES = {"votes": "list<int32>"}

_SAME = tuple(
    name
    for name in MESSAGE
    if not name.endswith(("_ns", "_nanosec"))
    and not name.startswith(("region_", "header_", "status"))
) + ("region_id",)
EMPTY = {
    kind: value
    for kind, value in (
        ("string", ""),
        ("bool", False),
        ("double", 0.0),
        *((kind, 0) for kind in ("int32", "int64", "uint32", "uint64")),
    )
}


def flatten(message: Any) -> dict[str, Any]:
    """Return the columns of a Certificate message, of ROS or of rosbags."""
    region = message.region
    return {
        "stamp_ns": _nanoseconds(message.header.stamp),
        "stamp_nanosec": message.header.stamp.nanosec,
        "header_frame_id": message.header.frame_id,
        "status": Status(message.status).name,
        **{name: getattr(message, name) for name in _SAME},
        "reference_stamp_ns": _nanoseconds(message.reference_stamp),
        "reference_stamp_nanosec": message.reference_stamp.nanosec,
        **{f"region_{name}": getattr(region, name) for name in _REGION},
        "region_do_rectify": region.do_rectify,
        "input_age_ns": _nanoseconds(message.input_age),
        "processing_time_ns": _nanoseconds(message.processing_time),
        "budget_ns": _nanoseconds(message.budget),
    }


def unanswered(stamp_ns: int, frame_id: str) -> dict[str, Any]:
    """Return the columns of a frame for which no certificate came."""
    empty = {name: EMPTY[kind] for name, kind in MESSAGE.items()}
    return empty | {
        "stamp_ns": stamp_ns,
        "stamp_nanosec": stamp_ns % _NANOSECONDS,
        "header_frame_id": frame_id,
        "status": NO_CERTIFICATE,
        "abstain": True,
        "class_id": -1,
        "randomization": math.nan,
    }


@functools.cache
def message_definition() -> str:
    """Return the text of Certificate.msg."""
    return shipped_file("rs_monitor_msgs", "msg", "Certificate.msg").read_text(encoding="utf-8")


@functools.cache
def certificate_store() -> Any:
    """Return a rosbags type store that knows the Certificate message."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(message_definition(), CERTIFICATE))
    return store


def message_from(row: Mapping[str, Any]) -> Any:
    """Return the rosbags message whose columns `flatten` gives; its inverse."""
    types = certificate_store().types
    duration = types["builtin_interfaces/msg/Duration"]
    region = {name: row[f"region_{name}"] for name in _REGION}
    return types[CERTIFICATE](
        header=types["std_msgs/msg/Header"](
            stamp=_stamp(row, "stamp"), frame_id=row["header_frame_id"]
        ),
        status=int(Status[row["status"]]),
        **{name: row[name] for name in _SAME},
        reference_stamp=_stamp(row, "reference_stamp"),
        region=types["sensor_msgs/msg/RegionOfInterest"](
            **region, do_rectify=row["region_do_rectify"]
        ),
        input_age=duration(*divmod(row["input_age_ns"], _NANOSECONDS)),
        processing_time=duration(*divmod(row["processing_time_ns"], _NANOSECONDS)),
        budget=duration(*divmod(row["budget_ns"], _NANOSECONDS)),
    )


def _nanoseconds(time: Any) -> int:
    return time.sec * _NANOSECONDS + time.nanosec


def _stamp(row: Mapping[str, Any], name: str) -> Any:
    nanosec = row[f"{name}_nanosec"]
    seconds = (row[f"{name}_ns"] - nanosec) // _NANOSECONDS
    return certificate_store().types["builtin_interfaces/msg/Time"](seconds, nanosec)
