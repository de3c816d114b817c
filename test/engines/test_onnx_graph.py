# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from onnx import TensorProto, helper
from small_models import color_network, residual_network

from rs_monitor.engines import EngineError
from rs_monitor.engines.onnx_graph import check_graph

IMAGE = helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 3, 8, 8])
LOGITS = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [None, 3])
CHOICE = helper.make_tensor_value_info("choice", TensorProto.BOOL, [])


def node(kind, inputs, *outputs, **attributes):
    return helper.make_node(kind, inputs.split(), outputs, **attributes)


def graph(*nodes, inputs=(IMAGE,), outputs=(LOGITS,)):
    return helper.make_graph(nodes, "graph", inputs, outputs)


def model(*nodes, functions=(), **options):
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    made = helper.make_model(graph(*nodes, **options), functions=functions, opset_imports=opsets)
    return made.SerializeToString()


def inner(*nodes):
    return graph(*nodes, inputs=(), outputs=(LOGITS,))


def choice(*nodes):
    """Return a node with two graphs in it, which may use what is outside."""
    return node("If", "choice", "logits", then_branch=inner(*nodes), else_branch=inner(*nodes))


def function(*nodes):
    return helper.make_function("own", "Twice", ["x"], ["y"], nodes, [helper.make_opsetid("", 17)])


GOOD = {
    "colours": color_network(),
    "residual": residual_network(),
    "optional input": model(node("Clip", "image", "a"), node("Relu", "a", "logits")),
    "graphs in a node": model(
        node("Relu", "image", "a"),
        choice(node("Neg", "a", "b"), node("Neg", "b", "logits")),
        inputs=(IMAGE, CHOICE),
    ),
    "a function": model(
        node("Twice", "image", "logits", domain="own"),
        functions=[function(node("Add", "x x", "y"))],
    ),
}
LOOPED = node("Neg", "image", "logits")
BAD = {
    "circle": (
        model(node("Add", "image b", "a"), node("Relu", "a", "b"), node("Neg", "b", "logits")),
        "node a (Add) takes b",
    ),
    "itself": (model(node("Add", "image logits", "logits")), "node logits (Add) takes logits"),
    "no order": (model(node("Neg", "a", "logits"), node("Relu", "image", "a")), "takes a"),
    "nowhere": (model(node("Add", "image ghost", "logits")), "takes ghost"),
    "twice": (model(node("Neg", "image", "logits"), node("Abs", "image", "logits")), "is there"),
    "an input again": (model(node("Neg", "image", "image")), "gives image"),
    "no output": (model(node("Neg", "image", "a")), "nothing gives its output logits"),
    "circle inside": (
        model(choice(node("Add", "b image", "logits"), node("Neg", "logits", "b")),
              inputs=(IMAGE, CHOICE)),
        "takes b",
    ),
    "circle in a function": (
        model(node("Twice", "image", "logits", domain="own"),
              functions=[function(node("Add", "x z", "y"), node("Neg", "y", "z"))]),
        "takes z",
    ),
    "a loop": (
        model(node("Loop", "image image image", "logits", body=inner(LOOPED))),
        "node logits (Loop) may run for ever",
    ),
    "a loop in a branch": (
        model(choice(node("Loop", "image image image", "logits", body=inner())),
              inputs=(IMAGE, CHOICE)),
        "(Loop) may run for ever",
    ),
    "random numbers": (
        model(node("RandomNormalLike", "image", "a"), node("Add", "image a", "logits")),
        "node a (RandomNormalLike) draws random numbers",
    ),
    "random numbers in a function": (
        model(node("Twice", "image", "logits", domain="own"),
              functions=[function(node("Bernoulli", "x", "y"))]),
        "(Bernoulli) draws random numbers",
    ),
    "what a branch gives": (
        model(choice(node("Neg", "image", "logits")), node("Neg", "b", "c"),
              inputs=(IMAGE, CHOICE)),
        "takes b",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_stands_in_order(name):
    check_graph(GOOD[name], "good.onnx")


@pytest.mark.parametrize("name", BAD)
def test_what_does_not(name):
    content, reason = BAD[name]
    with pytest.raises(EngineError) as caught:
        check_graph(content, "bad.onnx")
    assert str(caught.value).startswith("bad.onnx: ") and reason in str(caught.value)


def test_a_graph_in_two_parts_is_one():
    first = helper.make_model(graph(node("Relu", "image", "a"), outputs=())).SerializeToString()
    second = helper.make_model(graph(node("Neg", "a", "logits"), inputs=())).SerializeToString()
    check_graph(first + second, "merged.onnx")
    with pytest.raises(EngineError, match="takes a"):
        check_graph(second, "alone.onnx")


def test_graphs_too_deep():
    content = node("Neg", "image", "logits")
    for _ in range(25):
        content = node("If", "choice", "logits", then_branch=inner(content))
    with pytest.raises(EngineError, match="graphs in graphs"):
        check_graph(model(content, inputs=(IMAGE, CHOICE)), "deep.onnx")


def test_damaged_bytes():
    whole, chance = residual_network(), random.Random(0)
    for _ in range(300):
        content = bytearray(whole)
        content[chance.randrange(len(whole))] = chance.randrange(256)
        del content[chance.randrange(len(whole)) :]
        try:
            check_graph(bytes(content), "damaged.onnx")
        except EngineError as error:
            assert str(error).startswith("damaged.onnx: ")
