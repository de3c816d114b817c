# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_models import color_network, residual_network

from rs_monitor.models import ModelError
from rs_monitor.training.quantization import quantize_onnx

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: the extra quantize")


def noisy(number=20, size=8, sigma=0.25):
    generator = np.random.default_rng(0)
    colors = generator.random((number, 1, 1, 3))
    return (colors + sigma * generator.standard_normal((number, size, size, 3))).astype(np.float32)


def other_graph(change):
    model = onnx.load_from_string(residual_network())
    change(model.graph)
    return model.SerializeToString()


def two_outputs(graph):
    graph.output.append(helper.make_tensor_value_info("means", TensorProto.FLOAT, ["batch", 3]))


def unknown_operation(graph):
    graph.node[0].domain = "com.example"
    graph.node[0].op_type = "Whirl"


def test_twin_is_quantised_and_keeps_its_dynamic_sizes():
    twin = onnx.load_from_string(quantize_onnx(residual_network(), noisy()))
    (image,) = twin.graph.input
    dimensions = image.type.tensor_type.shape.dim
    assert [dim.dim_param for dim in dimensions] == ["batch", "", "height", "width"]
    made_by = {name: node.op_type for node in twin.graph.node for name in node.output}
    # Both sides of the shortcut's addition and all that convolutions read, and no logits.
    for node in twin.graph.node:
        if node.op_type in ("Conv", "Add"):
            assert {made_by[name] for name in node.input} == {"DequantizeLinear"}, node.name
    assert made_by[twin.graph.output[0].name] == "Mul"
    weights = [t for t in twin.graph.initializer if t.data_type == TensorProto.INT8]
    assert any(tensor.dims == [16, 16, 3, 3] for tensor in weights)


def test_the_same_images_give_the_same_bytes_and_others_do_not():
    first = quantize_onnx(residual_network(), noisy())
    assert quantize_onnx(residual_network(), noisy()) == first
    assert quantize_onnx(residual_network(), noisy(sigma=1.0)) != first


def test_a_fixed_batch_is_calibrated_with_full_batches():
    model = onnx.load_from_string(residual_network())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 3
    assert b"QuantizeLinear" in quantize_onnx(model.SerializeToString(), noisy(4))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no onnx", "cannot read it as ONNX"),
        (residual_network()[:-100], "cannot"),
        (color_network(), "nothing to quantise"),
        (color_network(dtype="DOUBLE"), "float32 images"),
        (other_graph(two_outputs), "one output, this has 1 and 2"),
        (other_graph(unknown_operation), "Whirl"),
    ],
)
def test_what_cannot_be_quantised(content, reason):
    with pytest.raises(ModelError, match=reason):
        quantize_onnx(content, noisy())


def test_a_constant_is_added_in_floating_point():
    def offset(graph):
        graph.initializer.append(helper.make_tensor("offset", TensorProto.FLOAT, [], [0.1]))
        graph.node.insert(0, helper.make_node("Add", ["image", "offset"], ["shifted"]))
        graph.node[1].input[0] = "shifted"

    twin = onnx.load_from_string(quantize_onnx(other_graph(offset), noisy()))
    (sum_,) = (node for node in twin.graph.node if "offset" in node.input)
    assert "image" in sum_.input


def test_a_twin_has_no_twin():
    with pytest.raises(ModelError, match="quantised already"):
        quantize_onnx(quantize_onnx(residual_network(), noisy()), noisy())


@pytest.mark.parametrize(
    "images", [noisy().astype(np.float64), noisy()[0], noisy()[..., :2], noisy()[:0]]
)
def test_images_of_the_wrong_kind(images):
    with pytest.raises(ValueError, match="images must be float32"):
        quantize_onnx(residual_network(), images)


def test_no_pytorch_is_needed():
    code = (
        "import sys; import rs_monitor.training.quantization as q; q._import(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
