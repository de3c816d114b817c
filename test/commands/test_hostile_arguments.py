# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments that make no sense: exit status 2, one line, no traceback, and no waiting."""

import json

import cv2
import numpy as np
import pytest
from hostile_files import PLACES
from small_models import solid, write_model

from rs_monitor.cli import main

NUMBERS = ("nan", "inf", "-inf", "-1", "0", "1e308", "1e-308", "5e-324", "1_0", "0x10", "", "-")
INTEGERS = ("-1", "0", "1", "9" * 30, "9" * 5000, "1.5", "٣", "", "-")


@pytest.fixture
def folder(tmp_path):
    images = np.stack([solid(color, 8, 8) for color in ("red", "green", "blue")])
    np.savez(tmp_path / "data.npz", images=images, labels=[0, 1, 2])
    assert cv2.imwrite(str(tmp_path / "a.png"), images[0])
    (tmp_path / "sigma_0.25.tsv").write_text(
        "idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t1\t1\t0.3\t1\t0.1\n1\t1\t0\t0.5\t0\t0.1\n"
    )
    (tmp_path / "times.json").write_text(
        json.dumps({"rows": [{"batch": 64, "resolution": "full", "median_ms": 9.0, "p99_ms": 10}]})
    )
    write_model(tmp_path)
    return tmp_path


def run(arguments, capsys):
    """Return the exit status; what is said must be for people."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as caught:  # what argparse refuses
        status = caught.code
    _, err = capsys.readouterr()
    assert status in (0, 1, 2), arguments
    assert "Traceback" not in err
    assert status != 2 or err.splitlines()[-1].startswith("rs_monitor "), arguments
    assert all(len(line) < 12_000 for line in err.splitlines())
    return status


def commands(folder):
    """Return each command with its options of numbers; a work of milliseconds by itself."""
    model = ["--model", folder / "color.yaml"]
    certify = ["certify", folder / "a.png", *model, "--n", "20"]
    evaluate = ["evaluate", "--data", folder / "data.npz", *model, "--n", "20"]
    predict = ["predict", folder / "sigma_0.25.tsv", "--log-n", "10000", "--n", "50"]
    plan = ["plan", "--n", "100", "--latency", folder / "times.json", "--frame-rate", "25"]
    return {
        "certify": (certify, ["--sigma", "--alpha"], ["--n", "--n-selection", "--seed"]),
        "evaluate": (
            evaluate,
            ["--sigma", "--alpha", "--radii"],
            ["--n", "--at", "--limit", "--every", "--seed"],
        ),
        "predict": (
            predict,
            ["--sigma", "--alpha", "--radii", "--log-alpha"],
            ["--n", "--log-n"],
        ),
        "plan": (
            plan,
            [
                "--sigma", "--alpha", "--radius", "--frame-rate", "--false-per-hour",
                "--budget-fraction", "--samples-per-second",
            ],
            ["--n", "--n-selection"],
        ),
    }  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", ["certify", "evaluate", "predict", "plan"])
def test_numbers(folder, capsys, command):
    pytest.importorskip("openvino", reason="needs an inference runtime")
    whole, floats, integers = commands(folder)[command]
    assert run(whole, capsys) == 0
    for options, values in ((floats, NUMBERS), (integers, INTEGERS)):
        for option in options:
            for value in values:
                status = run([*whole, f"{option}={value}"], capsys)
                if value in ("nan", "inf", "-inf", "1.5", "", "0x10"):
                    assert status == 2 or (option, value) == ("--radii", "1.5"), (option, value)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", PLACES)
def test_places_of_inputs(folder, capsys, place):
    path = folder / "hostile"
    PLACES[place](path)
    picture = folder / "a.png"
    for arguments in (
        ["certify", path, "--model", folder / "color.yaml"],
        ["certify", picture, "--model", path],
        ["evaluate", "--data", path, "--model", folder / "color.yaml"],
        ["models", "list", path],
        ["models", "verify", path],
        ["predict", path],
        ["plan", "--n", "100", "--latency", path],
        ["plan", "--n", "100", "--log", path],
        ["figures", "--logs", path, "--out", folder / "out"],
        ["figures", "--benchmark", path, "--out", folder / "out"],
        ["replay", path, "--out", folder / "out"],
        ["demo", "--bag", path],
        ["build-engine", path],
    ):
        assert run(arguments, capsys) in (1, 2), arguments
    assert not (folder / "out").exists()


@pytest.mark.parametrize("option", ["--json", "--tsv", "--plot"])
def test_places_of_outputs(folder, capsys, option):
    pytest.importorskip("matplotlib", reason="needs the extra figures")
    command = ["evaluate", "--data", folder / "data.npz", "--model", folder / "color.yaml"]
    (folder / "folder.png").mkdir()
    (folder / "loop.png").symlink_to("loop.png")
    for path in ("folder.png", "no/such.png", "a.png/b.png", "loop.png"):
        assert run([*command, "--n", "20", option, folder / path], capsys) == 2, path
    assert (folder / "folder.png").is_dir()


@pytest.mark.parametrize(
    "name", ["σ.png", "line\nbreak.png", "\udcff.png", "-.png", "a" * 300 + ".png", "\x1b[31m.png"]
)
def test_names(folder, capsys, name):
    arguments = ["certify", "--model", folder / "color.yaml", "--n", "20", "--", name]
    assert run(arguments, capsys) == 2
