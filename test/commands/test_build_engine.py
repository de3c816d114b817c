# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import fcntl
import json
import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import pytest
from small_models import residual_network, write_model

from rs_monitor.cli import main
from rs_monitor.engines import EngineError
from rs_monitor.engines.cache import EngineCache
from rs_monitor.engines.tensorrt_build import engine_key, import_tensorrt
from rs_monitor.models import load_card, load_model

try:
    RUNTIME, reason = import_tensorrt()[0], "tensorrt builds for its own GPU only"
except EngineError as missing:
    RUNTIME, reason = "", str(missing)
builds = pytest.mark.skipif(RUNTIME != "tensorrt_rtx", reason=reason)


def run(folder, *options):
    card = write_model(folder, reference=None)
    cache = ("--cache-dir", str(folder / "engines"))
    return main(["build-engine", str(card), *cache, *options])


@builds
def test_builds_what_the_cache_lacks(tmp_path, capsys):
    options = ("--compute-capability", "8.6", "8.9", "8.6", "--batch", "4", "--json", "-")
    for built in (True, False):
        assert run(tmp_path, *options) == 0
        rows = json.loads(capsys.readouterr().out)["engines"]
        assert [row["compute_capability"] for row in rows] == ["8.6", "8.9"]
        assert {row["built"] for row in rows} == {built}
        assert {row["precision"] for row in rows} == {"fp16"}
    assert len(list((tmp_path / "engines").glob("*.engine"))) == 2
    assert run(tmp_path, *options[:-2]) == 0
    assert "was there" in capsys.readouterr().out


@builds
def test_a_capability_that_cannot_be_had_is_said_before_anything_is_built(tmp_path, capsys):
    assert run(tmp_path, "--compute-capability", "8.6", "9.0") == 2
    error = capsys.readouterr().err
    assert "cannot build for compute capability 9.0" in error and error.count("\n") == 1
    assert not list((tmp_path / "engines").iterdir())


@builds
@pytest.mark.parametrize(
    ("weights", "precision", "reason"),
    [
        (np.nan, "fp32", "weights w1 are not finite"),
        (np.inf, "bf16", "weights w1 are not finite"),
        (1e-9, "fp16", "all its weights are 0 in fp16: use bf16"),
    ],
)
def test_no_engine_of_a_network_that_computes_nothing(
    tmp_path, capsys, weights, precision, reason
):
    network = onnx.load_from_string(residual_network())
    for tensor in network.graph.initializer:
        if tensor.name == "w1" or weights == 1e-9 and tensor.dims:
            values = np.full(tuple(tensor.dims), weights, "f4")
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    card = write_model(tmp_path, onnx_bytes=network.SerializeToString(), reference=None)
    words = ["build-engine", str(card), "--compute-capability", "8.6", "--precision", precision]
    assert main([*words, "--cache-dir", str(tmp_path / "engines")]) == 1
    assert reason in capsys.readouterr().err
    assert not list((tmp_path / "engines").glob("*.engine"))


@builds
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_build_ends_and_leaves_no_engine(tmp_path, number):
    """TensorRT swallows what is raised in the calls that it makes."""
    card = write_model(tmp_path, onnx_bytes=residual_network(), reference=None)
    for attempt in range(3):
        folder = tmp_path / f"engines_{attempt}"
        words = ["build-engine", str(card), "--compute-capability", "8.6", "8.9", "12.0"]
        with subprocess.Popen(
            [sys.executable, "-m", "rs_monitor", *words, "--cache-dir", str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            until = time.monotonic() + 100
            while not list(folder.glob("*.lock")) and process.poll() is None:
                assert time.monotonic() < until
            process.send_signal(number)
            _, error = process.communicate(timeout=100)
        assert process.returncode == 128 + number, error
        assert "Exception" not in error and "Traceback" not in error
        assert not list(folder.glob("*.partial"))
        assert len(list(folder.glob("*.engine"))) < 3


@builds
def test_who_waits_for_another_builder_says_so(tmp_path, capsys):
    options = ("--compute-capability", "8.6", "--batch", "4")
    assert run(tmp_path, *options) == 0
    capsys.readouterr()
    (lock,) = (tmp_path / "engines").glob("*.lock")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        words = ["build-engine", str(tmp_path / "color.yaml"), *options]
        with subprocess.Popen(
            [sys.executable, "-m", "rs_monitor", *words, "--cache-dir", str(lock.parent)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            said = process.stderr.readline()
            assert "another process builds this engine" in said and str(lock) in said
            fcntl.flock(held, fcntl.LOCK_UN)
            output, _ = process.communicate(timeout=100)
    assert process.returncode == 0 and "was there" in output


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--compute-capability", "sm86"), "such as 8.6, got 'sm86'"),
        (("--compute-capability", "8.6", "--batch", "0"), "--batch must lie in 1 to"),
    ],
)
def test_wrong_usage(tmp_path, capsys, options, why):
    assert run(tmp_path, *options) == 2
    assert why in capsys.readouterr().err


@pytest.mark.skipif(bool(RUNTIME), reason=f"{RUNTIME} is installed")
def test_a_missing_runtime_names_the_command(tmp_path, capsys):
    assert run(tmp_path, "--compute-capability", "8.6") == 1
    assert "python -m pip install 'tensorrt-rtx-cu13" in capsys.readouterr().err


def test_a_cache_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "engines").write_text("")
    assert run(tmp_path, "--compute-capability", "8.6") == 1
    assert "cannot make the engine cache" in capsys.readouterr().err


@builds
def test_half_resolution_is_another_engine(tmp_path, capsys):
    card = write_model(tmp_path, reference=None)
    options = ["build-engine", str(card), "--compute-capability", "8.6", "--precision", "fp32"]
    options += ["--batch", "4", "--cache-dir", str(tmp_path / "engines"), "--json", "-"]
    engines = []
    for resolution in ([], ["--resolution", "half"]):
        assert main([*options, *resolution]) == 0
        (engine,) = json.loads(capsys.readouterr().out)["engines"]
        assert engine["built"]
        engines.append(engine["engine"])
    half = load_model(load_card(card), "half")
    key = engine_key(half, "fp32", 4, "8.6")
    assert engines[0] != engines[1] == str(EngineCache(tmp_path / "engines").path(key))
