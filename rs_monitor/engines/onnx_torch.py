# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX classifiers as PyTorch modules.

Own code, because onnx2torch has had no release since August 2024 and imports torchvision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from .errors import EngineError
from .onnx_operations import OPERATIONS, Operation

_IGNORED_DOMAINS = ("", "ai.onnx")
_NUMBERS = {"value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}


def _value(attributes: dict[str, Any]) -> onnx.TensorProto | None:
    """Return what a Constant holds; None for text and sparse tensors."""
    if "value" in attributes:
        return attributes["value"]
    for name, dtype in _NUMBERS.items():
        if name in attributes:
            return numpy_helper.from_array(np.array(attributes[name], dtype))
    return None


class OnnxModule(torch.nn.Module):
    """An ONNX graph of one input and one output, run node by node.

    Float constants are buffers and follow `.to(dtype)`; integers (shapes, axes, indices) stay
    as they are, on the CPU where they are only read.

    Parameters
    ----------
    graph : onnx.GraphProto
    name : str
        For messages.

    Raises
    ------
    EngineError
        For an operation, or a setting of one, that is not translated.
    """

    def __init__(self, graph: onnx.GraphProto, name: str) -> None:
        super().__init__()
        self._buffer_of: dict[str, str] = {}
        self._integers: dict[str, torch.Tensor] = {}
        self._gathered: set[str] = set()
        for tensor in graph.initializer:
            self._constant(tensor.name, tensor)
        given = {tensor.name for tensor in graph.initializer}
        self._input = next(value.name for value in graph.input if value.name not in given)
        self._output = graph.output[0].name
        self._steps: list[tuple[Operation, list[str], str]] = []
        for node in graph.node:
            what = f"{name}: operation {node.op_type} ({node.name or node.output[0]})"
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            value = _value(attributes) if node.op_type == "Constant" else None
            if value is not None:
                self._constant(node.output[0], value)
                continue
            if node.domain not in _IGNORED_DOMAINS or node.op_type not in OPERATIONS:
                raise EngineError(
                    f"{what} is not translated to PyTorch: use another backend, or export the "
                    f"network with {', '.join(OPERATIONS)} only"
                )
            try:
                operation = OPERATIONS[node.op_type](attributes)
            except (EngineError, KeyError) as error:
                raise EngineError(f"{what} is not translated to PyTorch: {error}") from error
            if node.op_type == "Gather":
                self._gathered.add(node.input[1])
            self._steps.append((operation, list(node.input), node.output[0]))

    def _constant(self, name: str, tensor: onnx.TensorProto) -> None:
        value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        if value.is_floating_point():
            self._buffer_of[name] = f"constant_{len(self._buffer_of)}"
            self.register_buffer(self._buffer_of[name], value.float())
        else:
            self._integers[name] = value

    def to_device(self, device: torch.device, dtype: torch.dtype) -> OnnxModule:
        """Move weights to a device and type; indices that are gathered by follow."""
        for name in self._gathered & self._integers.keys():
            self._integers[name] = self._integers[name].to(device)
        return self.to(device, dtype)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the logits [N, K] of images [N, 3, H, W]."""
        values: dict[str, Any] = {"": None, self._input: image, **self._integers}
        values |= {name: getattr(self, buffer) for name, buffer in self._buffer_of.items()}
        for operation, inputs, output in self._steps:
            values[output] = operation(*(values[name] for name in inputs))
        return values[self._output]
