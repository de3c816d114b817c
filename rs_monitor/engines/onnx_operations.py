# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX operations of the usual residual networks, in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import onnx
import torch
from torch.nn import functional

from .errors import EngineError

Operation = Callable[..., torch.Tensor]


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


def _dropout(attributes: dict[str, Any]) -> Operation:
    def run(
        x: torch.Tensor, ratio: torch.Tensor | None = None, training: torch.Tensor | None = None
    ) -> torch.Tensor:
        if training is not None and bool(training):
            raise EngineError("Dropout in training mode: export in evaluation mode")
        return x

    return run


def _plain(operation: Operation) -> Callable[[dict[str, Any]], Operation]:
    return lambda attributes: operation


#: By name: from a node's attributes to what computes it; `EngineError` for what it cannot.
OPERATIONS: dict[str, Callable[[dict[str, Any]], Operation]] = {
    "Add": _plain(torch.add),
    "AveragePool": lambda a: _pool(a, largest=False),
    "BatchNormalization": _normalization,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda a: lambda *parts: torch.cat(parts, a["axis"]),
    "Conv": _convolution,
    "Div": _plain(torch.div),
    "Dropout": _dropout,
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
