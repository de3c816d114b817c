# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What engines raise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

_OUT_OF_MEMORY = (
    "out of memory", "can't allocate memory", "_STATUS_ALLOC_FAILED", "Failed to allocate",
    "bad_alloc",
)  # fmt: skip


class EngineError(RuntimeError):
    """The engine cannot be opened or failed; the message says why and what to do."""


class EngineMemoryError(EngineError):
    """The device has no memory for so many samples a forward pass; fewer may fit.

    Parameters
    ----------
    message : str
    largest : int, optional
        Samples that do fit, where that is known; the message names them.
    """

    def __init__(self, message: str, largest: int | None = None) -> None:
        super().__init__(message)
        self.largest = largest


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was short: not all parts of runtimes raise a type of its own for it.

    PyTorch's on the CPU, cuBLAS's and cuDNN's, the recording of a CUDA graph, and OpenVINO's are
    a RuntimeError that only its text tells from others.
    """
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY)
    )


@contextlib.contextmanager
def memory_errors(device: str, batch: int, network: str) -> Iterator[None]:
    """Turn what is raised where memory is short for a batch into an EngineMemoryError."""
    try:
        yield
    except EngineMemoryError:
        raise
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise EngineMemoryError(
            f"{device} has no memory for batches of {batch} of {network}: ask for less"
        ) from error


@contextlib.contextmanager
def inference_errors() -> Iterator[None]:
    """Turn what a runtime raises while it infers, a RuntimeError, into an EngineError."""
    try:
        yield
    except EngineError:
        raise
    except RuntimeError as error:
        detail = " ".join(str(error).split())[:300]
        raise EngineError(f"inference failed: {detail}") from error
