# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a TensorRT engine votes like its network does elsewhere: it is built, not proved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..models import Model
from .base import EngineIdentity
from .errors import EngineError

# Share of votes on the same noise that may differ from another runtime's in fp32: reduced
# precision flipped up to 2 % of the shipped models' when this was written, int8 up to 7 % of those
# on made-up images, a wrong engine flips most.
_FLIPS = {"fp32": 0.01, "int8": 0.2}
_REDUCED_FLIPS = 0.05
_SEED = 0
_COMPARED = 64  # votes, at least: of one alone none could be said to differ too often
_PATCHES = 4  # a side

Logits = Callable[[np.ndarray], np.ndarray]


def check_agreement(
    logits: Logits,
    shape: tuple[int, ...],
    identity: EngineIdentity,
    original: Model,
    model: Model,
    device: Any,
) -> None:
    """Compare votes with another runtime's on the same noise.

    Parameters
    ----------
    logits : callable
        The engine: float32 [N, 3, H, W] to [N, K].
    shape : tuple of int
        N, 3, H, W.
    identity : EngineIdentity
    original, model : Model
        Given, and run: its int8 twin where that is.
    device : torch.device

    Raises
    ------
    EngineError
        When more votes differ than rounding explains, or no other runtime has the network.
    """
    generator = np.random.default_rng(_SEED)
    sigma = np.float32(model.card.sigma)
    different, count = 0, 0
    with _reference(original, shape[0], identity, original is model, device) as (name, reference):
        while count < _COMPARED:
            noise = generator.standard_normal(shape, np.float32) * sigma
            batch = _patches(generator, shape) + noise
            ours, theirs = logits(batch), reference(batch)
            different += int((_votes(ours) != _votes(theirs)).sum())
            count += len(batch)
    allowed = _FLIPS.get(identity.precision, _REDUCED_FLIPS) * count + 1
    if different > allowed:
        raise EngineError(
            f"{model.card.onnx}: {different} of {count} votes of the {identity.precision} engine "
            f"differ from {name} on the same noise, {allowed:.0f} may: use another "
            "engine.precision, or remove the engine from the cache"
        )


def _reference(
    model: Model, max_batch: int, identity: EngineIdentity, same: bool, device: Any
) -> contextlib.AbstractContextManager[tuple[str, Logits]]:
    """Return what to compare with, and its name: PyTorch, or OpenVINO for what it cannot run."""
    try:
        return contextlib.nullcontext(
            ("PyTorch's in fp32", _torch_logits(model, max_batch, device))
        )
    except EngineError as error:
        untranslated = error
    # A network that is quantised itself has no float original.
    precision = "int8" if identity.precision == "int8" and same else "fp32"
    try:
        return _openvino_logits(model, max_batch, precision)
    except EngineError as error:
        raise EngineError(
            "no other runtime has this network, to compare its engine with: "
            f"{untranslated}; {error}"
        ) from error


def _torch_logits(model: Model, max_batch: int, device: Any) -> Logits:
    import torch

    from .torch import read_network

    network = read_network(model, max_batch, torch).to_device(device, torch.float32)

    def logits(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(batch).to(device)).float().cpu().numpy()

    return logits


def _openvino_logits(
    model: Model, max_batch: int, precision: str
) -> contextlib.AbstractContextManager[tuple[str, Logits]]:
    from .openvino import OpenVinoEngine

    engine = OpenVinoEngine(model, precision, max_batch)

    @contextlib.contextmanager
    def opened() -> Any:
        with engine:
            yield f"OpenVINO's in {precision} on the CPU", engine._logits

    return opened()


def _votes(logits: np.ndarray) -> np.ndarray:
    """Return the class of each row; -1 for one that is not finite."""
    return np.where(np.isfinite(logits).all(1), logits.argmax(1), -1)


def _patches(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return a made-up image for each row, of coloured patches, so that rows differ in class."""
    batch, channels, height, width = shape
    coarse = generator.random((batch, channels, _PATCHES, _PATCHES), np.float32)
    tiled = coarse.repeat(-(-height // _PATCHES), axis=2).repeat(-(-width // _PATCHES), axis=3)
    return np.ascontiguousarray(tiled[:, :, :height, :width])
