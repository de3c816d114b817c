# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX networks rewritten to compute in another precision, as strongly typed runtimes want it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import EngineError

_TYPES = {"fp32": "FLOAT", "fp16": "FLOAT16", "bf16": "BFLOAT16"}
# Inputs that ONNX wants in float32 whatever the network computes in.
_KEPT = {"Resize": (1, 2)}
# Operations whose second input are weights; of others, infinity may mask what is left out.
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_QUANTIZE, _DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_MOST = 127  # of a symmetric int8: -128 has no opposite


def is_quantized(graph: Any) -> bool:
    """Say whether an ONNX graph computes in int8 (QDQ format)."""
    return any(node.op_type in (_QUANTIZE, _DEQUANTIZE) for node in graph.node)


def in_precision(onnx_bytes: bytes, precision: str) -> bytes:
    """Return the network computing in fp32, fp16 or bf16 between a float32 input and output.

    The input stays float32, so that noise is added to the frame before anything is rounded. What
    the network computes in another float is converted too, else that would run in its place. Own
    code, because onnxconverter-common has no bfloat16.

    Raises
    ------
    EngineError
        For weights that are not finite or vanish in fp16, and what is beyond its range.
    """
    import onnx

    model = onnx.load_from_string(onnx_bytes)
    graph, types = model.graph, onnx.TensorProto.DataType
    wanted = types.Value(_TYPES[precision])
    floats = {types.Value(name) for name in _TYPES.values()}
    kept = {
        node.input[i]
        for node in graph.node
        for i in _KEPT.get(node.op_type, ())
        if i < len(node.input)
    }

    check_weights(graph, precision)
    for tensor in graph.initializer:
        if tensor.name not in kept and tensor.data_type in floats:
            tensor.CopyFrom(_converted(tensor, wanted))
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in kept:
            continue
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type in floats:
                attribute.t.CopyFrom(_converted(attribute.t, wanted))
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i in floats:
                attribute.i = wanted
            elif node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
                value = onnx.helper.get_attribute_value(attribute)
                tensor = onnx.numpy_helper.from_array(np.array(value, np.float32), node.output[0])
                attribute.CopyFrom(onnx.helper.make_attribute("value", _converted(tensor, wanted)))
    del graph.value_info[:]
    if precision != "fp32":
        _put_casts_around(graph, precision, wanted)
    return model.SerializeToString()


def check_weights(graph: Any, precision: str = "fp32") -> None:
    """Refuse weights with which a network computes nothing.

    Raises
    ------
    EngineError
        Naming weights that are not finite; in fp16 also where all vanish.
    """
    import onnx

    floats = {onnx.TensorProto.DataType.Value(name) for name in _TYPES.values()}
    weights = {node.input[1] for node in graph.node if node.op_type in WEIGHTED}
    kept: list[bool] = []  # whether something of them is left in fp16, or was nothing before
    for tensor in graph.initializer:
        if tensor.name not in weights or tensor.data_type not in floats:
            continue
        values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
        if not np.isfinite(values).all():
            raise EngineError(
                f"weights {tensor.name} are not finite: the network computes nothing"
            )
        kept.append(bool(values.astype(np.float16).any()) or not values.any())
    if precision == "fp16" and kept and not any(kept):
        raise EngineError("all its weights are 0 in fp16: use bf16")


def _converted(tensor: Any, wanted: int) -> Any:
    """Return a float tensor in another type."""
    import onnx

    values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
    largest = abs(values[np.isfinite(values)]).max(initial=0)
    if wanted == onnx.TensorProto.FLOAT16 and largest > np.finfo(np.float16).max:
        raise EngineError(f"constant {tensor.name} is beyond the range of fp16: use bf16")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(wanted)
    return onnx.numpy_helper.from_array(values.astype(dtype), tensor.name)


def _put_casts_around(graph: Any, precision: str, wanted: int) -> None:
    """Keep input and output float32."""
    import onnx

    constants = {tensor.name for tensor in graph.initializer}
    image = next(value.name for value in graph.input if value.name not in constants)
    logits = graph.output[0].name
    for node in graph.node:
        node.input[:] = [f"{name}_{precision}" if name == image else name for name in node.input]
        for names in (node.input, node.output):
            names[:] = [f"{name}_{precision}" if name == logits else name for name in names]
    before = onnx.helper.make_node("Cast", [image], [f"{image}_{precision}"], to=wanted)
    after = onnx.helper.make_node(
        "Cast", [f"{logits}_{precision}"], [logits], to=onnx.TensorProto.FLOAT
    )
    graph.node.insert(0, before)
    graph.node.append(after)


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
