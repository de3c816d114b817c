# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments of train and import-checkpoint that make no sense: one line, status 2, no folder."""

import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")
pytest.importorskip("openvino", reason="logits are compared on OpenVINO")

from hostile_files import PLACES
from small_models import color_network

from rs_monitor.cli import main
from rs_monitor.models import ModelError
from rs_monitor.training.checkpoints import load_checkpoint

NUMBERS = ("nan", "inf", "-inf", "-1", "1e308", "5e-324", "0x10", "", "-", "9" * 400, "9" * 5000)
FLOATS = "sigma learning-rate weight-decay consistency entropy average held-out".split()
INTEGERS = "epochs batch seed threads save-steps size".split()


def refused(words, capsys):
    try:
        status = main([str(word) for word in words])
    except SystemExit as caught:
        status = caught.code
    error = capsys.readouterr().err
    assert status == 2 and "Traceback" not in error, words
    assert error.splitlines()[-1].startswith("rs_monitor "), words


@pytest.mark.parametrize("option", FLOATS + INTEGERS)
def test_numbers_of_train(tmp_path, capsys, option):
    images = np.zeros((6, 8, 8, 3), np.uint8)
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(6) % 2)
    # A number that can be used is followed by a network that cannot.
    whole = ["train", "--data", tmp_path / "data.npz", "--out", tmp_path / "out"]
    for value in NUMBERS:
        refused([*whole, "--network", "nonsense", f"--{option}={value}"], capsys)
    assert not list((tmp_path / "out").glob("*"))


@pytest.mark.parametrize("option", ["sigma", "mean", "std", "range", "size"])
def test_numbers_of_import(tmp_path, capsys, option):
    (tmp_path / "color.onnx").write_bytes(color_network(height=8, width=8))
    whole = ["import-checkpoint", tmp_path / "color.onnx", "--out", tmp_path / "out"]
    for value in ("nan", "inf", "-inf", "1e308", "", "9" * 400):
        values = [f"--{option}={value}"] if option != "range" else ["--range", "0", value]
        refused([*whole, *values], capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", PLACES)
def test_places(tmp_path, capsys, place):
    path, onnx = tmp_path / "hostile", tmp_path / "hostile.onnx"
    PLACES[place](path)
    PLACES[place](onnx)
    out = ["--out", tmp_path / "out"]
    (tmp_path / "color.onnx").write_bytes(color_network(height=8, width=8))
    whole = ["import-checkpoint", tmp_path / "color.onnx", *out]
    for words in (
        ["train", "--data", path, *out],
        ["import-checkpoint", path, *out],
        ["import-checkpoint", onnx, *out],
        [*whole, "--denoiser", path],
        [*whole, "--denoiser", onnx],
        [*whole, "--labels", path],
        [*whole, "--data", path],
        [*whole, "--json", tmp_path / "missing" / "result.json"],
    ):
        refused(words, capsys)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_unfolds_is_refused_before_that(tmp_path, capsys):
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/version", "3")
        archive.writestr("archive/data.pkl", bytes(1 << 24))
    refused(["import-checkpoint", path, "--out", tmp_path / "out"], capsys)
    with pytest.raises(ModelError, match="holds 16,777,217 bytes in .* compresses nothing"):
        load_checkpoint(path)
