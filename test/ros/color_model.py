# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A real but tiny classifier of plain frames: three colours, black and white."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, checker, helper
from small_models import write_model

COLORS = {
    "red": (200, 60, 60),
    "green": (60, 200, 60),
    "blue": (60, 60, 200),
    "black": (25, 25, 25),
    "white": (230, 230, 230),
}
SIDE = 8
# Logits from the means of R, G and B, in [0, 1].
_WEIGHTS = [[20, -10, -10, -10, 10], [-10, 20, -10, -10, 10], [-10, -10, 20, -10, 10]]
_BIASES = [0, 0, 0, 8, -22]


def write_color_model(folder: Path) -> Path:
    """Write the model with its card; returns the card."""
    means = helper.make_node("ReduceMean", ["image"], ["means"], axes=[2, 3], keepdims=0)
    linear = helper.make_node("Gemm", ["means", "weights", "biases"], ["logits"])
    weights = helper.make_tensor(
        "weights", TensorProto.FLOAT, [3, 5], [float(w) for row in _WEIGHTS for w in row]
    )
    biases = helper.make_tensor("biases", TensorProto.FLOAT, [5], [float(b) for b in _BIASES])
    shape = ["batch", 3, "height", "width"]
    graph = helper.make_graph(
        [means, linear],
        "colors",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])],
        [weights, biases],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model)
    return write_model(
        folder,
        "colors",
        onnx_bytes=model.SerializeToString(),
        size=SIDE,
        labels=list(COLORS),
        reference="green",
    )


def plain(color: str, height: int, width: int) -> np.ndarray:
    """Return a plain uint8 RGB image [height, width, 3]."""
    return np.broadcast_to(np.array(COLORS[color], np.uint8), (height, width, 3)).copy()


def mosaic(color: str, pattern: str, height: int, width: int) -> np.ndarray:
    """Return what a colour filter array sees of a plain colour; pattern as in bayer_rggb8."""
    value = dict(zip("rgb", COLORS[color]))
    cell = np.array([value[letter] for letter in pattern], np.uint8).reshape(2, 2)
    return np.tile(cell, (height // 2, width // 2))


def yuv(color: str) -> tuple[int, int, int]:
    """Return a colour in BT.601 of limited range (ITU-R BT.601-7, 8-bit quantisation)."""
    r, g, b = COLORS[color]
    y = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = 0.5 * (b - y) / 0.886, 0.5 * (r - y) / 0.701
    return round(16 + y * 219 / 255), round(128 + u * 224 / 255), round(128 + v * 224 / 255)
