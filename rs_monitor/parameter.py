# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""One parameter: its name, type, bounds and description; tables of them as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
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
    start_only : bool
        Whether it can only be set when the node is started: what protects the node must not be
        changed by whoever reaches its parameter services. Then `runtime` is False too.
    names_file : bool
        Whether it names a file or folder, which must then lie below `security.model_roots`.
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
    start_only: bool = False
    names_file: bool = False

    @property
    def changes(self) -> str:
        """When it may be changed, for people."""
        if self.start_only:
            return "at the start only"
        return "at run time" if self.runtime else "fixed while the node is configured"

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


def yaml_text(parameters: Iterable[Parameter], title: str) -> str:
    """Return the content of a parameters file: every parameter with its default."""
    lines = [
        "# SPDX-FileCopyrightText: 2026 The rs_monitor authors",
        "# SPDX-License-Identifier: Apache-2.0",
        f"# {title}",
        "/**:",
        "  ros__parameters:",
    ]
    for parameter in parameters:
        allowed = f" [{parameter.range_text}]" if parameter.range_text else ""
        when = "" if parameter.runtime else f" ({parameter.changes})"
        lines.append(f"    # {parameter.description}{allowed}{when}")
        lines.append(f"    {parameter.name}: {_yaml_value(parameter.default)}")
    return "\n".join(lines) + "\n"


def markdown_table(parameters: Iterable[Parameter]) -> str:
    """Return the table of parameters for the documentation."""
    rows = ["| parameter | default | allowed | at run time | meaning |", "|---|---|---|---|---|"]
    for parameter in parameters:
        when = parameter.changes if parameter.start_only else ("no", "yes")[parameter.runtime]
        rows.append(
            f"| `{parameter.name}` | {_yaml_value(parameter.default)} | {parameter.range_text} | "
            f"{when} | {parameter.description} |"
        )
    return "\n".join(rows) + "\n"


def _yaml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"' if not value else value
    if isinstance(value, tuple):
        return str(list(value))
    return repr(value)
