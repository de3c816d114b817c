# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT: engines from the user's cache, run between PyTorch's noise and counting."""

from __future__ import annotations

from typing import Any

from ..models import Model
from .base import EngineIdentity
from .builds import Builds, EngineNotBuilt, When
from .cache import EngineCache
from .device_loop import DeviceLoop, fast_precision, find_gpu, import_torch
from .errors import EngineError, EngineMemoryError
from .tensorrt_agreement import check_agreement
from .tensorrt_build import (
    INSTALL,
    PRECISIONS,
    build_engine,
    engine_key,
    import_tensorrt,
)


class TensorRtEngine(DeviceLoop):
    """Runs an ONNX classifier through `tensorrt`, or `tensorrt_rtx` where only that is installed.

    The input and the logits are float32; noise is added before anything is rounded. int8 runs the
    model's twin with symmetric activations (`onnx_precision.symmetric_int8`). Written against the
    named-tensor API of TensorRT 8.5 and later.
    """

    def __init__(
        self, model: Model, precision: str, max_batch: int, threads: int = 0, *,
        builds: Builds | None = None,
    ) -> None:  # fmt: skip
        runtime, self._trt = import_tensorrt()
        torch = import_torch("tensorrt", f"{INSTALL} 'torch>=2.6,<3'")
        gpu = find_gpu(torch)
        if gpu is None:
            raise EngineError(
                f"backend tensorrt ({runtime} {self._trt.__version__}) needs an NVIDIA GPU, and "
                "this machine has no driver of one: use engine.backend openvino"
            )
        original = model
        if precision == "int8" and model.twin:
            model = model.twin
        super().__init__(model, max_batch, torch, gpu)
        precision = self._resolve(precision)
        name = torch.cuda.get_device_name(gpu)
        self._identity = EngineIdentity(
            backend=runtime, version=self._trt.__version__, device=name, precision=precision
        )
        content = self._content(builds or Builds(), runtime, precision, name)
        with self._memory_errors():
            self._allocate()
            self._load(content)
            self._bind()
            check_agreement(self._logits, self._shape, self._identity, original, model, gpu)
        self._prepare()

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """Precisions that engines are built in."""
        import_tensorrt()
        return PRECISIONS

    @classmethod
    def chunk_sizes(cls, n: int) -> tuple[int, ...]:
        """Return what is worth a try: the same for every n, since each takes a build."""
        return super().chunk_sizes(0)

    @property
    def identity(self) -> EngineIdentity:
        """What really runs."""
        return self._identity

    def _resolve(self, precision: str) -> str:
        if precision == "auto":
            return fast_precision(self._torch, self._device)
        if precision not in PRECISIONS:
            raise EngineError(
                f"precision {precision} cannot be had from TensorRT, which runs "
                f"{', '.join(PRECISIONS)} here; use another engine.precision or engine.backend"
            )
        return precision

    def _content(self, builds: Builds, runtime: str, precision: str, gpu: str) -> bytes:
        """Return the engine of this machine from the cache; built where that is allowed."""
        capability = "{}.{}".format(*self._torch.cuda.get_device_capability(self._device))
        # tensorrt_rtx builds for a compute capability, tensorrt for the GPU it runs on.
        key = engine_key(
            self.model, precision, self.max_batch, capability,
            gpu="" if runtime == "tensorrt_rtx" else gpu,
        )  # fmt: skip
        cache, card = EngineCache(builds.folder), self.model.card
        about = {"model": card.name, "card": str(card.path)}
        if builds.when is When.NOW:
            return cache.get(key, lambda: build_engine(self.model, key), about)[0]
        content = cache.load(key)
        if content is not None:
            return content
        missing = (
            f"{cache.folder} has no {precision} engine of {card.name} for {gpu} (compute "
            f"capability {capability}, batches of {self.max_batch})"
        )
        model = self.model
        if builds.when is When.NEVER:
            other = model.resolution != card.resolution
            raise EngineError(
                f"{missing}, and engine.build is false: run `rs_monitor build-engine {card.path} "
                f"--compute-capability {capability} --precision {precision} --batch "
                f"{self.max_batch}{f' --resolution {model.resolution}' if other else ''}`"
            )
        raise EngineNotBuilt(
            missing,
            lambda progress: cache.get(key, lambda: build_engine(model, key, progress), about),
        )

    def _load(self, content: bytes) -> None:
        trt = self._trt
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        engine = self._runtime.deserialize_cuda_engine(content)
        runtime = f"{self._identity.backend} {self._identity.version}"
        where = f"{self.model.card.name} on {self._identity.device}"
        if engine is None:
            raise EngineError(
                f"{runtime} cannot load its engine of {where}: a driver or memory that does not "
                "suffice; its own message stands above"
            )
        context = engine.create_execution_context()
        if context is None:  # which holds the memory of a batch
            raise EngineMemoryError(
                f"{runtime} has no memory for batches of {self.max_batch} of {where}: ask for "
                "less; its own message stands above"
            )
        self._engine, self._context = engine, context

    def _bind(self) -> None:
        """Check names, shapes and types, and give the engine our buffers."""
        trt, engine, torch = self._trt, self._engine, self._torch
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        outputs = [n for n in names if n not in inputs]
        logits = (self.max_batch, len(self.model.card.labels))
        if len(inputs) != 1 or len(outputs) != 1:
            raise EngineError(
                f"{self.model.card.onnx}: a classifier has one input and one output, its engine "
                f"has {inputs} and {outputs}"
            )
        for name in names:
            if engine.get_tensor_dtype(name) != trt.float32:
                raise EngineError(
                    f"{self.model.card.onnx}: {name} of its engine is "
                    f"{engine.get_tensor_dtype(name)}, float32 is needed"
                )
        self._context.set_input_shape(inputs[0], self._shape)
        for name, wanted in ((inputs[0], self._shape), (outputs[0], logits)):
            given = tuple(self._context.get_tensor_shape(name))
            if given != wanted:
                raise EngineError(
                    f"{self.model.card.onnx}: {name} of its engine is {list(given)}, "
                    f"{list(wanted)} is needed"
                )
        self._output = torch.empty(logits, device=self._device)
        self._context.set_tensor_address(inputs[0], self._batch.data_ptr())
        self._context.set_tensor_address(outputs[0], self._output.data_ptr())

    def _forward(self) -> Any:
        if not self._context.execute_async_v3(self._stream()):
            raise EngineError(f"{self._identity.backend} refused to run a batch")
        return self._output

    def _stream(self) -> int:
        """Return the stream that PyTorch's own operations are put on."""
        return self._torch.cuda.current_stream(self._device).cuda_stream

    def close(self) -> None:
        """Release the engine and its memory."""
        if not self._closed:
            # In this order: each lives in the one after it.
            self._graph = None
            del self._context, self._engine, self._runtime
        super().close()
