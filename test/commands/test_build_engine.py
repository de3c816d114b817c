# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from small_models import write_model

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
def test_a_capability_that_cannot_be_had_is_a_failure(tmp_path, capsys):
    assert run(tmp_path, "--compute-capability", "9.0") == 1
    error = capsys.readouterr().err
    assert "cannot build for compute capability 9.0" in error and error.count("\n") == 1


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
