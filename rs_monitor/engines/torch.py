# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch: on the GPU of a machine with an NVIDIA driver, on the CPU of any other."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from ..models import Model
from .base import Engine, EngineError, EngineIdentity, Votes
from .independence import check_independence
from .machine import has_nvidia_driver
from .noise import NoiseSource

_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
_BF16_CAPABILITY = 8  # first major compute capability with bfloat16
INSTALL = "python -m pip install 'torch>=2.6,<3' 'onnx>=1.17,<2'"


def _import() -> tuple[Any, Any]:
    try:
        import onnx
        import torch
    except ImportError as error:
        raise EngineError(f"backend torch cannot be imported ({error}): {INSTALL}") from error
    return torch, onnx


def _device(torch: Any) -> Any:
    """Return the first GPU of a machine that has one, else the CPU; a broken GPU is an error."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if has_nvidia_driver():
        raise EngineError(
            f"this machine has an NVIDIA driver, but PyTorch {torch.__version__} finds no GPU "
            "(a CPU build, a driver too old for its CUDA, or CUDA_VISIBLE_DEVICES): install a "
            "build for this driver from https://pytorch.org, or use engine.backend openvino"
        )
    return torch.device("cpu")


class TorchEngine(Engine):
    """Runs an ONNX classifier in PyTorch, with static batches.

    On the CPU the noise is that of every CPU engine (`NoiseSource`); on a GPU it is made there
    (`philox`), added in float32, and a CUDA graph replays noise, network and counting; K
    counts come back.
    """

    def __init__(self, model: Model, precision: str, max_batch: int, threads: int = 0) -> None:
        super().__init__(model, max_batch)
        self._torch, onnx = _import()
        torch = self._torch
        self._device = _device(torch)
        precision = self._resolve(precision)
        self._network = self._read(onnx).to_device(
            self._device, getattr(torch, _DTYPES[precision])
        )
        self._dtype = getattr(torch, _DTYPES[precision])
        if threads and self._device.type == "cpu":
            torch.set_num_threads(threads)
        on_gpu = self._device.type == "cuda"
        self._identity = EngineIdentity(
            backend="torch",
            version=torch.__version__,
            device=torch.cuda.get_device_name(self._device) if on_gpu else _cpu_name(),
            precision=precision,
        )
        self._noise = None
        try:
            self._allocate()
            self._check_output()
            check_independence(self._logits, self._shape, precision, str(model.card.onnx))
            if on_gpu:
                self._capture()
            else:
                self._noise = NoiseSource(self._shape[1:], torch.get_num_threads())
        except torch.OutOfMemoryError as error:
            raise EngineError(
                f"{self._identity.device} has no memory for batches of {max_batch}: ask for less"
            ) from error

    def _resolve(self, precision: str) -> str:
        """Turn `auto` into a precision, and refuse one that cannot be had."""
        on_gpu = self._device.type == "cuda"
        if precision == "auto":
            if not on_gpu:
                return "fp32"
            major, _ = self._torch.cuda.get_device_capability(self._device)
            return "bf16" if major >= _BF16_CAPABILITY else "fp16"
        if precision not in _DTYPES:
            raise EngineError(
                f"precision {precision} cannot be had from PyTorch, which runs "
                f"{', '.join(_DTYPES)} here; use another engine.precision or engine.backend"
            )
        return precision

    def _read(self, onnx: Any) -> Any:
        """Translate the ONNX bytes."""
        from .onnx_torch import OnnxModule

        name = self.model.card.onnx
        try:
            graph = onnx.load_from_string(self.model.onnx).graph
            onnx.checker.check_model(self.model.onnx)
        except Exception as error:  # protobuf's and onnx's own, which have no common base
            detail = " ".join(str(error).split())[:300]
            raise EngineError(f"{name}: cannot read it as ONNX: {detail}") from error
        constants = {tensor.name for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise EngineError(
                f"{name}: a classifier has one input and one output, this has {len(inputs)} and "
                f"{len(graph.output)}"
            )
        kind = inputs[0].type.tensor_type
        if kind.elem_type != onnx.TensorProto.FLOAT:
            raise EngineError(
                f"{name}: its input is {onnx.TensorProto.DataType.Name(kind.elem_type)}, images "
                "are float32 in [0, 1]: export it with a float32 input"
            )
        wanted = (self.max_batch, 3, self.model.height, self.model.width)
        given = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
        if len(given) != len(wanted) or any(
            g not in (None, w) for g, w in zip(given, wanted, strict=True)
        ):
            raise EngineError(
                f"{name}: its input is fixed at {given}, {list(wanted)} is needed: export it "
                "with a dynamic batch and the size that the card names"
            )
        self._shape = wanted
        return OnnxModule(graph, str(name)).eval()

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
        self._graph = None

    def _check_output(self) -> None:
        classes, name = len(self.model.card.labels), self.model.card.onnx
        try:
            shape = list(self._logits(np.zeros(self._shape, np.float32)).shape)
        except (EngineError, self._torch.OutOfMemoryError):
            raise
        except (
            AttributeError,
            IndexError,
            KeyError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            # What PyTorch raises for operands that do not fit each other.
            detail = " ".join(str(error).split())[:300]
            raise EngineError(
                f"{name}: PyTorch cannot run it on batches {list(self._shape)}: {detail}"
            ) from error
        if shape != [self.max_batch, classes]:
            raise EngineError(
                f"{name}: its output is {shape} for a batch of {self.max_batch}, but the card "
                f"has {classes} labels"
            )

    @property
    def identity(self) -> EngineIdentity:
        """What really runs."""
        return self._identity

    def _votes(self, image: np.ndarray, sigma: float, n: int, key: bytes, start: int) -> Votes:
        torch = self._torch
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        try:
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
        except RuntimeError as error:
            detail = " ".join(str(error).split())[:300]
            raise EngineError(f"PyTorch inference failed: {detail}") from error
        return Votes(counts[:-1], int(counts[-1]), n)

    def _run(self, key: bytes, sigma: float, start: int, rows: int) -> None:
        if self._noise is None:
            self._graph.replay()
            return
        batch = self._batch.numpy()[:rows]  # the same memory
        self._noise.fill(batch, key, start)
        batch *= np.float32(sigma)
        batch += self._planes.numpy()
        self._count()

    def _draw_on_device(self) -> None:
        from .philox import standard_normal

        size = self._batch[0].numel()
        noise = standard_normal(self._key, self._start, self.max_batch, size)
        torch = self._torch
        torch.add(self._planes, noise.view(self._shape) * self._sigma, out=self._batch)

    def _forward(self) -> Any:
        torch = self._torch
        # The same algorithm in every process, and no TF32 where fp32 was asked for.
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        with torch.inference_mode(), exact:
            batch = self._batch.to(self._dtype, memory_format=torch.channels_last)
            return self._network(batch).float()

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
        with torch.cuda.graph(self._graph):
            step()

    def _logits(self, batch: np.ndarray) -> np.ndarray:
        self._batch.copy_(self._torch.from_numpy(batch))
        return self._forward().cpu().numpy()

    def close(self) -> None:
        """Release the network, its memory and the noise threads."""
        if not self._closed:
            super().close()
            if self._noise is not None:
                self._noise.close()
            self._graph = None
            del self._network, self._batch


def _cpu_name() -> str:
    """Return the CPU's name where Linux tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
