# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np

from ..models import Model
from .base import Engine, EngineIdentity
from .errors import EngineError, memory_errors
from .independence import check_independence
from .noise import add_noise
from .onnx_graph import check_graph
from .votes import Votes, count_votes

_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_CAPABILITY = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16", "int8": "INT8"}
_QUANTIZED_OPERATION = "FakeQuantize"  # what OpenVINO reads ONNX QuantizeLinear pairs into


def _import() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise EngineError(
            f"backend openvino cannot be imported ({error}): python -m pip install "
            "'openvino>=2025.2,<2027'"
        ) from error
    return openvino


@functools.cache
def shared_core() -> Any:
    """Return the process's one OpenVINO core, which is never let go.

    A CPU plugin gives the thread that loads it an alternate signal stack, and takes it back when
    it is let go. Of two that go in the order in which they came, the second would put back the
    stack that the first has freed: the next signal that Python handles would end the process.

    Raises
    ------
    EngineError
        When OpenVINO cannot be imported.
    """
    return _import().Core()


class OpenVinoEngine(Engine):
    """Runs an ONNX classifier with static batches through OpenVINO's CPU plugin.

    Noise is added in float32 outside the network. Inside, a reduced precision would round
    the image before the noise reaches it, and the certificate would then speak of the
    rounded image, not of the frame; rounding after the addition is part of the classifier.
    """

    def __init__(self, model: Model, precision: str, max_batch: int, threads: int = 0) -> None:
        openvino = _import()
        core = shared_core()
        capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        wants_int8 = precision == "int8" or (
            precision == "auto" and _CAPABILITY["int8"] in capabilities
        )
        super().__init__(model.twin if wants_int8 and model.twin else model, max_batch)
        model = self.model
        network = self._read(core, openvino)
        quantized = any(op.get_type_name() == _QUANTIZED_OPERATION for op in network.get_ops())
        precision = self._resolve(precision, quantized, capabilities)
        # What an int8 network leaves unquantised runs in the best float the CPU has.
        best = "bf16" if _CAPABILITY["bf16"] in capabilities else "fp32"
        hint = _HINTS[best if precision == "int8" else precision]
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": hint,
        }
        if threads:
            # Pinned, the threads of several processes would share the first cores.
            options |= {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
        with memory_errors("this machine", max_batch, str(model.card.onnx)):
            self._open(core, network, options, precision)

    def _open(self, core: Any, network: Any, options: dict[str, Any], precision: str) -> None:
        """Compile the network, and check what it runs as."""
        openvino, model, hint = _import(), self.model, options["INFERENCE_PRECISION_HINT"]
        try:
            self._compiled = core.compile_model(network, "CPU", options)
            used = self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
            devices = list(self._compiled.get_property("EXECUTION_DEVICES"))
        except RuntimeError as error:
            raise EngineError(f"{model.card.onnx}: OpenVINO cannot compile it: {error}") from error
        if used != hint or devices != ["CPU"]:
            raise EngineError(
                f"asked OpenVINO for {hint} on CPU, it would run {used} on {devices}"
            )
        self._identity = EngineIdentity(
            backend="openvino",
            version=openvino.__version__,
            device=core.get_property("CPU", "FULL_DEVICE_NAME"),
            precision=precision,
        )
        shape = (3, model.height, model.width)
        self._request = self._compiled.create_infer_request()
        self._batch = np.empty((self.max_batch, *shape), np.float32)
        self._input = openvino.Tensor(self._batch, shared_memory=True)
        self._request.set_input_tensor(self._input)
        self._check_output()
        check_independence(self._logits, self._batch.shape, precision, str(self.model.card.onnx))

    def _read(self, core: Any, openvino: Any) -> Any:
        """Read the ONNX bytes and give them this engine's static shape."""
        name, model = self.model.card.onnx, self.model
        check_graph(model.onnx, str(name))
        try:
            network = core.read_model(io.BytesIO(model.onnx))
        except RuntimeError as error:
            raise EngineError(
                f"{name}: OpenVINO cannot read it as ONNX: {_first_line(error)}"
            ) from error
        if len(network.inputs) != 1 or len(network.outputs) != 1:
            raise EngineError(
                f"{name}: a classifier has one input and one output, this has "
                f"{len(network.inputs)} and {len(network.outputs)}"
            )
        if network.inputs[0].get_element_type() != openvino.Type.f32:
            raise EngineError(
                f"{name}: its input is {network.inputs[0].get_element_type().get_type_name()}, "
                "images are float32 in [0, 1]: export it with a float32 input"
            )
        wanted = openvino.PartialShape([self.max_batch, 3, model.height, model.width])
        given = network.inputs[0].get_partial_shape()
        if given.rank.is_static and given.rank.get_length() != 4:
            raise EngineError(f"{name}: input must be images [N, 3, H, W], it is {given}")
        if not given.compatible(wanted):
            raise EngineError(
                f"{name}: its input is fixed at {given}, {wanted} is needed: export it with a "
                "dynamic batch and the size that the card names"
            )
        try:
            network.reshape(wanted)
        except RuntimeError as error:
            raise EngineError(
                f"{name}: cannot take batches {wanted}: {_first_line(error)}"
            ) from error
        return network

    def _resolve(self, precision: str, quantized: bool, capabilities: list[str]) -> str:
        """Turn `auto` into a precision, and refuse one that cannot be had."""
        if precision == "auto":
            if quantized:
                return "int8"
            return "bf16" if _CAPABILITY["bf16"] in capabilities else "fp32"
        if precision not in _CAPABILITY:
            raise EngineError(f"precision must be auto or {', '.join(_CAPABILITY)}: {precision!r}")
        if _CAPABILITY[precision] not in capabilities:
            raise EngineError(
                f"precision {precision} was asked for, but this CPU offers "
                f"{', '.join(capabilities)}; use another engine.precision"
            )
        card = self.model.card
        if precision == "int8" and not quantized:
            raise EngineError(
                f"precision int8 cannot be had: {card.path} has no int8 twin; make one with "
                f"`rs_monitor quantize {card.path} --data D`, or use another engine.precision"
            )
        if quantized and precision != "int8":
            raise EngineError(
                f"{card.onnx} is quantised, precision {precision} cannot be had from it"
            )
        return precision

    def _check_output(self) -> None:
        classes = len(self.model.card.labels)
        shape = list(self._compiled.outputs[0].get_partial_shape().get_min_shape())
        if shape != [self.max_batch, classes]:
            raise EngineError(
                f"{self.model.card.onnx}: its output is {shape} for a batch of "
                f"{self.max_batch}, but the card has {classes} labels"
            )

    @classmethod
    def precisions(cls) -> tuple[str, ...]:
        """Precisions that this CPU offers."""
        capabilities = shared_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return tuple(name for name, needed in _CAPABILITY.items() if needed in capabilities)

    @property
    def identity(self) -> EngineIdentity:
        """What really runs."""
        return self._identity

    def _votes(self, image: np.ndarray, sigma: float, n: int, key: bytes, start: int) -> Votes:
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        counts = np.zeros(len(self.model.card.labels), np.int64)
        invalid = 0
        for done in range(0, n, self.max_batch):
            rows = min(self.max_batch, n - done)
            batch = self._batch[:rows]
            add_noise(batch, planes, sigma, key, start + done)
            # Rows beyond the samples asked for hold old images and are not counted.
            part, bad = count_votes(self._infer()[:rows])
            counts += part
            invalid += bad
        return Votes(counts, invalid, n)

    def _infer(self) -> np.ndarray:
        """Run the batch; the logits are valid until the next call."""
        try:
            self._request.infer()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO inference failed: {_first_line(error)}") from error
        return self._request.get_output_tensor().data

    def _read_batch(self) -> np.ndarray:
        return self._batch.copy()

    def _run_network(self) -> None:
        self._infer()

    def _logits(self, batch: np.ndarray) -> np.ndarray:
        self._batch[:] = batch
        return self._infer()

    def close(self) -> None:
        """Release the network."""
        if not self._closed:
            super().close()
            del self._request, self._compiled


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else repr(error))[:300]
