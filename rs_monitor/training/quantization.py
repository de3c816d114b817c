# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""int8 twins of ONNX classifiers, by onnxruntime's quantiser. No PyTorch is needed."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..engines import EngineError
from ..engines.onnx_precision import WEIGHTED, check_weights
from ..models import ModelError

INSTALL = "python -m pip install 'onnxruntime>=1.20,<2' 'onnx>=1.17,<2'"
# What weights meet is quantised, and so are both sides of a shortcut's addition, and its result:
# only then does OpenVINO add inside the convolution before it, and keep but 8 bits in memory.
_QUANTIZED = (*WEIGHTED, "Add", "Relu")
_BATCH = 8
_WARNING, _FATAL = 2, 4  # severities of onnxruntime's own messages: its default, and the last


def quantize_onnx(onnx: bytes, images: np.ndarray) -> bytes:
    """Return a classifier's int8 twin: 8-bit weights and activations, QDQ format.

    Weights are symmetric with a scale for each output channel, activations unsigned with one
    scale each, from the least and the greatest value among 8 of `images`, averaged over them all.
    Biases, logits, the normalisation in front and the mean over the image behind keep floating
    point. The same arguments give the same bytes.

    Parameters
    ----------
    onnx : bytes
        One float32 input [N, 3, H, W] with images in [0, 1], one output of logits.
    images : numpy.ndarray
        float32 [M, H, W, 3], M >= 1: images with their noise added, as the network will see them.

    Returns
    -------
    bytes
        ONNX with the same input and output, dynamic sizes included.

    Raises
    ------
    ModelError
        When the bytes are no such classifier, hold an operation that onnxruntime lacks, or have
        nothing to quantise; or when onnxruntime is not installed.
    """
    onnx_module, quantization = _import()
    network = _parse(onnx_module, onnx)
    if images.dtype != np.float32 or images.ndim != 4 or images.shape[3] != 3 or not len(images):
        raise ValueError(
            f"images must be float32 [M, H, W, 3], got {images.dtype} {list(images.shape)}"
        )
    try:
        check_weights(network.graph)
    except EngineError as error:
        raise ModelError(str(error)) from error
    constants = {tensor.name for tensor in network.graph.initializer}
    (image,) = (value for value in network.graph.input if value.name not in constants)
    fixed = image.type.tensor_type.shape.dim[0].dim_value
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, folded, twin = (Path(folder, f"{name}.onnx") for name in ("source", "pre", "int8"))
        try:
            source.write_bytes(onnx)
            quantization.quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(folded),
                str(twin),
                _reader(quantization, image.name, planes, fixed or _BATCH),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=list(_QUANTIZED),
                nodes_to_exclude=_constant_sums(onnx_module, folded),
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
                extra_options={
                    "QuantizeBias": False,
                    "CalibMovingAverage": True,
                    "OpTypesToExcludeOutputQuantization": list(WEIGHTED),
                },
            )
        except OSError as error:
            raise ModelError(f"cannot write to {folder}: {error.strerror or error}") from error
        except Exception as error:  # onnxruntime's own, which have no common base
            detail = " ".join(str(error).split())[:300]
            raise ModelError(f"onnxruntime cannot quantise it: {detail}") from error
        content = twin.read_bytes()
    kinds = {node.op_type for node in onnx_module.load_from_string(content).graph.node}
    if "QuantizeLinear" not in kinds:
        raise ModelError(f"nothing to quantise: it has none of {', '.join(WEIGHTED)}")
    return content


def _import() -> tuple[Any, Any]:
    try:
        import onnx
        from onnxruntime import quantization
    except ImportError as error:
        raise ModelError(f"quantising needs onnxruntime and onnx ({error}): {INSTALL}") from error
    return onnx, quantization


def _parse(onnx: Any, content: bytes) -> Any:
    """Read and check ONNX bytes."""
    try:
        network = onnx.load_from_string(content)
        onnx.checker.check_model(network)
    except Exception as error:  # protobuf's and onnx's own
        detail = " ".join(str(error).split())[:300]
        raise ModelError(f"cannot read it as ONNX: {detail}") from error
    graph = network.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ModelError(
            f"a classifier has one input and one output, this has {len(inputs)} and "
            f"{len(graph.output)}"
        )
    kind = inputs[0].type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT or len(kind.shape.dim) != 4:
        raise ModelError("its input must be float32 images [N, 3, H, W]")
    if any(node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear") for node in graph.node):
        raise ModelError("it is quantised already")
    return network


def _constant_sums(onnx: Any, path: Path) -> list[str]:
    """Name all nodes of a file, and return the additions of a constant: no shortcuts."""
    network = onnx.load(path)
    constants = {tensor.name for tensor in network.graph.initializer}
    for index, node in enumerate(network.graph.node):
        node.name = f"node_{index}"
        if node.op_type == "Constant":
            constants |= set(node.output)
    onnx.save(network, path)
    return [
        node.name
        for node in network.graph.node
        if node.op_type == "Add" and constants & set(node.input)
    ]


def _reader(quantization: Any, name: str, planes: np.ndarray, batch: int) -> Any:
    """Return onnxruntime's reader of calibration batches, all of them full where they must be."""

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._batches = self._split()

        def _split(self) -> Iterator[dict[str, np.ndarray]]:
            for start in range(0, len(planes), batch):
                part = planes[start : start + batch]
                if len(part) < batch:  # of a network whose batch may be fixed
                    part = np.resize(planes, (batch, *planes.shape[1:]))
                yield {name: part}

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._batches, None)

    return Reader()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice to its developers off the user's terminal."""
    import onnxruntime

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    onnxruntime.set_default_logger_severity(_FATAL)  # what fails is raised as well
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        onnxruntime.set_default_logger_severity(_WARNING)
        logging.disable(before)
