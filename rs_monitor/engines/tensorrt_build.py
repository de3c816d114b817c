# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to a TensorRT engine, by `tensorrt` or, where only that is installed, `tensorrt_rtx`."""

from __future__ import annotations

import contextlib
import importlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from ..models import Model
from .builds import Progress
from .cache import EngineKey
from .errors import EngineError
from .onnx_graph import check_graph
from .onnx_precision import in_precision, is_quantized, symmetric_int8

INSTALL = "python -m pip install 'tensorrt-rtx-cu13>=1.2,<2' 'onnx>=1.17,<2'"
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def import_tensorrt() -> tuple[str, Any]:
    """Import the runtime; returns its name and module.

    Raises
    ------
    EngineError
        When neither is installed.
    """
    reasons = []
    for name in ("tensorrt", "tensorrt_rtx"):
        try:
            return name, importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:  # its libraries, a missing file
            if not (isinstance(error, ModuleNotFoundError) and error.name == name):
                raise EngineError(
                    f"{name} is installed and cannot be imported: {error}"
                ) from error
            reasons.append(name)
    raise EngineError(f"neither {' nor '.join(reasons)} is installed: {INSTALL}")


def compute_capabilities(trt: Any) -> dict[str, Any]:
    """Map "8.6" and the like to what this runtime can build for on any machine."""
    members = getattr(trt, "ComputeCapability", None)
    if members is None:
        return {}
    named = members.__members__.items()
    return {f"{n[2:-1]}.{n[-1]}": value for n, value in named if n.startswith("SM")}


def cannot_build(name: str, trt: Any, wanted: str) -> str:
    """Say that a runtime cannot build for a compute capability, and for which it can."""
    known = compute_capabilities(trt)
    can = f"it builds for {', '.join(known)}" if known else "it builds for its own GPU only"
    return f"{name} {trt.__version__} cannot build for compute capability {wanted} here: {can}"


def engine_key(
    model: Model, precision: str, batch: int, compute_capability: str, gpu: str = ""
) -> EngineKey:
    """Return the cache key of an engine that the installed runtime would build."""
    name, trt = import_tensorrt()
    return EngineKey(
        onnx_sha256=model.card.sha256,
        runtime=name,
        version=trt.__version__,
        gpu=gpu,
        compute_capability=compute_capability,
        precision=precision,
        batch=batch,
        height=model.height,
        width=model.width,
    )


def build_engine(model: Model, key: EngineKey, progress: Progress | None = None) -> bytes:
    """Build an engine: for a compute capability, without a GPU, or for the GPU that the key names.

    Parameters
    ----------
    model : Model
    key : EngineKey
        Of this model and the installed runtime.
    progress : callable, optional
        Told of every step.

    Raises
    ------
    EngineError
        For a precision, a compute capability or an operation that the runtime lacks.
    """
    name, trt = import_tensorrt()
    if not key.gpu and key.compute_capability not in compute_capabilities(trt):
        raise EngineError(cannot_build(name, trt, key.compute_capability))
    check_graph(model.onnx, str(model.card.onnx))
    onnx_bytes = _network(model, key.precision)
    with _interruptible() as interrupted:
        return _built(name, trt, onnx_bytes, model, key, progress, interrupted)


def _built(
    name: str,
    trt: Any,
    onnx_bytes: bytes,
    model: Model,
    key: EngineKey,
    progress: Progress | None,
    interrupted: threading.Event,
) -> bytes:
    logger = _collecting_logger(trt)
    builder = trt.Builder(logger)
    flags = trt.NetworkDefinitionCreationFlag
    typed = getattr(flags, "STRONGLY_TYPED", None)  # before TensorRT 9 there was none
    network = builder.create_network(1 << int(flags.EXPLICIT_BATCH if typed is None else typed))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx_bytes):
        reasons = "; ".join(_reason(parser.get_error(i)) for i in range(parser.num_errors))
        raise EngineError(f"{model.card.onnx}: {name} cannot take it: {_short(reasons)}")
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 is fp32
    if typed is None and key.precision != "fp32":
        flag = getattr(trt.BuilderFlag, key.precision.upper(), None)
        if flag is None:
            raise EngineError(f"{name} {trt.__version__} has no {key.precision}: choose another")
        config.set_flag(flag)
    profile = builder.create_optimization_profile()
    shape = (key.batch, 3, key.height, key.width)
    _check_network(trt, network, shape, len(model.card.labels), str(model.card.onnx))
    profile.set_shape(network.get_input(0).name, shape, shape, shape)
    config.add_optimization_profile(profile)
    if not key.gpu:
        config.num_compute_capabilities = 1
        capability = compute_capabilities(trt)[key.compute_capability]
        config.set_compute_capability(capability, 0)
    if progress is not None and hasattr(trt, "IProgressMonitor"):
        config.progress_monitor = _monitor(trt, progress, interrupted)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EngineError(
            f"{model.card.onnx}: {name} cannot build it for compute capability "
            f"{key.compute_capability} in {key.precision}: "
            f"{_short(logger.errors[0] if logger.errors else 'no reason given')}"
        )
    return bytes(engine)


