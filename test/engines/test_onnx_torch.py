# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Operations against ONNX's own reference implementation."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")

from rs_monitor.engines import EngineError  # noqa: E402
from rs_monitor.engines.onnx_torch import OnnxModule  # noqa: E402

RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.normal(size=(2, 3, 9, 8)).astype(np.float32)


def array(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def network(operation, *constants, **attributes):
    names = [f"constant_{i}" for i in range(len(constants))]
    node = helper.make_node(operation, ["image", *names], ["out"], **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(c, n) for c, n in zip(constants, names, strict=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(
    ("operation", "constants", "attributes"),
    [
        ("Add", [array(3, 1, 1)], {}),
        ("AveragePool", [], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 0]}),
        ("AveragePool", [], {"kernel_shape": [2, 2], "pads": [1] * 4, "count_include_pad": 1}),
        ("BatchNormalization", [array(3), array(3), array(3), array(3) ** 2], {"epsilon": 1e-3}),
        ("Cast", [], {"to": TensorProto.FLOAT}),
        ("Clip", [np.float32(-0.5), np.float32(0.7)], {}),
        ("Conv", [array(4, 3, 3, 3), array(4)], {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
        ("Conv", [array(4, 3, 3, 2)], {"pads": [2, 0, 1, 1], "dilations": [1, 2]}),
        ("Conv", [array(6, 1, 3, 3)], {"group": 3}),
        ("Div", [array(3, 1, 1) + 3], {}),
        ("Flatten", [], {}),
        ("Flatten", [], {"axis": 2}),
        ("Gather", [np.array([2, -1])], {"axis": 1}),
        ("Gather", [np.array(1)], {"axis": 1}),
        ("GlobalAveragePool", [], {}),
        ("LeakyRelu", [], {"alpha": 0.2}),
        ("MatMul", [array(8, 5)], {}),
        ("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
        ("ReduceMean", [], {"axes": [2, 3], "keepdims": 0}),
        ("Relu", [], {}),
        ("Reshape", [np.array([0, -1])], {}),
        ("Sigmoid", [], {}),
        ("Softmax", [], {"axis": 1}),
        ("Transpose", [], {"perm": [0, 2, 3, 1]}),
        ("Unsqueeze", [np.array([1])], {}),
    ],
)  # fmt: skip
def test_operations(operation, constants, attributes):
    model = network(operation, *constants, **attributes)
    expected = ReferenceEvaluator(model).run(None, {"image": IMAGES})[0]
    module = OnnxModule(model.graph, "one").to_device(torch.device("cpu"), torch.float32)
    ours = module(torch.from_numpy(IMAGES)).numpy()
    assert ours.shape == expected.shape
    assert np.allclose(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("operation", "attributes", "reason"),
    [
        ("Erf", {}, "Erf .* not translated.*another backend"),
        ("AveragePool", {"kernel_shape": [2, 2], "ceil_mode": 1}, "ceil_mode"),
        ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}, "auto_pad SAME_UPPER"),
        ("Cast", {"to": TensorProto.INT8}, "Cast to INT8"),
    ],
)
def test_what_is_not_translated_is_named(operation, attributes, reason):
    with pytest.raises(EngineError, match=reason):
        OnnxModule(network(operation, **attributes).graph, "one")
