# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX models put together: one behind another, or side by side as an ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

from ..models import ModelError

_SIDES = ("height", "width")


def refusal(source: str, reason: str) -> ModelError:
    """Return the error of a file that cannot be taken."""
    return ModelError(f"{source}: {reason}")


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def opset_of(proto: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that a model uses."""
    return max((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), default=1)


def _unite_opsets(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Name each operator set once."""
    versions: dict[str, int] = {}
    for entry in proto.opset_import:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        versions[domain] = max(versions.get(domain, 0), entry.version)
    del proto.opset_import[:]
    proto.opset_import.extend(helper.make_opsetid(d, v) for d, v in versions.items())
    return proto


def _at_opset(proto: onnx.ModelProto, opset: int, source: str) -> onnx.ModelProto:
    if opset_of(proto) == opset:
        return _unite_opsets(proto)
    try:
        return _unite_opsets(version_converter.convert_version(proto, opset))
    except Exception as error:  # a RuntimeError of C++, or what Python adapters raise
        reason = _shortened(error)
        raise refusal(source, f"cannot be brought to opset {opset}: {reason}") from error


def _prefixed(graph: onnx.GraphProto, prefix: str) -> onnx.GraphProto:
    """Put a prefix before every name in a graph and the graphs inside it, and return it.

    Not `onnx.compose.add_prefix`, by which a branch loses sight of the weights around it.
    """
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = prefix + value.name
    del graph.value_info[:]  # inferred again
    for node in graph.node:
        node.name = node.name and prefix + node.name
        for names in (node.input, node.output):
            names[:] = [name and prefix + name for name in names]  # "": an input left out
        for attribute in node.attribute:
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                _prefixed(inner, prefix)
    return graph


def _entry(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    """Return a graph's only input that is not given."""
    given = {tensor.name for tensor in graph.initializer}
    return next(value for value in graph.input if value.name not in given)


def _united(
    models: Sequence[onnx.ModelProto],
    nodes: Sequence[onnx.NodeProto],
    ends: tuple[onnx.ValueInfoProto, onnx.ValueInfoProto],
    source: str,
    constants: Sequence[onnx.TensorProto] = (),
) -> onnx.ModelProto:
    """Return a model of these nodes, with the constants of the models.

    Raises
    ------
    ModelError
        When it is no valid one.
    """
    weights = [tensor for model in models for tensor in model.graph.initializer]
    proto = helper.make_model(
        helper.make_graph(nodes, "joined", [ends[0]], [ends[1]], [*constants, *weights]),
        opset_imports=[entry for model in models for entry in model.opset_import],
        ir_version=max(model.ir_version for model in models),
    )
    proto = _unite_opsets(proto)
    try:
        onnx.checker.check_model(proto)
    except Exception as error:  # protobuf's and the checker's errors have no common base
        raise refusal(source, f"cannot be joined: {_shortened(error)}") from error
    return proto


def packed(proto: onnx.ModelProto, source: str) -> bytes:
    """Return a model as the bytes of a file.

    Raises
    ------
    ModelError
        When they are more than protobuf can hold.
    """
    try:
        return proto.SerializeToString()
    except Exception as error:  # ValueError, or protobuf's own
        raise refusal(source, "takes more than 2 GiB as one model") from error


def joined(first: onnx.ModelProto, second: onnx.ModelProto, source: str) -> onnx.ModelProto:
    """Feed the output of `first` into `second`.

    Raises
    ------
    ModelError
        When they cannot be brought together.
    """
    opset = max(opset_of(first), opset_of(second))
    models = [_at_opset(model, opset, source) for model in (first, second)]
    a, b = (_prefixed(model.graph, f"{name}/") for name, model in zip("ab", models))
    link = helper.make_node("Identity", [a.output[0].name], [_entry(b).name])
    nodes = [*a.node, link, *b.node]
    return _united(models, nodes, (_entry(a), b.output[0]), source)


def behind_denoiser(denoiser: bytes, classifier: bytes, source: str) -> bytes:
    """Return ONNX of a classifier that sees what a denoiser makes of the image."""
    first, second = onnx.load_from_string(denoiser), onnx.load_from_string(classifier)
    return packed(joined(first, second, source), source)


def ensemble(classifiers: Sequence[bytes], classes: int, sources: Sequence[str]) -> bytes:
    """Return ONNX of the mean of several classifiers' logits (Horvath et al. 2022, section 4).

    Parameters
    ----------
    classifiers : sequence of bytes
        Each maps a dynamic batch of float32 RGB [N, 3, H, W] in [0, 1] to logits [N, K], with
        the same H, W and K.
    classes : int
        K.
    sources : sequence of str
        Their names, for errors.

    Raises
    ------
    ModelError
        When they cannot be brought together.
    """
    whole = " and ".join(sources)
    models = [onnx.load_from_string(content) for content in classifiers]
    opset = max(opset_of(model) for model in models)
    models = [_at_opset(model, opset, source) for model, source in zip(models, sources)]
    graphs = [_prefixed(model.graph, f"{index}/") for index, model in enumerate(models)]
    nodes = []
    for graph in graphs:
        nodes += [helper.make_node("Identity", ["image"], [_entry(graph).name]), *graph.node]
    total = graphs[0].output[0].name
    for index, graph in enumerate(graphs[1:], 1):
        nodes.append(helper.make_node("Add", [total, graph.output[0].name], [f"sum/{index}"]))
        total = f"sum/{index}"
    nodes.append(helper.make_node("Mul", [total, "share"], ["logits"]))
    share = numpy_helper.from_array(np.array(1 / len(models), np.float32), "share")
    ends = (
        helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, *_size(graphs)]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes]),
    )
    return packed(_united(models, nodes, ends, whole, [share]), whole)


def _size(graphs: Sequence[onnx.GraphProto]) -> list[int | str]:
    """Return height and width as any of the graphs fixes them; names for what none does."""
    fixed = {}
    for graph in graphs:
        dims = _entry(graph).type.tensor_type.shape.dim[2:]
        fixed |= {name: d.dim_value for name, d in zip(_SIDES, dims) if d.dim_value}
    return [fixed.get(name, name) for name in _SIDES]