def _network(model: Model, precision: str) -> bytes:
    """Return the ONNX bytes that compute in a precision, for a strongly typed network."""
    if precision not in PRECISIONS:
        raise EngineError(
            f"engines are built in {', '.join(PRECISIONS)}, not in {precision}; choose one"
        )
    try:
        import onnx

        graph = onnx.load_from_string(model.onnx).graph
    except ImportError as error:
        raise EngineError(f"onnx cannot be imported ({error}): {INSTALL}") from error
    except Exception as error:  # protobuf's own
        raise EngineError(f"{model.card.onnx}: cannot read it as ONNX: {_short(error)}") from error
    given = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in given]
    if len(inputs) != 1 or len(graph.output) != 1 or not graph.node:
        raise EngineError(_one_of_each(str(model.card.onnx), len(inputs), len(graph.output)))
    quantized = is_quantized(graph)
    if quantized and precision != "int8":
        raise EngineError(f"{model.card.onnx} is quantised, {precision} cannot be had from it")
    if precision == "int8":
        if not quantized:
            raise EngineError(
                f"int8 cannot be had: {model.card.path} has no int8 twin; make one with "
                f"`rs_monitor quantize {model.card.path} --data D`, or use another precision"
            )
        return symmetric_int8(model.onnx)
    try:
        return in_precision(model.onnx, precision)
    except EngineError as error:
        raise EngineError(f"{model.card.onnx}: {error}") from error


def _one_of_each(name: str, inputs: int, outputs: int) -> str:
    return f"{name}: a classifier has one input and one output, this has {inputs} and {outputs}"


def _check_network(
    trt: Any, network: Any, shape: tuple[int, ...], classes: int, name: str
) -> None:
    """Refuse inputs and outputs that no engine here could use."""
    if network.num_inputs != 1 or network.num_outputs != 1:
        raise EngineError(_one_of_each(name, network.num_inputs, network.num_outputs))
    image, logits = network.get_input(0), network.get_output(0)
    for tensor in (image, logits):
        if tensor.dtype != trt.float32:
            raise EngineError(f"{name}: {tensor.name} is {tensor.dtype}, float32 is needed")
    for tensor, wanted in ((image, shape), (logits, (shape[0], classes))):
        given = tuple(tensor.shape)
        fits = len(given) == len(wanted) and all(
            g in (-1, w) for g, w in zip(given, wanted, strict=True)
        )
        if not fits:
            raise EngineError(
                f"{name}: {tensor.name} is fixed at {list(given)}, {list(wanted)} is needed"
            )


def _reason(error: Any) -> str:
    """Return the operation at fault, where this version tells it, and what is wrong."""
    operation = error.node_operator() if hasattr(error, "node_operator") else ""
    return f"operation {operation}: {error.desc()}" if operation else str(error.desc())


def _collecting_logger(trt: Any) -> Any:
    """Return a logger that keeps errors for the message instead of printing them."""

    class Collecting(trt.ILogger):
        def __init__(self) -> None:
            super().__init__()
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.Severity.ERROR:
                self.errors.append(message)

    return Collecting()


@contextlib.contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Keep signals out of TensorRT's calls of Python, which lose what is raised in them.

    Yields what a signal sets; it is raised again at the end.
    """
    interrupted, seen = threading.Event(), []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # Python interrupts the main thread only
        return

    def note(number: int, frame: object) -> None:
        seen.append(number)
        interrupted.set()

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {n: handler for n, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, note)
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if seen:
            signal.raise_signal(seen[0])


def _monitor(trt: Any, progress: Progress, interrupted: threading.Event) -> Any:
    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            super().__init__()
            self._steps: dict[str, int] = {}

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            self._steps[name] = steps
            progress(name, 0, steps)

        def phase_finish(self, name: str) -> None:
            steps = self._steps.pop(name, 0)
            progress(name, steps, steps)

        def step_complete(self, name: str, step: int) -> bool:
            progress(name, step + 1, self._steps.get(name, step + 1))
            return not interrupted.is_set()

    return Monitor()


def _short(error: object) -> str:
    return " ".join(str(error).split())[:300]
