# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines behind one contract; a backend is imported only when it is asked for."""

from __future__ import annotations

import importlib

from ..models import Model
from .base import KEY_BYTES, PRECISIONS, Engine, EngineError, EngineIdentity, Votes
from .machine import has_nvidia_driver
from .noise import noise_key

__all__ = [
    "BACKENDS",
    "KEY_BYTES",
    "PRECISIONS",
    "Engine",
    "EngineError",
    "EngineIdentity",
    "Votes",
    "noise_key",
    "open_engine",
    "resolve_backend",
]

# Backend name to (module, class).
_CLASSES = {"openvino": (".openvino", "OpenVinoEngine"), "torch": (".torch", "TorchEngine")}
BACKENDS = ("auto", "tensorrt", "openvino", "torch")


def resolve_backend(backend: str) -> str:
    """Turn `auto` into the backend of this machine.

    On a machine with an NVIDIA driver that is TensorRT, and if TensorRT does not work there
    that is a failure to mend, not a reason to use the CPU.

    Raises
    ------
    EngineError
        For an unknown backend, or one this release does not have.
    """
    if backend == "auto":
        backend = "tensorrt" if has_nvidia_driver() else "openvino"
    if backend not in BACKENDS:
        raise EngineError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    if backend not in _CLASSES:
        raise EngineError(
            f"backend {backend} is not in this release: set engine.backend to "
            f"{' or '.join(_CLASSES)}"
        )
    return backend


def open_engine(
    model: Model, *, backend: str, precision: str, max_batch: int, threads: int = 0
) -> Engine:
    """Open a model on a backend.

    Parameters
    ----------
    model : Model
    backend : str
        "auto" or the name of a backend.
    precision : str
        "auto", "fp32", "fp16", "bf16" or "int8".
    max_batch : int
        Samples a forward pass.
    threads : int
        Of the CPU, for backends that run on it; 0 for as many as it has; the same votes.

    Returns
    -------
    Engine
        Its `identity` says what "auto" became.

    Raises
    ------
    EngineError
        When exactly this cannot be had.
    """
    module, name = _CLASSES[resolve_backend(backend)]
    engine_class = getattr(importlib.import_module(module, __package__), name)
    return engine_class(model, precision, max_batch, threads)
