# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The node's ROS parameters and the snapshot of them that is in force."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from ..parameters import BY_NAME, PARAMETERS, Parameter
from .configuration import Configuration, make_configuration

OVERRIDES = QoSOverridingOptions.with_default_policies()
"""What `qos_overrides` parameters may change of a subscription."""

_OVERRIDE = "qos_overrides."


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=parameter.name,
        description=parameter.description,
        additional_constraints=parameter.range_text,
        read_only=parameter.start_only,
    )
    if isinstance(parameter.default, int) and parameter.low is not None:
        bounds = IntegerRange(from_value=parameter.low, to_value=parameter.high)
        descriptor.integer_range = [bounds]
    elif parameter.low is not None:
        bounds = FloatingPointRange(from_value=parameter.low, to_value=parameter.high)
        descriptor.floating_point_range = [bounds]
    return descriptor


def declare(node: Node, parameter: Parameter) -> None:
    """Declare a parameter of a table on a node.

    Raises
    ------
    ValueError
        When its initial value is of the wrong type or out of range.
    """
    default = parameter.default
    default = list(default) if isinstance(default, tuple) else default
    try:
        node.declare_parameter(parameter.name, default, _descriptor(parameter))
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        allowed = f" in the range {parameter.range_text}" if parameter.range_text else ""
        given = _given(node)[parameter.name].value
        advice = ""
        if type(default) is float and type(given) is int:  # a bool is an int for isinstance
            advice = f"; write {float(given)}"
        raise ValueError(
            f"{parameter.name} must be of type {parameter.type_name}{allowed}: {error}{advice}"
        ) from error


def _given(node: Node) -> dict[str, Any]:
    """Return the values given at the start, of which some belong to no parameter."""
    return node._parameter_overrides  # there is no public way to them


def warn_of_unknown(node: Node, overridable: Collection[str] = ()) -> None:
    """Name values given at the start that belong to no parameter: ROS would be silent.

    Parameters
    ----------
    node : Node
    overridable : collection of str
        Topics, by their full names, to which the node subscribes with OVERRIDES: their parameters
        are not declared before that.
    """
    policies = [kind.name.lower() for kind in OVERRIDES.policy_kinds]
    known = {
        f"{_OVERRIDE}{topic}.subscription.{policy}" for topic in overridable for policy in policies
    }
    hint = "no quality of service of this node can be overridden"
    if overridable:
        hint = (
            f"only {_OVERRIDE}TOPIC.subscription.POLICY is one, with TOPIC "
            f"{' or '.join(overridable)} and POLICY {', '.join(policies)}"
        )
    for name in _given(node):
        if not (node.has_parameter(name) or name in known):
            advice = f"; {hint}" if name.startswith(_OVERRIDE) else ""
            node.get_logger().warning(f"there is no parameter {name}: ignored{advice}")


class LiveParameters:
    """Declares the table's parameters on a node, checks changes and snapshots them.

    Parameters
    ----------
    node : Node
    overridable : collection of str
        As for `warn_of_unknown`.
    configured : callable
        Whether the node is configured, so that some parameters are fixed.
    check : callable
        Raises ValueError when the configured node could not work with a new Configuration.
    apply : callable
        Called after a change.

    Attributes
    ----------
    configuration : Configuration
        In force; replaced as a whole, so that any thread may read it.

    Raises
    ------
    ValueError
        When an initial value is of the wrong type or out of range.
    """

    def __init__(
        self,
        node: Node,
        *,
        overridable: Collection[str],
        configured: Callable[[], bool],
        check: Callable[[Configuration], None],
        apply: Callable[[], None],
    ) -> None:
        self._node = node
        self._configured = configured
        self._check_with_node = check
        self._apply_to_node = apply
        for parameter in PARAMETERS:
            declare(node, parameter)
        warn_of_unknown(node, overridable)
        self.configuration = make_configuration(self._values(), 1)
        node.add_on_set_parameters_callback(self._check)
        node.add_post_set_parameters_callback(self._apply)

    def _values(self) -> dict[str, Any]:
        return {name: _frozen(self._node.get_parameter(name).value) for name in BY_NAME}

    def _check(self, changes: list[Any]) -> SetParametersResult:
        values = dict(self.configuration.values)
        for change in changes:
            parameter = BY_NAME.get(change.name)
            if parameter is None:
                continue
            value = _frozen(change.value)
            if self._configured() and not parameter.runtime and value != values[change.name]:
                return SetParametersResult(
                    successful=False,
                    reason=f"{change.name} is fixed while the node is configured: clean it up "
                    "first, then set it and configure again",
                )
            values[change.name] = value
        try:
            self._check_with_node(make_configuration(values, self.configuration.config_id + 1))
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply(self, changes: list[Any]) -> None:
        if any(change.name in BY_NAME for change in changes):
            self.configuration = make_configuration(
                self._values(), self.configuration.config_id + 1
            )
            self._apply_to_node()


def _frozen(value: Any) -> Any:
    """Return an array parameter as a tuple, so that snapshots cannot change."""
    return value if isinstance(value, (bool, int, float, str)) else tuple(value)
