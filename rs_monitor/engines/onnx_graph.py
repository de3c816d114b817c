# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether the nodes of an ONNX file come to an end, by themselves; read without the package onnx.

A graph whose nodes depend on their own outputs keeps OpenVINO busy for a minute before it gives
up, and a loop may run for ever. One that draws random numbers does not answer for its input alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from .errors import EngineError

# Numbers of fields in onnx.proto.
_MODEL_GRAPH, _MODEL_FUNCTION = 7, 25
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _SPARSE = 1, 5, 11, 12, 15  # of a graph
_FUNCTION_INPUT, _FUNCTION_OUTPUT, _FUNCTION_NODE = 4, 5, 7
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_KIND, _NODE_ATTRIBUTE = 1, 2, 3, 4, 5
_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS = 6, 11
_TENSOR_NAME, _VALUE_NAME, _SPARSE_VALUES = 8, 1, 1
_LOOP = "Loop"
_RANDOM = {
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
}  # fmt: skip
_MOST_FIELDS = 1_000_000  # of one message: weights are one field, packed
_DEEPEST = 16  # graphs in nodes of graphs

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # kinds of fields on the wire

Scopes = tuple[set[str], ...]  # names that are known, of the innermost graph first


def check_graph(content: bytes, name: str) -> None:
    """Refuse an ONNX file whose nodes do not stand each after those that it depends on.

    ONNX asks for this order, and that no name is given twice. How long a Loop takes is decided
    by what it computes, perhaps by the frame: no deadline can be kept with it. With random
    numbers of the network's own, votes are no independent draws of one classifier.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for the error.

    Raises
    ------
    EngineError
        Naming the node; also for what is no ONNX.
    """
    try:
        fields = _fields(memoryview(content))
        for function in fields.get(_MODEL_FUNCTION, []):
            body = _fields(function)
            known = {_text(value) for value in body.get(_FUNCTION_INPUT, [])}
            _check_nodes(body.get(_FUNCTION_NODE, []), (known,))
            _check_outputs([_text(value) for value in body.get(_FUNCTION_OUTPUT, [])], (known,))
        _check_graph(_message(fields, _MODEL_GRAPH), ())
    except _NotOnnx as error:
        raise EngineError(f"{name}: cannot read it as ONNX: {error}") from error
    except _Unfit as error:
        raise EngineError(f"{name}: {error}") from error


class _NotOnnx(Exception):
    """The bytes are no message of protobuf."""


class _Unfit(Exception):
    """Of such a graph nothing is known to come to an end."""


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise _NotOnnx("it is cut short or damaged")


def _walk(data: memoryview) -> Iterator[tuple[int, memoryview | None]]:
    """Yield number and content of every field; None for numbers."""
    at = count = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind, content = tag & 7, None
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        elif kind == _BYTES:
            length, at = _varint(data, at)
            content, at = data[at : at + length], at + length
        else:
            raise _NotOnnx("it is no message of protobuf")
        count += 1
        if at > len(data) or not tag >> 3:
            raise _NotOnnx("it is cut short or damaged")
        if count > _MOST_FIELDS:
            raise _NotOnnx(f"a part of it has more than {_MOST_FIELDS} fields")
        yield tag >> 3, content


def _fields(data: memoryview) -> dict[int, list[memoryview]]:
    """Return the contents of the fields that are no numbers."""
    found: dict[int, list[memoryview]] = {}
    for number, content in _walk(data):
        if content is not None:
            found.setdefault(number, []).append(content)
    return found


def _message(fields: dict[int, list[memoryview]], number: int) -> memoryview:
    """Return a message that may be there once; several are one, by the rules of protobuf."""
    parts = fields.get(number, [])
    return parts[0] if len(parts) == 1 else memoryview(b"".join(parts))


def _text(content: memoryview) -> str:
    return bytes(content).decode("utf-8", "replace")


def _last(fields: dict[int, list[memoryview]], number: int) -> str:
    return _text(fields[number][-1]) if number in fields else ""


def _check_graph(data: memoryview, outer: Scopes) -> None:
    graph = _fields(data)
    known = {_last(_fields(value), _VALUE_NAME) for value in graph.get(_INPUT, [])}
    known |= {_last(_fields(tensor), _TENSOR_NAME) for tensor in graph.get(_INITIALIZER, [])}
    for sparse in graph.get(_SPARSE, []):
        known.add(_last(_fields(_message(_fields(sparse), _SPARSE_VALUES)), _TENSOR_NAME))
    _check_nodes(graph.get(_NODE, []), (known, *outer))
    outputs = [_last(_fields(value), _VALUE_NAME) for value in graph.get(_OUTPUT, [])]
    _check_outputs(outputs, (known, *outer))


def _check_nodes(nodes: list[memoryview], scopes: Scopes) -> None:
    """Check the nodes of a graph or function; the innermost scope grows by their outputs."""
    if len(scopes) > _DEEPEST:
        raise _Unfit(f"it has graphs in graphs, more than {_DEEPEST} deep")
    for data in nodes:
        node = _fields(data)
        inputs = [_text(value) for value in node.get(_NODE_INPUT, [])]
        outputs = [_text(value) for value in node.get(_NODE_OUTPUT, [])]
        label = _last(node, _NODE_NAME) or (outputs[0] if outputs else "without a name")
        what = f"node {label[:80]} ({_last(node, _NODE_KIND)[:40]})"
        if _last(node, _NODE_KIND) == _LOOP:
            raise _Unfit(
                f"{what} may run for ever, so that no deadline can be kept: export the classifier "
                "without loops"
            )
        if _last(node, _NODE_KIND) in _RANDOM:
            raise _Unfit(
                f"{what} draws random numbers: the votes would not be independent and certify "
                "nothing; export the network in evaluation mode"
            )
        for name in inputs:
            if name and not _has(scopes, name):
                raise _Unfit(
                    f"{what} takes {name[:80]}, which nothing before it gives: the nodes stand in "
                    "no order, or depend on each other in a circle"
                )
        for attribute in node.get(_NODE_ATTRIBUTE, []):
            fields = _fields(attribute)
            if _ATTRIBUTE_GRAPH in fields:
                _check_graph(_message(fields, _ATTRIBUTE_GRAPH), scopes)
            for inner in fields.get(_ATTRIBUTE_GRAPHS, []):
                _check_graph(inner, scopes)
        for name in outputs:
            if name and name in scopes[0]:
                raise _Unfit(f"{what} gives {name[:80]}, which is there already")
            scopes[0].add(name)


def _has(scopes: Scopes, name: str) -> bool:
    return any(name in scope for scope in scopes)


def _check_outputs(outputs: list[str], scopes: Scopes) -> None:
    for name in outputs:
        if not _has(scopes, name):
            raise _Unfit(f"nothing gives its output {name[:80]}")
