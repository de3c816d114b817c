# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Noise, network and counting where the network runs, in buffers made once.

PyTorch tensors own the buffers: whoever runs a GPU in robotics has it (JetPack ships it), its
operations are tested on the CPU as they stand, and its CUDA graphs replay a frame without Python.
"""

from __future__ import annotations

import abc
import contextlib
from typing import Any

import numpy as np

from ..models import Model
from .base import Engine
from .errors import EngineError, inference_errors, memory_errors
from .independence import check_independence
from .machine import has_nvidia_driver
from .noise import add_noise
from .votes import Votes

_BF16_CAPABILITY = 8  # first major compute capability with bfloat16


def import_torch(backend: str, install: str) -> Any:
    """Import PyTorch for a backend; the error names what to install."""
    try:
        import torch
    except ImportError as error:
        raise EngineError(f"backend {backend} cannot be imported ({error}): {install}") from error
    return torch


def fast_precision(torch: Any, device: Any) -> str:
    """Return what `auto` means on a GPU."""
    major, _ = torch.cuda.get_device_capability(device)
    return "bf16" if major >= _BF16_CAPABILITY else "fp16"


def find_gpu(torch: Any) -> Any:
    """Return the GPU in use, or None on a machine without one; a broken GPU is an error."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if has_nvidia_driver():
        raise EngineError(
            f"this machine has an NVIDIA driver, but PyTorch {torch.__version__} finds no GPU "
            "(a CPU build, a driver too old for its CUDA, or CUDA_VISIBLE_DEVICES): install a "
            "build for this driver from https://pytorch.org, or use engine.backend openvino"
        )
    return None


class DeviceLoop(Engine):
    """What engines on PyTorch's devices share; a subclass brings the network.

    On the CPU the noise is that of every CPU engine (`add_noise`); on a GPU it is made there
    (`philox`), added in float32, and a CUDA graph replays noise, network and counting; K
    counts come back.

    Parameters
    ----------
    model : Model
    max_batch : int
    torch : module
        PyTorch.
    device : torch.device
    """

    def __init__(self, model: Model, max_batch: int, torch: Any, device: Any) -> None:
        super().__init__(model, max_batch)
        self._torch, self._device = torch, device
        self._shape = (max_batch, 3, model.height, model.width)
        self._graph: Any = None

    @abc.abstractmethod
    def _forward(self) -> Any:
        """Return the logits of `self._batch`, float32 [max_batch, K], on the device."""

    def _prepare(self) -> None:
        """Check the network, and record the graph; to be called once it is loaded.

        Raises
        ------
        EngineError
            When the network's rows depend on each other, or memory is short.
        """
        name, precision = str(self.model.card.onnx), self.identity.precision
        with self._memory_errors():
            check_independence(self._logits, self._shape, precision, name)
            if self._device.type == "cuda":
                self._capture()

    def _memory_errors(self) -> contextlib.AbstractContextManager[None]:
        return memory_errors(str(self._device), self.max_batch, str(self.model.card.onnx))

    def _allocate(self) -> None:
        torch, device = self._torch, self._device
        classes = len(self.model.card.labels)
        self._batch = torch.empty(self._shape, device=device)
        self._planes = torch.zeros(self._shape[1:], device=device)
        self._sigma = torch.zeros((), device=device)
        self._key = torch.zeros(4, dtype=torch.int64, device=device)
        self._start = torch.zeros((), dtype=torch.int64, device=device)
        self._counted = torch.zeros(self.max_batch, dtype=torch.int64, device=device)
        self._rows = torch.arange(self.max_batch, device=device)
        self._counts = torch.zeros(classes + 1, dtype=torch.int64, device=device)

    def _votes(self, image: np.ndarray, sigma: float, n: int, key: bytes, start: int) -> Votes:
        torch = self._torch
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        with inference_errors():
            self._planes.copy_(torch.from_numpy(planes))
            self._sigma.fill_(sigma)
            self._key.copy_(torch.from_numpy(np.frombuffer(key, np.uint32).astype(np.int64)))
            self._counts.zero_()
            for done in range(0, n, self.max_batch):
                rows = min(self.max_batch, n - done)
                # Rows beyond the samples asked for are run, and not counted.
                self._counted.copy_(self._rows < rows)
                self._start.fill_(start + done)
                self._run(key, sigma, start + done, rows)
            counts = self._counts.cpu().numpy().copy()
        return Votes(counts[:-1], int(counts[-1]), n)

    def _run(self, key: bytes, sigma: float, start: int, rows: int) -> None:
        if self._graph is not None:
            self._graph.replay()
            return
        batch = self._batch.numpy()[:rows]  # the same memory
        add_noise(batch, self._planes.numpy(), sigma, key, start)
        self._count()

    def _draw_on_device(self) -> None:
        from .philox import standard_normal

        size = self._batch[0].numel()
        noise = standard_normal(self._key, self._start, self.max_batch, size)
        torch = self._torch
        torch.add(self._planes, noise.view(self._shape) * self._sigma, out=self._batch)

    def _count(self) -> None:
        torch = self._torch
        logits = self._forward()
        with torch.inference_mode():
            finite = logits.isfinite().all(dim=1)
            winners = torch.where(finite, logits.argmax(dim=1), logits.shape[1])
            self._counts.scatter_add_(0, winners, self._counted)

    def _capture(self) -> None:
        """Record noise, network and counting as one CUDA graph."""
        torch = self._torch

        def step() -> None:
            self._draw_on_device()
            self._count()

        stream = torch.cuda.Stream(self._device)
        stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(stream):
            for _ in range(3):
                step()
        torch.cuda.current_stream(self._device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        # Another engine of this process may be at work meanwhile.
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            step()

    def _read_batch(self) -> np.ndarray:
        return self._batch.cpu().numpy().copy()

    def _run_network(self) -> None:
        with inference_errors():
            self._forward()
            if self._device.type == "cuda":
                self._torch.cuda.synchronize(self._device)

    def _logits(self, batch: np.ndarray) -> np.ndarray:
        self._batch.copy_(self._torch.from_numpy(batch))
        return self._forward().cpu().numpy()

    def close(self) -> None:
        """Release the buffers and the graph."""
        if not self._closed:
            super().close()
            self._graph = None
            del self._batch
