# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines behind one contract; a backend is imported only when it is asked for."""

from __future__ import annotations

import importlib

from ..models import Model
from .base import KEY_BYTES, PRECISIONS, Engine, EngineIdentity
from .builds import Builds, EngineNotBuilt, When
from .errors import EngineError, EngineMemoryError
from .machine import has_nvidia_driver
from .noise import noise_key
from .votes import Votes

__all__ = [
    "BACKENDS",
    "KEY_BYTES",
    "PRECISIONS",
    "Builds",
    "Engine",
    "EngineError",
    "EngineIdentity",
    "EngineMemoryError",
    "EngineNotBuilt",
    "Votes",
    "When",
    "available_precisions",
    "chunk_sizes",
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


def _engine_class(backend: str) -> type[Engine]:
    module, name = _CLASSES[backend]
    return getattr(importlib.import_module(module, __package__), name)


def available_precisions(backend: str) -> tuple[str, ...]:
    """Return the precisions that a backend offers on this machine.

    int8 needs a quantised model as well: a card's twin.

    Raises
    ------
    EngineError
        For an unknown backend, or one that is not installed.
    """
    return _engine_class(resolve_backend(backend)).precisions()


def chunk_sizes(backend: str, n: int = 0) -> tuple[int, ...]:
    """Return the samples a forward pass that are worth a try on this machine, largest first.

    Parameters
    ----------
    backend : str
        "auto" or the name of a backend.
    n : int
        Samples a frame that are asked for; 0 for as many as fit.

    Raises
    ------
    EngineError
        For an unknown backend, or one that is not installed.
    """
    return _engine_class(resolve_backend(backend)).chunk_sizes(n)


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
        "fp32", "fp16", "bf16", "int8", which runs the model's int8 twin, or "auto": the fastest
        that model and machine have.
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
    engine_class = _engine_class(backend)
    options = {"builds": builds} if backend == "tensorrt" else {}
    return engine_class(model, precision, max_batch, threads, **options)
