# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Files that are no classifier: one EngineError, from every backend that is installed."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from small_models import color_network, open_color_engine

from rs_monitor.engines import EngineError
from rs_monitor.models import ModelError

GOOD = color_network()


def network(nodes, inputs, outputs, constants=(), opset=13):
    graph = helper.make_graph(list(nodes), "hostile", inputs, outputs, list(constants))
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("elsewhere", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8).SerializeToString()


def value(name, *shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, list(shape))


IMAGE = value("image", "batch", 3, "height", "width")
MEANS = helper.make_node("ReduceMean", ["image"], ["logits"], axes=[2, 3], keepdims=0)
LOGITS = value("logits", "batch", 3)
TEN = helper.make_tensor("ten", TensorProto.FLOAT, [3, 10], np.ones(30, np.float32))

HOSTILE = {
    "empty": b"",
    "zeros": bytes(1000),
    "text": b"this is no network\n" * 50,
    "a third": GOOD[: len(GOOD) // 3],
    "two thirds": GOOD[: 2 * len(GOOD) // 3],
    "a pickle": b"\x80\x02cos\nsystem\nU\x04true\x85R.",
    "no nodes": network([], [IMAGE], [LOGITS]),
    "a circle": network(
        [
            helper.make_node("Add", ["image", "back"], ["sum"]),
            helper.make_node("Relu", ["sum"], ["back"]),
            helper.make_node("ReduceMean", ["back"], ["logits"], axes=[2, 3], keepdims=0),
        ],
        [IMAGE],
        [LOGITS],
    ),
    "a name twice": network([MEANS, MEANS], [IMAGE], [LOGITS]),
    "no input": network([MEANS], [], [LOGITS]),
    "no output": network([MEANS], [IMAGE], []),
    "two outputs": network(
        [MEANS, helper.make_node("Relu", ["logits"], ["more"])],
        [IMAGE],
        [LOGITS, value("more", "batch", 3)],
    ),
    "two inputs": network(
        [
            helper.make_node("Mul", ["image", "mask"], ["masked"]),
            helper.make_node("ReduceMean", ["masked"], ["logits"], axes=[2, 3], keepdims=0),
        ],
        [IMAGE, value("mask", "batch", 3, "height", "width")],
        [LOGITS],
    ),
    "an unknown operation": network(
        [helper.make_node("Explode", ["image"], ["logits"])], [IMAGE], [LOGITS]
    ),
    "an operation from elsewhere": network(
        [helper.make_node("Mean", ["image"], ["logits"], domain="elsewhere")], [IMAGE], [LOGITS]
    ),
    "an opset of the future": network([MEANS], [IMAGE], [LOGITS], opset=10_000),
    "other classes": network(
        [
            helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0),
            helper.make_node("MatMul", ["means", "ten"], ["logits"]),
        ],
        [IMAGE],
        [value("logits", "batch", 10)],
        [TEN],
    ),
    "pixels for classes": network(
        [helper.make_node("Relu", ["image"], ["logits"])],
        [IMAGE],
        [value("logits", "batch", 3, "height", "width")],
    ),
    "channels last": network(
        [helper.make_node("ReduceMean", ["image"], ["logits"], axes=[1, 2], keepdims=0)],
        [value("image", "batch", 8, 8, 3)],
        [LOGITS],
    ),
    "a batch of one": color_network(batch=1),
    "another size": color_network(height=16, width=16),
    "integers": color_network(dtype="INT64"),
    "doubles": color_network(dtype="DOUBLE"),
}


@pytest.mark.timeout(50)
@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_hostile_models(tmp_path, backend):
    pytest.importorskip(backend, reason=f"{backend} is not installed: pip install {backend}")
    for name, content in HOSTILE.items():
        try:
            open_color_engine(tmp_path, backend, onnx_bytes=content, reference=None).close()
            pytest.fail(f"{name} was opened")
        except (EngineError, ModelError) as error:  # the latter of a file that is empty
            message = str(error)
        assert "color.onnx" in message, (name, message)
        assert len(message) < 2000, name
    open_color_engine(tmp_path, backend, reference=None).close()
