# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether an imported model computes what its source does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..engines import EngineError
from ..engines.openvino import shared_core
from ..models import ModelError

# Images, float32 [N, 3, H, W], to logits, float32 [N, K].
Logits = Callable[[np.ndarray], np.ndarray]
WORST_DIFFERENCE = 1e-3
_IMAGES = 8
_NOISE = 0.25


def runtime(content: bytes, source: str) -> Logits:
    """Return what runs an ONNX model in float32 on OpenVINO.

    Raises
    ------
    ModelError
        When OpenVINO is not there, or cannot run the model: an operation that it does not have.
    """
    try:
        core = shared_core()
    except EngineError as error:
        raise ModelError(f"importing compares logits on OpenVINO: {error}") from error
    try:
        network = core.read_model(content)
        compiled = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError as error:
        raise ModelError(f"{source}: OpenVINO cannot run it: {_reason(error)}") from error

    def logits(images: np.ndarray) -> np.ndarray:
        try:
            return np.array(next(iter(compiled(np.ascontiguousarray(images)).values())))
        except RuntimeError as error:
            raise ModelError(
                f"{source}: OpenVINO cannot run it on {list(images.shape)}: {_reason(error)}"
            ) from error

    return logits


def one_by_one(logits: Logits, batch: int) -> Logits:
    """Return what runs a model of fixed batch on any number of images, `batch` at a time."""

    def run(images: np.ndarray) -> np.ndarray:
        parts = []
        for start in range(0, len(images), batch):
            part = images[start : start + batch]
            padded = np.concatenate([part, np.zeros((batch - len(part), *part.shape[1:]), "f4")])
            parts.append(logits(padded)[: len(part)])
        return np.concatenate(parts)

    return run


def noisy_images(height: int, width: int) -> np.ndarray:
    """Return images of large and small structures with noise, float32 [N, 3, H, W]."""
    rng = np.random.default_rng(0)
    coarse = rng.random((_IMAGES, 3, -(-height // 8), -(-width // 8)), np.float32)
    fine = coarse.repeat(8, 2).repeat(8, 3)[:, :, :height, :width]
    return fine + _NOISE * rng.standard_normal(fine.shape, np.float32)


def worst_difference(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the largest difference of an image's logits, relative to its largest logit."""
    scale = np.abs(expected).max(1).clip(np.finfo(np.float32).tiny)
    return float((np.abs(expected - found).max(1) / scale).max())


def check_agreement(source: Logits, imported: Logits, height: int, width: int, name: str) -> float:
    """Compare logits on noisy images; returns the worst relative difference.

    Raises
    ------
    ModelError
        When it is larger than `WORST_DIFFERENCE`, or the logits are not [N, K] and finite.
    """
    images = noisy_images(height, width)
    expected, found = source(images), imported(images)
    if found.ndim != 2 or found.shape[0] != len(images) or found.shape[1] < 2:
        raise ModelError(
            f"{name}: the output for {len(images)} images must be logits [{len(images)}, K], it "
            f"is {list(found.shape)}"
        )
    if not np.isfinite(found).all() or not np.isfinite(expected).all():
        raise ModelError(f"{name}: its logits are not finite on images in [0, 1] with noise")
    worst = worst_difference(expected, found)
    if worst > WORST_DIFFERENCE:
        raise ModelError(
            f"{name}: logits of source and import differ by {worst:.2g} of the largest, more than "
            f"{WORST_DIFFERENCE:g}: not imported"
        )
    return worst


def _reason(error: Exception) -> str:
    """Return the line of OpenVINO's report that names the operations, or its last."""
    lines = [line.strip("- \t") for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("No conversion rule")]
    return (named or lines[-1:] or [repr(error)])[0][:300]
