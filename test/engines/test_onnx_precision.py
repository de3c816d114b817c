# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from small_models import color_network

from rs_monitor.engines import EngineError
from rs_monitor.engines.onnx_precision import in_precision, is_quantized, symmetric_int8
from rs_monitor.evaluation.parity import patchwork
from rs_monitor.families import load_family, shipped_families
from rs_monitor.models import load_model

TWINS = [
    card for family in shipped_families() for card in load_family(family).members if card.int8
]


def test_half_precision_keeps_its_input_and_its_meaning():
    original = color_network()
    reduced = onnx.load_from_string(in_precision(original, "fp16"))
    onnx.checker.check_model(reduced)
    assert [n.op_type for n in reduced.graph.node].count("Cast") == 3
    ends = (reduced.graph.input[0], reduced.graph.output[0])
    assert {end.type.tensor_type.elem_type for end in ends} == {onnx.TensorProto.FLOAT}
    images = np.random.default_rng(1).random((5, 3, 8, 8), np.float32)
    expected = ReferenceEvaluator(onnx.load_from_string(original)).run(None, {"image": images})[0]
    logits = ReferenceEvaluator(reduced).run(None, {"image": images})[0]
    assert np.allclose(logits, expected, rtol=5e-3)
    assert not np.array_equal(logits, expected)


def test_a_constant_beyond_the_range_of_fp16_is_refused():
    network = onnx.load_from_string(color_network())
    for tensor in network.graph.initializer:
        if tensor.name == "gain":
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.float32(1e6), "gain"))
    with pytest.raises(EngineError, match="gain is beyond the range of fp16"):
        in_precision(network.SerializeToString(), "fp16")
    assert in_precision(network.SerializeToString(), "bf16")


def constants(kinds, precision):
    """Types of the constants of a network after it was put into a precision, by name."""
    nodes, initializers, last = [], [], "image"
    for name, kind in kinds.items():
        after = f"after_{name}"
        if kind.startswith("value"):
            value = [1.5] if kind.endswith("s") else 1.5
            nodes.append(helper.make_node("Constant", [], [name], **{kind: value}))
        else:
            dtype = getattr(TensorProto, kind)
            nodes.append(helper.make_node("Cast", [last], [f"cast_{name}"], to=dtype))
            last = f"cast_{name}"
            initializers.append(helper.make_tensor(name, dtype, [], [1.5]))
        nodes.append(helper.make_node("Mul", [last, name], [after]))
        last = after
    nodes.append(helper.make_node("Cast", [last], ["logits"], to=TensorProto.FLOAT))
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n", 3, 2, 2])
        for end in ("image", "logits")
    ]
    graph = helper.make_graph(nodes, "typed", ends[:1], ends[1:], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made = onnx.load_from_string(in_precision(model.SerializeToString(), precision))
    images = np.ones((1, 3, 2, 2), np.float32)
    (logits,) = ReferenceEvaluator(made).run(None, {"image": images})
    assert logits.dtype == np.float32 and np.allclose(logits, 1.5 ** len(kinds), rtol=1e-2)
    found = {tensor.name: tensor.data_type for tensor in made.graph.initializer}
    for node in made.graph.node:
        if node.op_type == "Constant":
            found[node.output[0]] = node.attribute[0].t.data_type
        if node.op_type == "Cast" and node.output[0] != "logits":
            found[node.output[0]] = node.attribute[0].i
    return {TensorProto.DataType.Name(number) for number in found.values()}


@pytest.mark.parametrize(
    ("precision", "name"), [("fp32", "FLOAT"), ("fp16", "FLOAT16"), ("bf16", "BFLOAT16")]
)
def test_the_whole_network_computes_in_the_precision_that_is_asked_for(precision, name):
    halves = {"a": "FLOAT16", "b": "FLOAT", "c": "FLOAT16"}
    if precision != "bf16":  # onnx's own evaluator does not multiply bfloat16 numbers
        halves |= {"d": "value_float", "e": "value_floats"}
    else:
        pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    assert constants(halves, precision) == {name}


@pytest.mark.parametrize("as_node", [False, True])
def test_the_scales_of_a_resize_stay_as_onnx_wants_them(as_node):
    scales = onnx.numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    nodes = [helper.make_node("Resize", ["image", "", "scales"], ["logits"], mode="nearest")]
    if as_node:
        nodes.insert(0, helper.make_node("Constant", [], ["scales"], value=scales))
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n", 3, size, size])
        for end, size in (("image", 2), ("logits", 4))
    ]
    graph = helper.make_graph(nodes, "resized", ends[:1], ends[1:], [] if as_node else [scales])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made = onnx.load_from_string(in_precision(model.SerializeToString(), "fp16"))
    onnx.checker.check_model(made, full_check=True)


