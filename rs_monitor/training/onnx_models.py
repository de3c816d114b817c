# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Others' ONNX classifiers: made to take batches of RGB images in [0, 1]."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, helper, numpy_helper

from ..engines import EngineError
from ..engines.onnx_graph import check_graph
from ..files import read_file
from ..models import ModelError
from .onnx_joining import joined, opset_of, packed, refusal

_MAX_FILE = 1 << 31  # bytes: protobuf's own limit
_LEAST_OPSET = 13
_FREE_WEIGHTS = 4  # IR version from which weights need not be inputs as well
LAYOUTS = ("nchw", "nhwc")


@dataclasses.dataclass(frozen=True)
class OnnxModel:
    """An ONNX model of one image input and one output, as it came.

    Attributes
    ----------
    proto : onnx.ModelProto
    layout : str
        "nchw" or "nhwc".
    batch : int
        Fixed batch size; 0 where it is dynamic.
    height, width : int
        Fixed input size; 0 where it is dynamic.
    """

    proto: onnx.ModelProto
    layout: str
    batch: int
    height: int
    width: int

    @property
    def dynamic_size(self) -> bool:
        """Whether it takes images of any size."""
        return self.height == 0 and self.width == 0


def read_onnx(path: Path, layout: str = "") -> OnnxModel:
    """Read and check an ONNX file.

    Parameters
    ----------
    path : Path
    layout : str
        Of its input, where its shape does not tell.

    Raises
    ------
    ModelError
        When it is no ONNX model of one float32 image input and one output, or it loops.
    """
    source = str(path)
    try:
        content = read_file(path, _MAX_FILE)
    except OSError as error:
        raise refusal(source, f"cannot be read: {error.strerror or error}") from error
    return parse_onnx(content, source, layout, path.parent)


def parse_onnx(
    content: bytes, source: str, layout: str = "", folder: Path | None = None
) -> OnnxModel:
    """Check the content of an ONNX file, which may keep weights in `folder`; see `read_onnx`."""
    try:
        proto = onnx.load_from_string(content)
        if any(t.data_location == TensorProto.EXTERNAL for t in proto.graph.initializer):
            _take_in(proto, source, folder)
            content = proto.SerializeToString()
        onnx.checker.check_model(proto)
        if proto.functions:
            proto = onnx.inliner.inline_local_functions(proto)
            content = proto.SerializeToString()
    except ModelError:
        raise
    except Exception as error:  # protobuf's and the checker's errors have no common base
        reason = " ".join(str(error).split())[:200]
        raise refusal(source, f"is no valid ONNX model: {reason}") from error
    try:
        check_graph(content, source)
    except EngineError as error:
        raise ModelError(str(error)) from error
    given = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in given]
    proto.ir_version = max(proto.ir_version, _FREE_WEIGHTS)  # as those that we put in
    outputs = list(proto.graph.output)
    if len(inputs) != 1 or len(outputs) != 1:
        raise refusal(
            source,
            f"a classifier has one input and one output, this has {len(inputs)} and "
            f"{len(outputs)} ({', '.join(v.name for v in [*inputs, *outputs][:5])})",
        )
    if opset_of(proto) > onnx.defs.onnx_opset_version():
        raise refusal(
            source,
            f"is of opset {opset_of(proto)}, later than {onnx.defs.onnx_opset_version()}, the "
            "last that is known here",
        )
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type != TensorProto.FLOAT:
        kind = TensorProto.DataType.Name(tensor.elem_type)
        raise refusal(source, f"its input is {kind}: export it with a float32 input")
    for value in (*inputs, *outputs):
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_value") and dim.dim_value <= 0:  # so some write any
                dim.ClearField("dim_value")
    sides = [dim.dim_value for dim in tensor.shape.dim]
    if len(sides) != 4:
        raise refusal(source, f"its input must be images, four dimensions, it has {len(sides)}")
    layout = layout or _layout(sides, source)
    channels, height, width = (
        (sides[1], *sides[2:]) if layout == "nchw" else (sides[3], *sides[1:3])
    )
    if channels not in (0, 3):
        raise refusal(source, f"its input of shape {sides} has {channels} channels, not 3 of RGB")
    return OnnxModel(proto, layout, sides[0], height, width)


