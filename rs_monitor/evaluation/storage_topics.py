# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Topics of rosbag2's storage files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Topic:
    """A topic of a storage file.

    Attributes
    ----------
    name : str
    type : str
        As recorded, except that the old form package/Name reads package/msg/Name.
    format : str
        Serialisation, "cdr" in ROS 2.
    count : int
        Messages that can be read.
    """

    name: str
    type: str
    format: str
    count: int

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others: a name may be used for several types."""
        return self.name, self.type, self.format


def modern_type(name: str) -> str:
    """Return a type as package/msg/Name, also where it is written the old way, package/Name."""
    package, _, rest = name.partition("/")
    return name if "/" in rest else f"{package}/msg/{rest}"


def merge_topics(topics: Iterable[Topic]) -> list[Topic]:
    """Add up the counts of topics that several files share."""
    merged: dict[tuple[str, str, str], int] = {}
    for topic in topics:
        merged[topic.key] = merged.get(topic.key, 0) + topic.count
    return [Topic(*key, count) for key, count in merged.items()]


def listing(topics: list[Topic]) -> str:
    """Return topics with their types and counts, for people."""
    return ", ".join(f"{topic.name} ({topic.type}, {topic.count} messages)" for topic in topics)
