# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import re
import resource
from pathlib import Path

import numpy as np
import onnx
import pytest
from small_models import LABELS, color_network, residual_network, solid, write_model

from rs_monitor.cli import main
from rs_monitor.commands.quantize import _percent
from rs_monitor.engines import available_precisions, open_engine
from rs_monitor.evaluation.parity import TOLERATED_FLIPS
from rs_monitor.models import ModelError, load_card, load_model, save_twin

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: the extra quantize")


def data(folder, name="held.npz", groups=8, **change):
    """Write images of the three colours, several of a group."""
    labels = np.arange(24) % 3
    images = np.stack([solid(LABELS[label], 8, 8, strong=130 + 2 * i) for i, label in
                       enumerate(labels)])  # fmt: skip
    arrays = {"images": images, "labels": labels, "group": np.arange(24) % groups} | change
    path = folder / name
    np.savez(path, **arrays)
    return str(path)


@pytest.fixture
def card(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return write_model(folder, onnx_bytes=residual_network())


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("weight", [np.inf, np.nan])
def test_a_network_that_computes_nothing_is_refused(tmp_path, capsys, weight):
    network = onnx.load_from_string(residual_network())
    (tensor,) = (t for t in network.graph.initializer if t.name == "w1")
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[0] = weight
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, "w1"))
    folder = tmp_path / "models"
    folder.mkdir()
    card = write_model(folder, onnx_bytes=network.SerializeToString(), reference=None)
    before = content(folder)
    assert main(["quantize", str(card), "--data", data(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert re.search("non-finite logits|w1 are not finite", error) and error.count("\n") == 1
    assert content(folder) == before


def test_a_loss_is_told_in_percent_of_a_radius_that_is_one():
    assert _percent(0.01, 0.005, 0.2) == pytest.approx(5.0)
    assert _percent(0.01, 0.005, 0.004) is None
    assert _percent(0.0, 0.0, 0.0) is None


def test_a_model_gains_a_twin(tmp_path, card, capsys):
    held = data(tmp_path)
    assert main(["quantize", str(card), "--data", held, "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    read = load_card(card)
    assert read.int8.onnx.name == told["onnx"] and read.int8.sha256 == told["sha256"]
    evaluation = read.details["int8"]["evaluation"]
    # Two of eight groups are calibrated on and not evaluated.
    assert (evaluation["images"], evaluation["groups"]) == (18, 6)
    # So that `benchmark` finds the radius that the twin's samples buy.
    assert evaluation["model_id"] == read.details["int8"]["sha256"][:12]
    assert read.details["int8"]["calibration"]["images"] == 6
    for row in evaluation["rows"]:
        whole = row["original_average_certified_radius"]
        assert row["loss"] == pytest.approx(whole - row["average_certified_radius"])
        assert whole > 0 and row["loss_standard_error"] >= 0
    assert 0 <= evaluation["votes_that_differ"] < 0.1

    model = load_model(read)
    assert model.twin.model_id == told["sha256"][:12] != model.model_id
    for precision in ("auto", "int8"):
        with open_engine(model, backend="openvino", precision=precision, max_batch=4) as engine:
            assert engine.identity.precision == "int8"
            assert engine.model.model_id == model.twin.model_id
    with open_engine(model, backend="openvino", precision="fp32", max_batch=4) as engine:
        assert engine.identity.precision == "fp32"
        assert engine.model.model_id == model.model_id

    assert main(["models", "list", str(card)]) == 0
    assert told["sha256"][:12] in capsys.readouterr().out
    assert main(["models", "verify", str(card)]) == 0
    out = capsys.readouterr().out
    assert "votes that differ from fp32" in out
    assert all(name in out for name in available_precisions("openvino"))


def test_a_second_twin_takes_the_place_of_the_first(tmp_path, card):
    command = ["quantize", str(card), "--data", data(tmp_path), "--limit", "6"]
    assert main(command) == 0
    first = load_card(card).int8
    dark = data(tmp_path, "dark.npz", images=np.full((24, 8, 8, 3), 20, np.uint8))
    assert main([*command, "--calibration", dark]) == 0
    second = load_card(card).int8
    assert second.sha256 != first.sha256 and not first.onnx.exists()
    assert load_card(card).details["int8"]["calibration"]["data"] == "dark.npz"
    load_model(load_card(card))


def test_evaluate_records_a_twins_result_with_the_twin(tmp_path, card):
    held = data(tmp_path)
    assert main(["quantize", str(card), "--data", held, "--limit", "6"]) == 0
    command = ["evaluate", "--model", str(card), "--data", held, "--record", "--n", "100"]
    assert main([*command, "--precision", "int8"]) == 0
    details = load_card(card).details
    assert "evaluation" not in details
    assert details["int8"]["evaluation"]["model_id"] == details["int8"]["sha256"][:12]


@pytest.mark.parametrize(
    ("change", "options", "reason"),
    [
        ({"labels": np.full(24, 3)}, [], "label 3 of image 0 is out of range"),
        ({"images": np.zeros((24, 8, 8, 3))}, [], "uint8"),
        ({"groups": 3}, [], "3 groups are too few"),
        ({}, ["--images", "0"], "--images must be at least 1"),
        ({}, ["--limit", "-1"], "--limit must be at least 1"),
        ({}, ["--alpha", "1e-80"], "alpha"),
        ({}, ["--calibration", "missing.npz"], "missing.npz"),
    ],
)
def test_wrong_input_changes_nothing(tmp_path, card, capsys, change, options, reason):
    before = content(card.parent)
    assert main(["quantize", str(card), "--data", data(tmp_path, **change), *options]) == 2
    error = capsys.readouterr().err
    assert reason in error and len(error.splitlines()) == 1
    assert content(card.parent) == before


def test_a_truncated_archive_changes_nothing(tmp_path, card, capsys):
    held = Path(data(tmp_path))
    held.write_bytes(held.read_bytes()[:-200])
    before = content(card.parent)
    assert main(["quantize", str(card), "--data", str(held)]) == 2
    assert "held.npz" in capsys.readouterr().err
    assert content(card.parent) == before


def test_a_network_without_anything_to_quantise(tmp_path, capsys):
    card = write_model(tmp_path, onnx_bytes=color_network())
    assert main(["quantize", str(card), "--data", data(tmp_path)]) == 2
    assert "color.onnx: nothing to quantise" in capsys.readouterr().err


@pytest.mark.parametrize(("twin", "entry"), [(b"t" * 9000, "short"), (b"t", "long " * 2000)])
def test_a_full_disk_leaves_what_was_there(card, twin, entry):
    assert len(card.read_bytes()) < 5000
    details = load_card(card).details | {
        "int8": {"onnx": "twin.onnx", "sha256": 64 * "0"},
        "about": entry,
    }
    before = content(card.parent)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(ModelError, match="cannot write .*File too large"):
            save_twin(load_card(card), twin, details)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert content(card.parent) == before


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_a_twin_that_is_not_the_cards_is_refused(tmp_path, card, capsys, damage):
    assert main(["quantize", str(card), "--data", data(tmp_path), "--limit", "6"]) == 0
    twin = load_card(card).int8.onnx
    if damage == "missing":
        twin.unlink()
    else:
        twin.write_bytes(twin.read_bytes() + b"\x00")
    assert main(["models", "verify", str(card)]) == 1
    assert twin.name in capsys.readouterr().err
    # The command that makes a twin mends it.
    assert main(["quantize", str(card), "--data", data(tmp_path), "--limit", "6"]) == 0
    assert main(["models", "verify", str(card)]) == 0


def test_a_twin_that_votes_otherwise_is_not_written(tmp_path, card, capsys, monkeypatch):
    monkeypatch.setitem(TOLERATED_FLIPS, "int8", -0.1)
    before = content(card.parent)
    assert main(["quantize", str(card), "--data", data(tmp_path)]) == 2
    assert "of its int8 twin's votes differ from fp32" in capsys.readouterr().err
    assert content(card.parent) == before
