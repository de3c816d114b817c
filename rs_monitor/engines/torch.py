# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch: on the GPU of a machine with an NVIDIA driver, on the CPU of any other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..models import Model
from .base import EngineIdentity
from .device_loop import DeviceLoop, fast_precision, find_gpu, import_torch
from .errors import EngineError, is_out_of_memory
from .machine import processor
from .sizes import GPU_CHUNK_SIZES, even_sizes

_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
INSTALL = "python -m pip install 'torch>=2.6,<3' 'onnx>=1.17,<2'"


def read_network(model: Model, max_batch: int, torch: Any) -> Any:
    """Translate a model's ONNX bytes into a PyTorch module in evaluation mode, float32.

    Raises
    ------
    EngineError
        When they are no ONNX, or no classifier of images [max_batch, 3, H, W] with the card's
        size and labels.
    """
    try:
        import onnx
    except ImportError as error:
        raise EngineError(f"onnx cannot be imported ({error}): {INSTALL}") from error
    from .onnx_torch import OnnxModule

    name = model.card.onnx
    try:
        graph = onnx.load_from_string(model.onnx).graph
        onnx.checker.check_model(model.onnx)
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
    wanted = (max_batch, 3, model.height, model.width)
    given = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
    if len(given) != len(wanted) or any(
        g not in (None, w) for g, w in zip(given, wanted, strict=True)
    ):
        raise EngineError(
            f"{name}: its input is fixed at {given}, {list(wanted)} is needed: export it "
            "with a dynamic batch and the size that the card names"
        )
    return OnnxModule(graph, str(name)).eval()


class TorchEngine(DeviceLoop):
    """Runs an ONNX classifier in PyTorch, with static batches."""

    def __init__(self, model: Model, precision: str, max_batch: int, threads: int = 0) -> None:
        torch = import_torch("torch", INSTALL)
        super().__init__(model, max_batch, torch, find_gpu(torch) or torch.device("cpu"))
        precision = self._resolve(precision)
        self._dtype = getattr(torch, _DTYPES[precision])
        network = read_network(model, max_batch, torch)
        on_gpu = self._device.type == "cuda"
        if threads and not on_gpu:
            torch.set_num_threads(threads)
        self._identity = EngineIdentity(
            backend="torch",
            version=torch.__version__,
            device=torch.cuda.get_device_name(self._device) if on_gpu else processor()[0],
            precision=precision,
        )
        with self._memory_errors():
            self._network = network.to_device(self._device, self._dtype)
            self._allocate()
            self._check_output()
        self._prepare()

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """Precisions that PyTorch offers here."""
        find_gpu(import_torch("torch", INSTALL))
        return tuple(_DTYPES)

    @classmethod
    def chunk_sizes(cls, n: int) -> tuple[int, ...]:
        """Return what is worth a try: a GPU needs more samples at once than a CPU."""
        more = () if find_gpu(import_torch("torch", INSTALL)) is None else GPU_CHUNK_SIZES
        return tuple(dict.fromkeys(even_sizes(more, n) + super().chunk_sizes(n)))

    def _resolve(self, precision: str) -> str:
        """Turn `auto` into a precision, and refuse one that cannot be had."""
        if precision == "auto":
            on_gpu = self._device.type == "cuda"
            return fast_precision(self._torch, self._device) if on_gpu else "fp32"
        if precision not in _DTYPES:
            raise EngineError(
                f"precision {precision} cannot be had from PyTorch, which runs "
                f"{', '.join(_DTYPES)} here; use another engine.precision or engine.backend"
            )
        return precision

    def _check_output(self) -> None:
        classes, name = len(self.model.card.labels), self.model.card.onnx
        try:
            shape = list(self._logits(np.zeros(self._shape, np.float32)).shape)
        except EngineError:
            raise
        except (
            AttributeError,
            IndexError,
            KeyError,
            RuntimeError,
            TypeError,
            ValueError,
        ) as error:
            if is_out_of_memory(error):
                raise
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

    def _forward(self) -> Any:
        torch = self._torch
        # The same algorithm in every process, and no TF32 where fp32 was asked for.
        exact = torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        )
        with torch.inference_mode(), exact:
            batch = self._batch.to(self._dtype, memory_format=torch.channels_last)
            return self._network(batch).float()

    def close(self) -> None:
        """Release the network and its memory."""
        if not self._closed:
            del self._network
        super().close()
