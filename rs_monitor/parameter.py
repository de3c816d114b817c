# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One parameter: its name, type, bounds and description."""

from __future__ import annotations

import dataclasses
from typing import Any

_TYPE_NAMES = {bool: "bool", int: "integer", float: "double", str: "string", tuple: "integer[]"}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    name : str
        Dotted ROS name.
    default : bool, int, float, str or tuple of int
        Its type is the parameter's type.
    description : str
    runtime : bool
        Whether it may change while the node is configured; it then counts from the next frame.
    low, high : float or None
        Inclusive bounds of a number.
    choices : tuple of str
        Allowed values of a string; empty for any.
    """

    name: str
    default: Any
    description: str
    runtime: bool = True
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def range_text(self) -> str:
        """The allowed values, for people."""
        if self.choices:
            return ", ".join(self.choices)
        if self.low is not None:
            form = "d" if isinstance(self.default, int) else "g"
            return f"{self.low:{form}} to {self.high:{form}}"
        return ""

    @property
    def type_name(self) -> str:
        """The type's name in ROS."""
        return _TYPE_NAMES[type(self.default)]

    def check(self, value: Any) -> str:
        """Return why `value` is not allowed; "" when it is."""
        if self.choices and value not in self.choices:
            return f"{self.name} must be one of {self.range_text}, got {value!r}"
        if self.low is not None and not self.low <= value <= self.high:
            return f"{self.name} must be in the range {self.range_text}, got {value!r}"
        return ""
