# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a network asks of the machine, read from its ONNX file."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ...engines import EngineError

_INSTALL = "python -m pip install 'onnx>=1.17,<2'"
LIMIT_SIZE, LIMIT_CLASSES = 16, 256  # of the network that shows the machine's limit
_LIMIT_LAYERS = 4


@dataclasses.dataclass(frozen=True)
class Work:
    """Of one sample.

    Attributes
    ----------
    operations : int
        Multiplications and additions of its convolutions and matrix products; those of other
        layers are few.
    values : int
        Input and the two largest results: what has to be in memory at once, at the least.
    """

    operations: int
    values: int


def count_work(content: bytes, height: int, width: int) -> Work:
    """Count a network's work for one image.

    Parameters
    ----------
    content : bytes
        ONNX file with one input [N, 3, H, W].
    height, width : int

    Raises
    ------
    EngineError
        Without onnx, or where the file's shapes cannot be told.
    """
    onnx = _import()
    try:
        model = onnx.load_from_string(content)
        graph = model.graph
        constants = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
        (image,) = [value for value in graph.input if value.name not in constants]
        for dimension, size in zip(image.type.tensor_type.shape.dim, (1, 3, height, width)):
            dimension.dim_value = size
        del graph.value_info[:]
        graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except Exception as error:  # protobuf's and onnx's own, which have no common base
        detail = " ".join(str(error).split())[:300]
        raise EngineError(f"the network's work cannot be counted: {detail}") from error
    shapes = constants | {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    products = 0
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        out, weight = shapes.get(node.output[0], []), shapes.get(node.input[1], [])
        if not (out and weight and all(weight) and all(out[1:])):
            raise EngineError(f"the network's work cannot be counted: shape of {node.output[0]}")
        if node.op_type == "Conv":
            products += math.prod(out[1:]) * math.prod(weight[1:])
        else:
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            products += math.prod(out[1:]) * weight[-1 if transposed else 0]
    sizes = sorted(math.prod(shapes.get(node.output[0], [0])[1:]) for node in graph.node)
    return Work(2 * products, 3 * height * width + sum(sizes[-2:]))


def convolution_network() -> bytes:
    """Return a network of 3x3 convolutions that keep arithmetic units busy, as ONNX.

    How many operations a second it reaches tells what this machine, runtime and precision can
    give to a convolutional network: 256 channels, images of 16x16, one layer of 1x1 and four of
    3x3.

    Raises
    ------
    EngineError
        Without onnx.
    """
    size, channels, onnx = LIMIT_SIZE, LIMIT_CLASSES, _import()
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.Generator(np.random.PCG64(0))
    nodes, constants, last, depth = [], [], "image", 3
    for index in range(_LIMIT_LAYERS + 1):
        side = 3 if index else 1
        shape, name = (channels, depth, side, side), f"weight{index}"
        weight = generator.normal(0, math.sqrt(2 / (depth * side * side)), shape)
        constants.append(numpy_helper.from_array(weight.astype(np.float32), name))
        pads = [side // 2] * 4
        nodes.append(helper.make_node("Conv", [last, name], [f"sum{index}"], pads=pads))
        nodes.append(helper.make_node("Relu", [f"sum{index}"], [f"out{index}"]))
        last, depth = f"out{index}", channels
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["mean"]))
    nodes.append(helper.make_node("Flatten", ["mean"], ["logits"]))
    kind = TensorProto.FLOAT
    image = helper.make_tensor_value_info("image", kind, ["batch", 3, size, size])
    logits = helper.make_tensor_value_info("logits", kind, ["batch", channels])
    graph = helper.make_graph(nodes, "convolutions", [image], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _import() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise EngineError(
            f"a network's work and the machine's limit need onnx ({error}): {_INSTALL}"
        ) from error
    return onnx
