# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The programs of the shipped models with input that makes no sense: one line, status 2."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from hostile_files import PLACES  # noqa: E402

from rs_monitor.training import cifar10, export, traffic_signs  # noqa: E402
from rs_monitor.training.recipe import Recipe  # noqa: E402

TRAINING = (cifar10, traffic_signs)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, shape, labels in (
        ("good", (2, 8, 8, 3), [0, 1]),
        ("large", (2, 16, 16, 3), [0, 1]),
        ("oblong", (2, 8, 9, 3), [0, 1]),
        ("classes", (2, 8, 8, 3), [0, 99]),
    ):
        np.savez(tmp_path / f"{name}.npz", images=np.zeros(shape, np.uint8), labels=labels)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    (tmp_path / "text").write_text("text\n" * 100)
    return tmp_path


def refused(program, words, capsys, reason=""):
    try:
        status = program.main(words)
    except SystemExit as caught:
        status = caught.code
    line = capsys.readouterr().err.splitlines()[-1]
    assert status == 2, (words, line)
    assert reason in line, (words, line)


@pytest.mark.parametrize("program", TRAINING)
def test_training(folder, capsys, program):
    refused(program, ["--data", "good.npz", "--out", "text"], capsys, "Not a directory")
    for data, reason in (
        (["missing"], "No such file"),
        (["text"], "not a zip file"),
        (["other.npz"], "no array images"),
        (["classes.npz"], "label 99 is out of range"),
        (["good.npz", "large.npz"], "differ in size"),
    ):
        refused(program, ["--data", *data, "--out", "out"], capsys, reason)
    for option in ("--sigma=nan", "--epochs=0", "--batch=-1", "--learning-rate=inf", "--seed=-1"):
        words = ["--data", "good.npz", "--out", "out", option]
        refused(program, words, capsys, option.strip("-").partition("=")[0].replace("-", "_"))
    assert not (folder / "out").exists()
    for start in ("missing", "text", "missing.onnx"):
        words = ["--data", "good.npz", "--out", "out", "--start", start]
        refused(program, [*words, *["--scenes=0"] * (program is traffic_signs)], capsys, start)


def test_scenes(folder, capsys):
    for scenes in ("-1", "9" * 20, "x"):
        words = ["--data", "good.npz", "--out", "out", f"--scenes={scenes}"]
        refused(traffic_signs, words, capsys, "--scenes")
    for option in ("--geometry=1.5", "--swapped=-0.1", "--blended=nan"):
        words = ["--data", "good.npz", "--out", "out", option]
        refused(traffic_signs, words, capsys, option.partition("=")[0])
    words = ["--data", "oblong.npz", "--out", "out", "--scenes=0"]
    refused(traffic_signs, words, capsys, "must be square")


def test_a_training_does_not_go_on_with_another_augmentation(folder, capsys):
    words = ["--data", "good.npz", "--out", "out", "--scenes=0", "--epochs=1", "--precision=fp32"]
    assert traffic_signs.main([*words, "--swapped=0.7"]) == 0
    refused(traffic_signs, words, capsys, "another swapped: 0.7")


@pytest.mark.parametrize("place", PLACES)
def test_places(folder, capsys, place):
    PLACES[place](folder / "hostile")
    for program in TRAINING:
        refused(program, ["--data", "hostile", "--out", "out"], capsys, "hostile")
    refused(export, ["hostile", "--out", "out", "--machine", "m"], capsys, "hostile")
    assert not (folder / "out").exists()


def test_checkpoints(folder, capsys):
    recipe = dataclasses.asdict(Recipe(sigma=0.25))
    good = {"recipe": recipe, "average": {}, "elapsed": 1.0}
    for state in (
        {},
        {**good, "recipe": None},
        {**good, "recipe": recipe | {"sigma": float("nan")}},
        {**good, "recipe": recipe | {"sigma": "x"}},
        {**good, "recipe": recipe | {"more": 1}},
        {**good, "elapsed": "x"},
        {**good, "average": 5},
        good,  # no weight of the network
    ):
        torch.save(state, "checkpoint.pt")
        words = ["checkpoint.pt", "--out", "out", "--machine", "m"]
        refused(export, words, capsys, "checkpoint.pt")
    refused(export, ["checkpoint.pt", "--out", "text", "--machine", "m"], capsys, "text")
    assert not (folder / "out").exists()