def _take_in(proto: onnx.ModelProto, source: str, folder: Path | None) -> None:
    """Put weights that lie in files beside the model, as PyTorch's exporter has it, into it."""
    files: dict[str, bytes] = {}
    total = 0
    for tensor in proto.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        about = {entry.key: entry.value for entry in tensor.external_data}
        name = about.get("location", "")
        if folder is None or not name or Path(name).name != name:
            raise refusal(source, f"keeps weights in another folder ({name!a:.80}): save them "
                          "inside or beside it")  # fmt: skip
        try:
            if name not in files:
                files[name] = read_file(folder / name, _MAX_FILE)
            start = int(about.get("offset", 0))
            length = int(about.get("length", len(files[name]) - start))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise refusal(source, f"its weights in {name} cannot be read: {reason}") from error
        if min(start, length) < 0 or start + length > len(files[name]):
            raise refusal(source, f"its weights in {name} are cut at {len(files[name])} bytes")
        total += length
        if total > _MAX_FILE:  # a part of a file may be named any number of times
            raise refusal(source, f"its weights take more than {_MAX_FILE:,} bytes")
        tensor.raw_data = files[name][start : start + length]
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _layout(sides: Sequence[int], source: str) -> str:
    fitting = [name for name, axis in zip(LAYOUTS, (1, 3)) if sides[axis] == 3]
    if not fitting:
        unknown = 0 in (sides[1], sides[3])
        hint = "say --layout" if unknown else "it takes no RGB images, and the camera's are RGB"
        raise refusal(
            source, f"neither axis 1 nor axis 3 of its input {sides} has 3 channels: {hint}"
        )
    if len(fitting) > 1:
        raise refusal(source, f"its input {sides} may be NCHW or NHWC: say --layout")
    return fitting[0]


def _free_batch(model: OnnxModel) -> onnx.ModelProto:
    """Make a fixed batch dynamic: in the shapes, and in reshapes that name it."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.proto)
    if not model.batch:
        return proto
    graph = proto.graph
    del graph.value_info[:]  # shapes in between are inferred again
    given = {tensor.name: tensor for tensor in graph.initializer}
    for value in [v for v in graph.input if v.name not in given] + list(graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    constants = dict(given)
    for node in graph.node:
        given_as = node.attribute[0] if node.op_type == "Constant" else None
        if given_as is not None and given_as.name == "value":
            constants[node.output[0]] = given_as.t
        elif given_as is not None and given_as.name == "value_ints":
            constants[node.output[0]] = numpy_helper.from_array(np.array(given_as.ints, np.int64))
    for index, node in enumerate(graph.node):
        tensor = constants.get(node.input[1]) if node.op_type == "Reshape" else None
        if tensor is None or node.input[0] in constants:
            continue
        shape = numpy_helper.to_array(tensor).copy()
        if len(shape) > 1 and shape[0] == model.batch:
            shape[0] = 0  # the dimension as it comes
            name = f"{node.input[1]}_of_any_batch_{index}"
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name
            # PyTorch's exporter asks for 0 to be taken as a size.
            kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend(kept)
    return proto


def _front(model: OnnxModel, mean: Sequence[float], std: Sequence[float]) -> onnx.ModelProto:
    """Return a model that normalises RGB [N, 3, H, W] in [0, 1] and gives it the layout."""
    shape = ["batch", 3, model.height or "height", model.width or "width"]
    constants = [
        numpy_helper.from_array(np.array(value, np.float32).reshape(1, 3, 1, 1), name)
        for name, value in (("mean", mean), ("std", std))
    ]
    nodes = [
        helper.make_node("Sub", ["image", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["normalised"]),
    ]
    out, out_shape = "normalised", shape
    if model.layout == "nhwc":
        nodes.append(helper.make_node("Transpose", [out], ["channels_last"], perm=[0, 2, 3, 1]))
        out, out_shape = "channels_last", [shape[0], *shape[2:], 3]
    graph = helper.make_graph(
        nodes,
        "normalisation",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, out_shape)],
        constants,
    )
    opset = max(opset_of(model.proto), _LEAST_OPSET)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=model.proto.ir_version
    )


def normalised(
    model: OnnxModel, mean: Sequence[float], std: Sequence[float], source: str
) -> bytes:
    """Return ONNX of a dynamic batch of RGB [N, 3, H, W] in [0, 1], normalisation inside."""
    return packed(joined(_front(model, mean, std), _free_batch(model), source), source)
