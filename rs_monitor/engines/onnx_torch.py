# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX classifiers as PyTorch modules: the operations of the usual residual networks.

Own code, because onnx2torch has had no release since August 2024 and imports torchvision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

from .errors import EngineError

Operation = Callable[..., torch.Tensor]
_IGNORED_DOMAINS = ("", "ai.onnx")


def _padding(attributes: dict[str, Any], spatial: int = 2) -> tuple[list[int], bool]:
    """Return [left, right, top, bottom] for functional.pad, and whether it is symmetric."""
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise EngineError(f"auto_pad {attributes['auto_pad'].decode()}")
    pads = attributes.get("pads", [0] * (2 * spatial))
    around = [pads[axis + side * spatial] for axis in range(spatial)[::-1] for side in (0, 1)]
    return around, pads[:spatial] == pads[spatial:]


def _convolution(attributes: dict[str, Any]) -> Operation:
    around, symmetric = _padding(attributes)
    options = {
        "stride": attributes.get("strides", [1, 1]),
        "dilation": attributes.get("dilations", [1, 1]),
        "groups": attributes.get("group", 1),
        "padding": [around[2], around[0]] if symmetric else 0,
    }

    def run(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None) -> torch.Tensor:
        if w.ndim != 4:
            raise EngineError(f"Conv with a weight of {w.ndim} dimensions")
        return functional.conv2d(x if symmetric else functional.pad(x, around), w, b, **options)

    return run


def _pool(attributes: dict[str, Any], *, largest: bool) -> Operation:
    around, symmetric = _padding(attributes)
    if not symmetric or attributes.get("ceil_mode", 0):
        raise EngineError("pooling with ceil_mode or uneven padding")
    size, padding = attributes["kernel_shape"], [around[2], around[0]]
    strides = attributes.get("strides", [1] * len(size))
    if largest:
        dilations = attributes.get("dilations", [1] * len(size))
        return lambda x: functional.max_pool2d(x, size, strides, padding, dilations)
    if any(d != 1 for d in attributes.get("dilations", [])):
        raise EngineError("AveragePool with dilations")
    include = bool(attributes.get("count_include_pad", 0))
    return lambda x: functional.avg_pool2d(x, size, strides, padding, count_include_pad=include)


def _normalization(attributes: dict[str, Any]) -> Operation:
    if attributes.get("training_mode", 0):
        raise EngineError("BatchNormalization in training mode: export in evaluation mode")
    epsilon = attributes.get("epsilon", 1e-5)
    return lambda x, w, b, mean, var: functional.batch_norm(x, mean, var, w, b, eps=epsilon)


def _gemm(attributes: dict[str, Any]) -> Operation:
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    left, right = attributes.get("transA", 0), attributes.get("transB", 0)

    def run(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        product = (a.T if left else a) @ (b.T if right else b)
        product = product if alpha == 1 else product * alpha
        return product if c is None else product + (c if beta == 1 else c * beta)

    return run


def _axes(given: torch.Tensor | None, attributes: dict[str, Any], name: str) -> list[int]:
    axes = attributes.get("axes") if given is None else given.tolist()
    if not axes:
        raise EngineError(f"{name} without axes")
    return list(axes)


def _reduce_mean(attributes: dict[str, Any]) -> Operation:
    keep = bool(attributes.get("keepdims", 1))
    return lambda x, axes=None: x.mean(_axes(axes, attributes, "ReduceMean"), keepdim=keep)


def _unsqueeze(attributes: dict[str, Any]) -> Operation:
    def run(x: torch.Tensor, axes: torch.Tensor | None = None) -> torch.Tensor:
        for axis in sorted(_axes(axes, attributes, "Unsqueeze")):
            x = x.unsqueeze(axis)
        return x

    return run


def _squeeze(attributes: dict[str, Any]) -> Operation:
    return lambda x, axes=None: x.squeeze(_axes(axes, attributes, "Squeeze"))


def _gather(attributes: dict[str, Any]) -> Operation:
    axis = attributes.get("axis", 0)

    def run(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        if index.ndim > 1:
            raise EngineError("Gather with indices of more than one dimension")
        index = index % x.shape[axis]
        return x.index_select(axis, index) if index.ndim else x.select(axis, int(index))

    return run


def _reshape(attributes: dict[str, Any]) -> Operation:
    if attributes.get("allowzero", 0):
        raise EngineError("Reshape with allowzero")
    return lambda x, shape: x.reshape(
        [x.shape[i] if size == 0 else size for i, size in enumerate(shape.tolist())]
    )


def _flatten(attributes: dict[str, Any]) -> Operation:
    axis = attributes.get("axis", 1)
    return lambda x: x.reshape(math.prod(x.shape[:axis]), -1)


def _clip(attributes: dict[str, Any]) -> Operation:
    low, high = attributes.get("min"), attributes.get("max")

    def run(
        x: torch.Tensor, least: torch.Tensor | None = None, most: torch.Tensor | None = None
    ) -> torch.Tensor:
        return x.clamp(low if least is None else least, high if most is None else most)

    return run


def _cast(attributes: dict[str, Any]) -> Operation:
    """Casts between floats are the engine's business: it decides what the network runs in."""
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    if attributes["to"] not in floats:
        raise EngineError(f"Cast to {onnx.TensorProto.DataType.Name(attributes['to'])}")
    return lambda x: x


def _softmax(attributes: dict[str, Any]) -> Operation:
    axis = attributes.get("axis", -1)
    return lambda x: x.softmax(axis)


def _plain(operation: Operation) -> Callable[[dict[str, Any]], Operation]:
    return lambda attributes: operation


_OPERATIONS: dict[str, Callable[[dict[str, Any]], Operation]] = {
    "Add": _plain(torch.add),
    "AveragePool": lambda a: _pool(a, largest=False),
    "BatchNormalization": _normalization,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda a: lambda *parts: torch.cat(parts, a["axis"]),
    "Conv": _convolution,
    "Div": _plain(torch.div),
    "Dropout": _plain(lambda x, *_: x),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _plain(lambda x: x.mean((2, 3), keepdim=True)),
    "Identity": _plain(lambda x: x),
    "LeakyRelu": lambda a: lambda x: functional.leaky_relu(x, a.get("alpha", 0.01)),
    "MatMul": _plain(torch.matmul),
    "MaxPool": lambda a: _pool(a, largest=True),
    "Mul": _plain(torch.mul),
    "ReduceMean": _reduce_mean,
    "Relu": _plain(torch.relu),
    "Reshape": _reshape,
    "Sigmoid": _plain(torch.sigmoid),
    "Softmax": _softmax,
    "Sqrt": _plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": _plain(torch.sub),
    "Transpose": lambda a: lambda x: x.permute(a["perm"]),
    "Unsqueeze": _unsqueeze,
}


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
            if node.op_type == "Constant" and "value" in attributes:
                self._constant(node.output[0], attributes["value"])
                continue
            if node.domain not in _IGNORED_DOMAINS or node.op_type not in _OPERATIONS:
                raise EngineError(
                    f"{what} is not translated to PyTorch: use another backend, or export the "
                    f"network with {', '.join(_OPERATIONS)} only"
                )
            try:
                operation = _OPERATIONS[node.op_type](attributes)
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
