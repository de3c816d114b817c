# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX models put together: one behind another, or side by side as an ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from ..models import ModelError

_SIDES = ("height", "width")


def refusal(source: str, reason: str) -> ModelError:
    """Return the error of a file that cannot be taken."""
    return ModelError(f"{source}: {reason}")


def opset_of(proto: onnx.ModelProto) -> int:
    """Return the version of ONNX's own operators that a model uses."""
    return max((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), default=1)


def _unite_opsets(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Name each operator set once, as merging asks for and does not do."""
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
        reason = " ".join(str(error).split())[:200]
        raise refusal(source, f"cannot be brought to opset {opset}: {reason}") from error


def joined(first: onnx.ModelProto, second: onnx.ModelProto, source: str) -> onnx.ModelProto:
    """Feed the output of `first` into `second`.

    Raises
    ------
    ModelError
        When their operator sets cannot be brought together.
    """
    opset = max(opset_of(first), opset_of(second))
    first, second = _at_opset(first, opset, source), _at_opset(second, opset, source)
    version = max(first.ir_version, second.ir_version)
    first.ir_version = second.ir_version = version
    entry = _entry(second.graph)
    try:
        return _unite_opsets(
            compose.merge_models(
                compose.add_prefix(first, "a/"),
                compose.add_prefix(second, "b/"),
                [(f"a/{first.graph.output[0].name}", f"b/{entry}")],
            )
        )
    except Exception as error:  # as above
        reason = " ".join(str(error).split())[:200]
        raise refusal(source, f"cannot be joined: {reason}") from error


def behind_denoiser(denoiser: bytes, classifier: bytes, source: str) -> bytes:
    """Return ONNX of a classifier that sees what a denoiser makes of the image."""
    first, second = onnx.load_from_string(denoiser), onnx.load_from_string(classifier)
    return joined(first, second, source).SerializeToString()


def _entry(graph: onnx.GraphProto) -> str:
    """Return the name of a graph's only input that is not given."""
    given = {tensor.name for tensor in graph.initializer}
    return next(value.name for value in graph.input if value.name not in given)


def ensemble(classifiers: Sequence[bytes], source: str) -> bytes:
    """Return ONNX of the mean of several classifiers' logits (Horvath et al. 2022, section 4).

    Parameters
    ----------
    classifiers : sequence of bytes
        Each maps a dynamic batch of float32 RGB [N, 3, H, W] in [0, 1] to logits [N, K], with
        the same H, W and K.
    source : str
        For errors.

    Raises
    ------
    ModelError
        When their operator sets cannot be brought together.
    """
    models = [onnx.load_from_string(content) for content in classifiers]
    opset = max(opset_of(model) for model in models)
    models = [_at_opset(model, opset, source) for model in models]
    shape = ["batch", 3, *_size(models)]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    nodes, constants, sparse, outputs, versions = [], [], [], [], {}
    for index, model in enumerate(models):
        graph = compose.add_prefix(model, f"{index}/").graph
        nodes.append(helper.make_node("Identity", ["image"], [_entry(graph)]))
        nodes.extend(graph.node)
        constants.extend(graph.initializer)
        sparse.extend(graph.sparse_initializer)
        outputs.append(graph.output[0].name)
        for entry in model.opset_import:
            versions[entry.domain] = max(versions.get(entry.domain, 0), entry.version)
    total = outputs[0]
    for index, output in enumerate(outputs[1:], 1):
        nodes.append(helper.make_node("Add", [total, output], [f"sum/{index}"]))
        total = f"sum/{index}"
    share = np.array(1 / len(models), np.float32)
    constants.append(numpy_helper.from_array(share, "share"))
    nodes.append(helper.make_node("Mul", [total, "share"], ["logits"]))
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", None])
    return helper.make_model(
        helper.make_graph(
            nodes, "ensemble", [image], [logits], constants, sparse_initializer=sparse
        ),
        opset_imports=[helper.make_opsetid(d, v) for d, v in versions.items()],
        ir_version=max(model.ir_version for model in models),
    ).SerializeToString()


def _size(models: Sequence[onnx.ModelProto]) -> list[int | str]:
    """Return height and width as any of the models fixes them; names for what none does."""
    fixed = {}
    for model in models:
        entry = _entry(model.graph)
        value = next(value for value in model.graph.input if value.name == entry)
        dims = value.type.tensor_type.shape.dim[2:]
        fixed |= {name: d.dim_value for name, d in zip(_SIDES, dims) if d.dim_value}
    return [fixed.get(name, name) for name in _SIDES]
