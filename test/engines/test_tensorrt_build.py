# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Real engines for GPUs that are not here; none of them is run."""

import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from small_models import color_network, flawed_network, write_model

from rs_monitor.engines import EngineError
from rs_monitor.engines.cache import EngineCache
from rs_monitor.engines.tensorrt_build import (
    PRECISIONS,
    build_engine,
    engine_key,
    import_tensorrt,
)
from rs_monitor.families import load_family, shipped_families
from rs_monitor.models import load_card, load_model

try:
    RUNTIME, TRT = import_tensorrt()
except EngineError as missing:
    RUNTIME, reason = "", str(missing)
else:
    reason = f"{RUNTIME} builds for its own GPU only"
builds = pytest.mark.skipif(RUNTIME != "tensorrt_rtx", reason=reason)
# Members of one architecture and size differ in their weights: one of them builds like the others.
SHIPPED = list(
    {
        (card.details["architecture"], card.height): card
        for family in shipped_families()
        for card in load_family(family).members
    }.values()
)


def small(folder, **model):
    return load_model(load_card(write_model(folder, reference=None, **model)))


@builds
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("capability", ["8.0", "8.6", "8.9", "12.0"])
@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.onnx.stem)
def test_shipped_models(tmp_path, card, capability, precision):
    model = load_model(card)
    model = model.twin if precision == "int8" else model
    cache, key = EngineCache(tmp_path / "engines"), engine_key(model, precision, 32, capability)
    phases = set()
    engine, built = cache.get(key, lambda: build_engine(model, key, lambda p, *_: phases.add(p)))
    assert built and phases
    weights = sum(
        onnx.numpy_helper.to_array(tensor).size
        for tensor in onnx.load_from_string(model.onnx).graph.initializer
    )
    assert len(engine) > weights * {"fp32": 4, "int8": 1}.get(precision, 2)
    assert EngineCache(tmp_path / "engines").load(key) == engine


@builds
def test_a_tampered_engine_is_refused(tmp_path):
    model = small(tmp_path)
    cache, key = EngineCache(tmp_path / "engines"), engine_key(model, "fp32", 4, "8.6")
    engine, _ = cache.get(key, lambda: build_engine(model, key))
    cache.path(key).write_bytes(engine[:-1] + bytes([engine[-1] ^ 1]))
    with pytest.raises(EngineError, match="was changed or cut short"):
        cache.get(key, lambda: build_engine(model, key))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from rs_monitor.engines.cache import EngineCache
from rs_monitor.engines.tensorrt_build import build_engine, engine_key
from rs_monitor.models import load_card, load_model
def die(phase, done, steps):
    if phase == "Building engine" and done:
        os.kill(os.getpid(), signal.SIGKILL)
model = load_model(load_card(sys.argv[2]))
key = engine_key(model, "fp16", 32, "8.6")
EngineCache(Path(sys.argv[3])).get(key, lambda: build_engine(model, key, die))
"""


@builds
def test_killed_while_building(tmp_path):
    model, folder = load_model(SHIPPED[0]), tmp_path / "engines"
    root = Path(__file__).resolve().parents[2]
    arguments = [str(root), str(model.card.path), str(folder)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], timeout=100)
    assert done.returncode == -signal.SIGKILL
    assert [path.suffix for path in folder.iterdir()] == [".lock"]
    key = engine_key(model, "fp16", 32, "8.6")
    assert EngineCache(folder).get(key, lambda: build_engine(model, key))[1]


@builds
@pytest.mark.parametrize(
    ("change", "precision", "capability", "why"),
    [
        ({}, "fp32", "9.0", "cannot build for compute capability 9.0 here: it builds for 7.5"),
        ({}, "int8", "8.6", "has no int8 twin; make one with `rs_monitor quantize"),
        ({}, "fp8", "8.6", "not in fp8"),
        ({"onnx_bytes": b"not onnx at all"}, "fp32", "8.6", "cannot read it as ONNX"),
        ({"onnx_bytes": color_network(batch=1)}, "fp32", "8.6", r"fixed at \[1, 3, -1, -1\]"),
        ({"onnx_bytes": color_network(height=9)}, "fp16", "8.6", "fixed at"),
        ({"onnx_bytes": color_network(dtype="FLOAT16")}, "fp32", "8.6", "float32 is needed"),
        ({"labels": ["a", "b"]}, "fp32", "8.6", r"logits is fixed at .*\[4, 2\] is needed"),
    ],
)
def test_what_cannot_be_built_is_refused(tmp_path, change, precision, capability, why):
    model = small(tmp_path, **change)
    with pytest.raises(EngineError, match=why):
        build_engine(model, engine_key(model, precision, 4, capability))


@builds
def test_a_twin_is_int8_and_nothing_else():
    twin = load_model(SHIPPED[0]).twin
    with pytest.raises(EngineError, match="is quantised, bf16 cannot be had from it"):
        build_engine(twin, engine_key(twin, "bf16", 4, "8.6"))


@builds
def test_an_operation_that_the_runtime_lacks_is_named(tmp_path):
    network = onnx.load_from_string(flawed_network("random"))
    for node in network.graph.node:
        if node.op_type == "RandomNormalLike":
            node.op_type, node.domain = "NoSuchThing", "somewhere"
    network.opset_import.append(onnx.helper.make_opsetid("somewhere", 1))
    model = small(tmp_path, onnx_bytes=network.SerializeToString())
    with pytest.raises(EngineError, match="cannot take it: .*NoSuchThing"):
        build_engine(model, engine_key(model, "fp32", 4, "8.6"))


@pytest.mark.skipif(bool(RUNTIME), reason=f"{RUNTIME} is installed")
def test_a_missing_runtime_names_the_command():
    with pytest.raises(EngineError, match="python -m pip install 'tensorrt-rtx-cu13"):
        import_tensorrt()
