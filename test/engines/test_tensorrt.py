# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The TensorRT engine with real builds; where there is no GPU, a stand-in for it runs them.

The stand-in computes the network on the CPU at the addresses that the engine was given.
"""

import contextlib
import ctypes
import enum
import json
import types

import numpy as np
import pytest
from small_models import color_network, network_image, write_model

from rs_monitor.cli import main
from rs_monitor.engines import (
    Builds,
    EngineError,
    EngineNotBuilt,
    When,
    open_engine,
)
from rs_monitor.engines.cache import EngineCache
from rs_monitor.engines.tensorrt_build import build_engine, engine_key, import_tensorrt
from rs_monitor.families import load_family, shipped_family
from rs_monitor.models import load_card, load_model

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
try:
    RUNTIME, TRT = import_tensorrt()
except EngineError as missing:
    pytest.skip(str(missing), allow_module_level=True)

from rs_monitor.engines import tensorrt as backend  # noqa: E402
from rs_monitor.engines.torch import read_network  # noqa: E402

KEY = bytes(range(16))
CAPABILITY = (8, 6)
gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch has a GPU here")


def small(folder, **model):
    return load_model(load_card(write_model(folder, reference=None, **model)))


def opened(model, folder, precision="fp32", when=When.NOW, max_batch=8):
    return open_engine(
        model, backend="tensorrt", precision=precision, max_batch=max_batch,
        builds=Builds(folder, when),
    )  # fmt: skip


class Mode(enum.Enum):
    INPUT = 0
    OUTPUT = 1


class StandIn:
    """Engine, context and runtime in one: a network in PyTorch on the CPU."""

    def __init__(
        self, model, batch, *, names=("image", "logits"), dtype=TRT.float32, wrong=False, labels=3
    ):
        self.network = read_network(model, batch, torch).to_device(
            torch.device("cpu"), torch.float32
        )
        self.shapes = dict(zip(names, ((batch, 3, model.height, model.width), (batch, labels))))
        self.names, self.dtype, self.wrong = names, dtype, wrong
        self.num_io_tensors = len(names)
        self.addresses, self.loaded, self.runs = {}, b"", 0

    def Runtime(self, logger):
        return self

    def deserialize_cuda_engine(self, content):
        self.loaded = content
        return self

    def create_execution_context(self):
        return self

    def get_tensor_name(self, index):
        return self.names[index]

    def get_tensor_mode(self, name):
        return Mode.INPUT if name == self.names[0] else Mode.OUTPUT

    def get_tensor_dtype(self, name):
        return self.dtype

    def get_tensor_shape(self, name):
        return self.shapes[name]

    def set_input_shape(self, name, shape):
        self.shapes[name] = tuple(shape)

    def set_tensor_address(self, name, address):
        self.addresses[name] = address

    def _array(self, name):
        shape = self.shapes[name]
        pointer = ctypes.cast(self.addresses[name], ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(pointer, shape)

    def execute_async_v3(self, stream):
        self.runs += 1
        with torch.inference_mode():
            logits = self.network(torch.from_numpy(self._array("image"))).numpy()
        self._array("logits")[:] = np.roll(logits, 1, axis=1) if self.wrong else logits
        return True


@pytest.fixture
def stand_in(monkeypatch):
    """Put a stand-in in the place of GPU and runtime; only building stays real."""
    if torch.cuda.is_available() or RUNTIME != "tensorrt_rtx":
        pytest.skip("there is a GPU, or a runtime that builds on one only")

    def install(model, batch=8, several=False, **options):
        device = StandIn(model, batch, **options)

        def another(logger):
            return StandIn(model, batch, **options)

        runtime = types.SimpleNamespace(
            Runtime=another if several else device.Runtime, Logger=TRT.Logger,
            TensorIOMode=Mode, float32=TRT.float32, __version__=TRT.__version__,
        )  # fmt: skip
        monkeypatch.setattr(backend, "import_tensorrt", lambda: (RUNTIME, runtime))
        monkeypatch.setattr(backend, "find_gpu", lambda torch: torch.device("cpu"))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "made-up GPU")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: CAPABILITY)
        monkeypatch.setattr(backend.TensorRtEngine, "_stream", lambda self: 0)
        return device

    return install


@gpu
def test_without_a_gpu_it_is_refused_with_the_reason(tmp_path):
    with pytest.raises(EngineError, match="needs an NVIDIA GPU, and this machine has no driver"):
        opened(small(tmp_path), tmp_path / "engines")
    assert not (tmp_path / "engines").exists()


def test_the_cached_engine_is_loaded_and_counts_votes(tmp_path, stand_in):
    model = small(tmp_path)
    device = stand_in(model)
    with opened(model, tmp_path / "engines") as engine:
        assert engine.identity.backend == RUNTIME and engine.identity.device == "made-up GPU"
        key = engine_key(model, "fp32", 8, "8.6")
        assert device.loaded == EngineCache(tmp_path / "engines").load(key)
        for index, color in enumerate(("red", "green", "blue")):
            votes = engine.votes(network_image(color), 0.1, 20, KEY)
            assert votes.counts.tolist() == [20 * (i == index) for i in range(3)]
        frame = network_image("red", strong=110)
        ours = engine.votes(frame, 0.5, 100, KEY).counts
    with open_engine(model, backend="torch", precision="fp32", max_batch=8) as other:
        assert np.array_equal(ours, other.votes(frame, 0.5, 100, KEY).counts)
    with opened(model, tmp_path / "engines", when=When.NEVER) as again:
        assert again.votes(frame, 0.5, 100, KEY).counts.tolist() == ours.tolist()


def test_auto_is_bf16_where_the_gpu_has_it(tmp_path, stand_in):
    model = small(tmp_path)
    stand_in(model)
    with opened(model, tmp_path / "engines", precision="auto") as engine:
        assert engine.identity.precision == "bf16"


def test_what_is_not_built_is_left_to_the_caller_or_refused(tmp_path, stand_in):
    model = small(tmp_path)
    stand_in(model)
    with pytest.raises(EngineError, match="build-engine .* --compute-capability 8.6") as refused:
        opened(model, tmp_path / "engines", when=When.NEVER)
    assert not isinstance(refused.value, EngineNotBuilt)
    with pytest.raises(EngineNotBuilt, match="has no fp32 engine") as missing:
        opened(model, tmp_path / "engines", when=When.LATER)
    # The engine of half the size is another one: the command says which.
    half = load_model(model.card, "half")
    stand_in(half)
    with pytest.raises(EngineError, match="--batch 8 --resolution half`"):
        opened(half, tmp_path / "engines", when=When.NEVER)
    phases = []
    missing.value.build(lambda *step: phases.append(step))
    assert phases
    stand_in(model)
    opened(model, tmp_path / "engines", when=When.LATER).close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"wrong": True}, "of 64 votes of the fp32 engine differ from PyTorch's"),
        ({"dtype": TRT.float16}, "float32 is needed"),
        ({"names": ("image", "logits", "more")}, "one input and one output"),
    ],
)
def test_an_engine_that_is_not_the_model_is_refused(tmp_path, stand_in, options, why):
    model = small(tmp_path)
    stand_in(model, **options)
    with pytest.raises(EngineError, match=why):
        opened(model, tmp_path / "engines")


def test_an_engine_that_cannot_be_loaded_or_run(tmp_path, stand_in):
    model = small(tmp_path)
    device = stand_in(model)
    with opened(model, tmp_path / "engines") as engine:
        device.execute_async_v3 = lambda stream: False
        with pytest.raises(EngineError, match="refused to run a batch"):
            engine.votes(network_image(), 0.1, 8, KEY)
    device.deserialize_cuda_engine = lambda content: None
    with pytest.raises(EngineError, match="cannot load its engine"):
        opened(model, tmp_path / "engines")


def test_a_tampered_engine_is_never_loaded(tmp_path, stand_in):
    model = small(tmp_path)
    device = stand_in(model)
    cache, key = EngineCache(tmp_path / "engines"), engine_key(model, "fp32", 8, "8.6")
    content, _ = cache.get(key, lambda: build_engine(model, key))
    cache.path(key).write_bytes(content[:-1])
    with pytest.raises(EngineError, match="was changed or cut short"):
        opened(model, tmp_path / "engines")
    assert device.loaded == b""


def test_non_finite_logits_are_invalid(tmp_path, stand_in):
    model = small(tmp_path, onnx_bytes=color_network(nan_above=0.6))
    stand_in(model)
    with contextlib.closing(opened(model, tmp_path / "engines")) as engine:
        votes = engine.votes(np.full((8, 8, 3), 0.9, np.float32), 0.01, 20, KEY)
    assert (votes.counts.sum(), votes.invalid, votes.n) == (0, 20, 20)


def test_a_precision_that_it_does_not_have(tmp_path, stand_in):
    model = small(tmp_path)
    stand_in(model)
    with pytest.raises(EngineError, match="fp8 cannot be had from TensorRT"):
        opened(model, tmp_path / "engines", precision="fp8")
    with pytest.raises(EngineError, match="has no int8 twin; make one with `rs_monitor quantize"):
        opened(model, tmp_path / "engines", precision="int8")


def test_int8_runs_the_twin(tmp_path, stand_in):
    card, _ = load_family(shipped_family()).select(0.25, "half")
    model = load_model(card)
    stand_in(model, labels=len(card.labels))
    with opened(model, tmp_path / "engines", precision="int8") as engine:
        assert engine.identity.precision == "int8"
        assert engine.model.model_id == model.twin.model_id
    key = engine_key(model.twin, "int8", 8, "8.6")
    assert EngineCache(tmp_path / "engines").load(key)


def test_verify_engine_finds_it_again_by_its_backend(tmp_path, stand_in, monkeypatch, capsys):
    """Its identity names the runtime, which is no backend."""
    card = write_model(tmp_path, reference=None)
    batch = 8
    stand_in(load_model(load_card(card)), batch, several=True)
    monkeypatch.setattr(
        backend.TensorRtEngine, "chunk_sizes", classmethod(lambda cls, n: (batch,))
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = [
        "verify-engine",
        "--model",
        str(card),
        "--backend",
        "tensorrt",
        "--precision",
        "fp32",
    ]
    assert main([*command, "--draws", "50000", "--json", "-"]) in (0, 1)  # it may be slow here
    report = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check["passed"] for check in report["checks"]}
    assert report["backend"] == RUNTIME and len(checks) == 7
    assert {name for name, passed in checks.items() if not passed} <= {
        "the least frame fits into the budget"
    }
