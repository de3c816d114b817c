# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX networks rewritten to compute in another precision, as strongly typed runtimes want it."""

from __future__ import annotations

from typing import Any

from .errors import EngineError

_REDUCED = {"fp16": "FLOAT16", "bf16": "BFLOAT16"}
_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_MOST = 127  # of a symmetric int8: -128 has no opposite


def is_quantized(graph: Any) -> bool:
    """Say whether an ONNX graph computes in int8 (QDQ format)."""
    return any(node.op_type in (_QUANTIZE, _DEQUANTIZE) for node in graph.node)


def reduced_precision(onnx_bytes: bytes, precision: str) -> bytes:
    """Return the network computing in fp16 or bf16 between a float32 input and output.

    The input stays float32, so that noise is added to the frame before anything is rounded. Own
    code, because onnxconverter-common has no bfloat16.

    Raises
    ------
    EngineError
        For a constant beyond the range of fp16.
    """
    import numpy as np
    import onnx

    model = onnx.load_from_string(onnx_bytes)
    graph, narrow = model.graph, onnx.TensorProto.DataType.Value(_REDUCED[precision])
    single = onnx.TensorProto.FLOAT

    def convert(tensor: Any) -> None:
        if tensor.data_type != single:
            return
        values = onnx.numpy_helper.to_array(tensor)
        finite = np.isfinite(values)
        if precision == "fp16" and (abs(values[finite]) > np.finfo(np.float16).max).any():
            raise EngineError(f"constant {tensor.name} is beyond the range of fp16: use bf16")
        dtype = onnx.helper.tensor_dtype_to_np_dtype(narrow)
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(dtype), tensor.name))

    for tensor in graph.initializer:
        convert(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                convert(attribute.t)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == single:
                attribute.i = narrow
    constants = {tensor.name for tensor in graph.initializer}
    image = next(value.name for value in graph.input if value.name not in constants)
    logits = graph.output[0].name
    for node in graph.node:
        node.input[:] = [f"{name}_{precision}" if name == image else name for name in node.input]
        for names in (node.input, node.output):
            names[:] = [f"{name}_{precision}" if name == logits else name for name in names]
    before = onnx.helper.make_node("Cast", [image], [f"{image}_{precision}"], to=narrow)
    after = onnx.helper.make_node("Cast", [f"{logits}_{precision}"], [logits], to=single)
    graph.node.insert(0, before)
    graph.node.append(after)
    del graph.value_info[:]
    return model.SerializeToString()


def symmetric_int8(onnx_bytes: bytes) -> bytes:
    """Return a quantised network whose activations are signed with zero points 0.

    NVIDIA's tensor cores know no other: the unsigned activations that suit CPUs, each with a zero
    point of its own, keep their range at a coarser scale. It is another classifier than the twin
    on OpenVINO: up to 2 % of the shipped ones' votes differed when this was written.

    Parameters
    ----------
    onnx_bytes : bytes
        ONNX in QDQ format, as `rs_monitor quantize` writes it.

    Raises
    ------
    EngineError
        For scales or zero points that the network computes.
    """
    import numpy as np
    import onnx

    model = onnx.load_from_string(onnx_bytes)
    graph, to_array = model.graph, onnx.numpy_helper.to_array
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes, made = [], {}
    for node in graph.node:
        if node.op_type in (_QUANTIZE, _DEQUANTIZE) and len(node.input) == 3:
            _, scale, zero = node.input
            if scale not in constants or zero not in constants:
                raise EngineError(f"{node.name or node.op_type} computes its scale: use bf16")
            if constants[zero].data_type == onnx.TensorProto.UINT8:
                steps = to_array(constants[scale])
                origin = to_array(constants[zero])
                # Tensors may share one of the two and not the other.
                names = (f"{scale}/{zero}/scale", f"{scale}/{zero}/zero")
                if names not in made:
                    reach = np.maximum(origin, 255 - origin) * steps
                    step, none = (reach / _MOST).astype(np.float32), np.zeros_like(origin, np.int8)
                    made[names] = [
                        onnx.numpy_helper.from_array(value, name)
                        for value, name in zip((step, none), names, strict=True)
                    ]
                if node.op_type == _QUANTIZE and not origin.any():
                    # What cannot hold less than 0 stood for the ReLU before it.
                    floor = f"{node.output[0]}_floor"
                    nodes.append(onnx.helper.make_node("Relu", [node.input[0]], [floor]))
                    node.input[0] = floor
                node.input[1:] = names
        nodes.append(node)
    graph.initializer.extend(tensor for pair in made.values() for tensor in pair)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    rewritten = onnx.helper.make_graph(
        nodes, graph.name, list(graph.input), list(graph.output), kept, value_info=[]
    )
    graph.CopyFrom(rewritten)
    return model.SerializeToString()
