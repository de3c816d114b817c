# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Real but tiny ONNX classifiers, whose class is the colour channel with the largest mean."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper

from rs_monitor.engines import Engine, open_engine
from rs_monitor.models import load_card, load_model

LABELS = ("red", "green", "blue")


def color_network(
    *,
    height: int | str = "height",
    width: int | str = "width",
    batch: int | str = "batch",
    nan_above: float | None = None,
    order: tuple[int, int, int] = (0, 1, 2),
    dtype: str = "FLOAT",
) -> bytes:
    """Return an ONNX file whose logits are 20 times the channel means.

    Parameters
    ----------
    height, width, batch : int or str
        Fixed sizes, or names of dynamic ones.
    nan_above : float
        Images whose mean over everything exceeds this have logits NaN.
    order : tuple of int
        Channel behind each logit: another one than (0, 1, 2) contradicts the labels.
    dtype : str
        ONNX type of the input.
    """
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["means", "order"], ["ordered"], axis=1),
        helper.make_node("Mul", ["ordered", "gain"], ["gained"]),
    ]
    constants = [
        helper.make_tensor("order", TensorProto.INT64, [3], order),
        helper.make_tensor("gain", TensorProto.FLOAT, [], [20.0]),
    ]
    if nan_above is None:
        nodes.append(helper.make_node("Identity", ["gained"], ["logits"]))
    else:
        constants.append(helper.make_tensor("limit", TensorProto.FLOAT, [], [nan_above]))
        constants.append(helper.make_tensor("tiny", TensorProto.FLOAT, [], [1e-6]))
        nodes += [
            helper.make_node("ReduceMean", ["means"], ["mean"], axes=[1], keepdims=1),
            helper.make_node("Sub", ["limit", "mean"], ["below"]),
            helper.make_node("Sqrt", ["below"], ["root"]),
            helper.make_node("Mul", ["root", "tiny"], ["trace"]),
            helper.make_node("Add", ["gained", "trace"], ["logits"]),
        ]
    kind = TensorProto.DataType.Value(dtype)
    image = helper.make_tensor_value_info("image", kind, [batch, 3, height, width])
    return _serialized(nodes, constants, image, batch)


def residual_network() -> bytes:
    """Return a network of one residual block before channel means, which int8 can have."""
    generator = np.random.default_rng(0)
    constants = [helper.make_tensor("gain", TensorProto.FLOAT, [], [20.0])]
    nodes, features = [], "image"
    for index, (outputs, inputs) in enumerate(((16, 3), (16, 16), (16, 16), (3, 16))):
        weights = 0.003 * generator.standard_normal((outputs, inputs, 3, 3))
        weights[range(outputs), np.arange(outputs) % inputs, 1, 1] += 0.5
        tensor = onnx.numpy_helper.from_array(weights.astype(np.float32), f"w{index}")
        constants.append(tensor)
        nodes.append(
            helper.make_node("Conv", [features, tensor.name], [f"c{index}"], pads=[1, 1, 1, 1])
        )
        features = f"c{index}"
        if index == 2:
            nodes.append(helper.make_node("Add", [features, "r0"], ["sum"]))
            features = "sum"
        if index < 3:
            nodes.append(helper.make_node("Relu", [features], [f"r{index}"]))
            features = f"r{index}"
    nodes.append(helper.make_node("ReduceMean", [features], ["means"], axes=[2, 3], keepdims=0))
    nodes.append(helper.make_node("Mul", ["means", "gain"], ["logits"]))
    size = ["batch", 3, "height", "width"]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, size)
    return _serialized(nodes, constants, image, "batch")


def flawed_network(flaw: str) -> bytes:
    """Return a network whose votes are no independent draws, for one of three reasons."""
    nodes = [helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0)]
    if flaw == "mixes rows":
        nodes.append(helper.make_node("ReduceMean", ["means"], ["common"], axes=[0], keepdims=1))
        nodes.append(helper.make_node("Add", ["means", "common"], ["logits"]))
    elif flaw == "training mode":  # what that computes: each channel less its mean over the batch
        nodes.append(helper.make_node("ReduceMean", ["means"], ["common"], axes=[0], keepdims=1))
        nodes.append(helper.make_node("Sub", ["means", "common"], ["logits"]))
    else:
        nodes.append(helper.make_node("RandomNormalLike", ["means"], ["chance"]))
        nodes.append(helper.make_node("Add", ["means", "chance"], ["logits"]))
    size = ["batch", 3, "height", "width"]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, size)
    return _serialized(nodes, [], image, "batch")


def _serialized(nodes: list, constants: list, image: object, batch: int | str) -> bytes:
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 3])
    graph = helper.make_graph(nodes, "color", [image], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def write_model(
    folder: Path,
    name: str = "color",
    *,
    onnx_bytes: bytes | None = None,
    size: int = 8,
    sigma: float = 0.25,
    resolution: str = "full",
    dynamic_size: bool = True,
    reference: str | None = "green",
    **card: object,
) -> Path:
    """Write a model, its reference image and its card; `card` overrides keys. Returns the card."""
    content = color_network() if onnx_bytes is None else onnx_bytes
    (folder / f"{name}.onnx").write_bytes(content)
    values = {
        "name": name,
        "onnx": f"{name}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "sigma": sigma,
        "input": {
            "height": size,
            "width": size,
            "dynamic_size": dynamic_size,
            "resolution": resolution,
        },
        "labels": list(LABELS),
    }
    if reference is not None:
        picture = solid(reference, size, size)
        cv2.imwrite(str(folder / f"{name}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        digest = hashlib.sha256((folder / f"{name}.png").read_bytes()).hexdigest()
        values["reference"] = {"image": f"{name}.png", "label": reference, "sha256": digest}
    values |= card
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in values.items() if v is not None}))
    return path


def solid(color: str, height: int, width: int, strong: int = 160, weak: int = 100) -> np.ndarray:
    """Return a uint8 RGB image [height, width, 3] in which one channel is the strongest."""
    image = np.full((height, width, 3), weak, np.uint8)
    image[..., LABELS.index(color)] = strong
    return image


def open_color_engine(
    folder: Path, backend: str, precision: str = "fp32", max_batch: int = 16, **model: object
) -> Engine:
    """Write a model (see `write_model`) and open it."""
    return open_engine(
        load_model(load_card(write_model(folder, **model))),
        backend=backend,
        precision=precision,
        max_batch=max_batch,
    )


def network_image(color: str = "green", **levels: int) -> np.ndarray:
    """Return a plain image as networks take it, float32 [8, 8, 3] in [0, 1]."""
    return solid(color, 8, 8, **levels).astype(np.float32) / 255
