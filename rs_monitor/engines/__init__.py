# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines behind one contract; a backend is imported only when it is asked for."""

from __future__ import annotations

import importlib

from ..models import Model
from .base import KEY_BYTES, PRECISIONS, Engine, EngineError, EngineIdentity, Votes
from .builds import Builds, EngineNotBuilt, When
from .machine import has_nvidia_driver
from .noise import noise_key

__all__ = [
    "BACKENDS",
    "KEY_BYTES",
    "PRECISIONS",
    "Builds",
    "Engine",
    "EngineError",
    "EngineIdentity",
    "EngineNotBuilt",
    "Votes",
    "When",
    "noise_key",
    "open_engine",
    "resolve_backend",
]

# Backend name to (module, class).
_CLASSES = {
    "tensorrt": (".tensorrt", "TensorRtEngine"),
    "openvino": (".openvino", "OpenVinoEngine"),
    "torch": (".torch", "TorchEngine"),
}
BACKENDS = ("auto", *_CLASSES)


def resolve_backend(backend: str) -> str:
    """Turn `auto` into the backend of this machine.

    On a machine with an NVIDIA driver that is TensorRT, and if TensorRT does not work there
    that is a failure to mend, not a reason to use the CPU.

    Raises
    ------
    EngineError
        For an unknown backend.
    """
    if backend == "auto":
        backend = "tensorrt" if has_nvidia_driver() else "openvino"
    if backend not in BACKENDS:
        raise EngineError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    return backend


def open_engine(
    model: Model,
    *,
    backend: str,
    precision: str,
    max_batch: int,
    threads: int = 0,
    builds: Builds | None = None,
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
    builds : Builds, optional
        For TensorRT: where built engines lie. By default in the user's cache, built when missing.

    Returns
    -------
    Engine
        Its `identity` says what "auto" became.

    Raises
    ------
    EngineError
        When exactly this cannot be had.
    EngineNotBuilt
        When the engine has to be built first, and `builds` leaves that to the caller.
    """
    backend = resolve_backend(backend)
    module, name = _CLASSES[backend]
    engine_class = getattr(importlib.import_module(module, __package__), name)
    options = {"builds": builds} if backend == "tensorrt" else {}
    return engine_class(model, precision, max_batch, threads, **options)
