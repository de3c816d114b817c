# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The check of an engine's votes, with OpenVINO in the place of the engine."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from small_models import color_network, write_model

from rs_monitor.engines import EngineError, EngineIdentity
from rs_monitor.engines.openvino import OpenVinoEngine
from rs_monitor.engines.tensorrt_agreement import check_agreement
from rs_monitor.models import load_card, load_model

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")


def untranslated():
    """Return the network with an operation that PyTorch's translation has not."""
    model = onnx.load_from_string(color_network())
    for name in model.graph.node[-1].output:
        model.graph.node[-1].output[0] = "before"
        model.graph.node.append(helper.make_node("Elu", ["before"], [name]))
    return model.SerializeToString()


def quantized():
    """Return a network in int8 that has no float original."""
    image, logits = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("image", ["n", 3, 8, 8]), ("logits", ["n", 3]))
    )
    constants = [
        helper.make_tensor("scale", TensorProto.FLOAT, [], [1 / 64]),
        helper.make_tensor("zero", TensorProto.INT8, [], [0]),
    ]
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["steps"]),
        helper.make_node("DequantizeLinear", ["steps", "scale", "zero"], ["rounded"]),
        helper.make_node("ReduceMean", ["rounded"], ["logits"], axes=[2, 3], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "quantized", [image], [logits], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


NETWORKS = {
    "PyTorch's in fp32": (color_network(), "fp32"),
    "OpenVINO's in fp32 on the CPU": (untranslated(), "fp32"),
    "OpenVINO's in int8 on the CPU": (quantized(), "int8"),
}


def check(folder, onnx_bytes, precision, batch, change=lambda logits: logits):
    model = load_model(load_card(write_model(folder, onnx_bytes=onnx_bytes, reference=None)))
    with OpenVinoEngine(model, precision, batch) as engine:
        check_agreement(
            lambda images: change(engine._logits(images)), (batch, 3, 8, 8),
            EngineIdentity("tensorrt", "0", "a GPU", precision), model, model,
            torch.device("cpu"),
        )  # fmt: skip


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("reference", NETWORKS)
def test_the_same_network_agrees_whatever_it_is_made_of(tmp_path, reference, batch):
    check(tmp_path, *NETWORKS[reference], batch)


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("reference", NETWORKS)
def test_another_network_is_refused_also_in_batches_of_one(tmp_path, reference, batch):
    with pytest.raises(EngineError, match=rf"of 64 votes .* differ from {reference} on the same"):
        check(tmp_path, *NETWORKS[reference], batch, lambda logits: np.roll(logits, 1, axis=1))


def test_logits_that_are_not_finite_differ(tmp_path):
    with pytest.raises(EngineError, match="64 of 64 votes"):
        check(tmp_path, color_network(), "fp32", 4, lambda logits: logits * np.nan)


def test_a_network_that_nothing_else_runs_is_refused_with_both_reasons(tmp_path):
    model = load_model(load_card(write_model(tmp_path, onnx_bytes=untranslated(), reference=None)))
    identity = EngineIdentity("tensorrt", "0", "a GPU", "fp32")
    with pytest.raises(EngineError, match=r"Elu .* is not translated to PyTorch.*max_batch must"):
        check_agreement(lambda x: x, (0, 3, 8, 8), identity, model, model, torch.device("cpu"))