def logits(content, images):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = runtime.SessionOptions()
    # Optimised, it multiplies integers, whose sums saturate on CPUs with AVX2 alone.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


@pytest.mark.parametrize("card", TWINS, ids=lambda card: card.onnx.stem)
def test_symmetric_int8_votes_like_the_twin(card):
    model = load_model(card)
    content = symmetric_int8(model.twin.onnx)
    network = onnx.load_from_string(content)
    onnx.checker.check_model(network, full_check=True)
    assert is_quantized(network.graph)
    points = {node.input[2] for node in network.graph.node if node.op_type == "QuantizeLinear"}
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in network.graph.initializer}
    assert {tensors[name].dtype for name in points} == {np.dtype(np.int8)}
    assert not any(tensors[name].any() for name in points)
    noise = np.random.default_rng(0).standard_normal((256, 3, model.height, model.width))
    images = np.stack(patchwork(model.height, model.width, 256)).transpose(0, 3, 1, 2)
    images = (images + card.sigma * noise).astype(np.float32)
    ours, twins = logits(content, images), logits(model.twin.onnx, images)
    assert np.mean(ours.argmax(1) != twins.argmax(1)) < 0.08
    assert not np.array_equal(ours, twins)


def quantized(zero=0, scale=0.5, ends=("image", "logits"), computed=False):
    """Quantise and dequantise, element by element, uint8 with a zero point."""
    helper = onnx.helper
    nodes = [
        helper.make_node("QuantizeLinear", [ends[0], "scale", "zero"], ["levels"]),
        helper.make_node("DequantizeLinear", ["levels", "scale", "zero"], [ends[1]]),
    ]
    constants = [
        helper.make_tensor("scale", onnx.TensorProto.FLOAT, [], [scale]),
        helper.make_tensor("zero", onnx.TensorProto.UINT8, [], [zero]),
    ]
    if computed:
        constants[0].name = "half"
        nodes.insert(0, helper.make_node("Add", ["half", "half"], ["scale"]))
    values = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["n"]) for n in ends]
    graph = helper.make_graph(nodes, "levels", values[:1], values[1:], constants)
    opset = [helper.make_opsetid("", 19)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


@pytest.mark.parametrize(("zero", "reach"), [(0, 127.5), (100, 77.5), (200, 100.0), (255, 127.5)])
def test_the_range_stays_and_what_was_cut_at_zero_still_is(zero, reach):
    x = np.linspace(-200, 200, 1001, dtype=np.float32)
    (y,) = ReferenceEvaluator(onnx.load_from_string(symmetric_int8(quantized(zero)))).run(
        None, {"image": x}
    )
    step = reach / 127
    least = 0.0 if zero == 0 else -128 * step
    assert np.abs(y - x.clip(least, reach)).max() <= step / 2 + 1e-4


def test_scales_that_the_network_computes_are_refused():
    with pytest.raises(EngineError, match="QuantizeLinear computes its scale"):
        symmetric_int8(quantized(computed=True))
