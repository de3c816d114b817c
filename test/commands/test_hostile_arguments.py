# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments that make no sense: exit status 2, one line, no traceback, and no waiting."""

import json
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hostile_files import PLACES, unprivileged
from small_models import residual_network, solid, write_model

from rs_monitor.cli import main

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # NumPy's, of an overflow

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
    run.out, run.err = capsys.readouterr()
    assert status in (0, 1, 2), arguments
    assert "Traceback" not in run.err
    assert status != 2 or run.err.splitlines()[-1].startswith("rs_monitor "), arguments
    assert all(len(line) < 12_000 for line in run.err.splitlines())
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


#: Commands whose work takes longer: numbers that can be are followed by a model that is not there.
LONGER = {
    "benchmark": (
        [],
        [
            "--period", "--seconds", "--sigma", "--alpha", "--log-alpha", "--rates",
            "--node-seconds",
        ],
        ["--batches", "--chunk", "--n", "--n-selection", "--log-n", "--frame"],
    ),
    "quantize": (["--data", "data.npz"], ["--alpha"], ["--images", "--limit", "--seed"]),
    "replay": (
        ["--out", "out", "--processes", "1"],
        ["--sigma", "--alpha"],
        ["--n", "--n-selection", "--seed", "--processes", "--sweep=n"],
    ),
    "demo": (
        ["--bag", "drive", "--quiet"],
        ["--rate", "--sigma", "--alpha", "--required-radius"],
        ["--frames", "--n", "--n-selection"],
    ),
    "build-engine": (["--cache-dir", "cache"], [], ["--batch", "--compute-capability"]),
}  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", LONGER)
def test_numbers_before_the_work(folder, capsys, monkeypatch, command):
    monkeypatch.chdir(folder)
    if command in ("replay", "demo"):
        pytest.importorskip("rosbags", reason="needs the extra bags")
        pytest.importorskip("pyarrow", reason="needs the extra replay")
        from recordings import drive

        drive(folder / "drive", 3)
    whole, floats, integers = LONGER[command]
    if command == "build-engine":
        whole = ["missing.yaml", *whole, "--compute-capability=8.6"]
    elif command == "quantize":
        whole = ["missing.yaml", *whole]
    else:
        whole = [*(["drive"] if command == "replay" else []), "--model", "missing.yaml", *whole]
    for options, values in ((floats, NUMBERS), (integers, INTEGERS)):
        for option in options:
            for value in values:
                run([command, *whole, f"{option}={value}"], capsys)
                # One that can never be is told before anything else.
                name = option.strip("-").partition("=")[2] or option.strip("-")
                never = value in ("nan", "inf", "-inf", "-1", "", "1.5", "9" * 5000)
                if never and (value, option) != ("1.5", "--compute-capability"):
                    line = run.err.splitlines()[-1].replace("_", "-")
                    assert name in line, run.err
                    assert "missing.yaml" not in line, (option, value)
    assert not (folder / "out").exists() and not (folder / "cache").exists()


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


#: Each with an input that is not there: what comes first is the complaint about the output.
OUTPUTS = {
    "--json": (
        ["certify", "missing"],
        ["evaluate", "--data", "missing"],
        ["predict", "missing"],
        ["plan", "--log", "missing"],
        ["benchmark", "--log", "missing"],
        ["figures", "--logs", "missing", "--out", "out"],
        ["models", "list", "missing"],
        ["quantize", "missing", "--data", "missing"],
        ["replay", "missing", "--out", "out"],
        ["demo", "--bag", "missing"],
        ["verify-engine", "--model", "missing"],
        ["build-engine", "missing", "--compute-capability", "8.6"],
        ["train", "--data", "missing", "--out", "out"],
        ["import-checkpoint", "missing", "--out", "out"],
    ),
    "--plot": (["benchmark", "--log", "missing"],),
    "--out": (
        ["train", "--data", "missing"],
        ["import-checkpoint", "missing"],
        ["figures", "--logs", "missing"],
    ),
}


@pytest.mark.parametrize("option", OUTPUTS)
def test_outputs_are_refused_before_the_work(folder, capsys, monkeypatch, option):
    monkeypatch.chdir(folder)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "nowhere.png").symlink_to("no/such.png")
    (folder / "sub.png").mkdir()
    (folder / "old.png").write_text("old")
    places = ["old.png/below.png", "loop.png", "/proc/new.png", "b" * 300 + ".png"]
    places += [] if option == "--out" else ["no/such.png", "nowhere.png", "sub.png", ""]
    for command in OUTPUTS[option]:
        for place in places:
            assert run([*command, option, place], capsys) == 2
            assert f"cannot write {place}: " in run.err or " needs " in run.err, run.err
    assert (folder / "old.png").read_text() == "old"
    assert not (folder / "out").exists()


@pytest.fixture
def public():
    """A folder that others may enter, unlike that of the tests."""
    folder = Path(tempfile.mkdtemp(prefix="rs_monitor_test_"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_permissions(folder, public, capsys):
    pytest.importorskip("openvino", reason="needs an inference runtime")
    pytest.importorskip("onnxruntime", reason="makes the int8 twin")
    pytest.importorskip("matplotlib", reason="needs the extra figures")
    shutil.copytree(folder, public, dirs_exist_ok=True)
    write_model(public, "residual", onnx_bytes=residual_network())
    public.chmod(0o555)
    image, model, data = (public / name for name in ("a.png", "color.yaml", "data.npz"))
    certify = ["certify", image, "--model", model, "--n", "20"]
    evaluate = ["evaluate", "--data", data, "--model", model, "--n", "20"]
    assert run(certify, capsys) == run([*evaluate, "--plot", folder / "a.svg"], capsys) == 0
    run(["quantize", public / "missing.yaml", "--data", data], capsys)  # its imports
    before = {path.name: path.read_bytes() for path in public.iterdir()}
    with unprivileged():
        assert run(certify, capsys) == 0
        for words in (
            [*certify, "--json", public / "new.json"],
            [*certify, "--json", public / "times.json"],
            [*evaluate, "--json", public / "new.json"],
            [*evaluate, "--tsv", public / "new.tsv"],
            [*evaluate, "--plot", public / "new.svg"],
            [*evaluate, "--record"],
            ["quantize", public / "residual.yaml", "--data", data],
            ["figures", "--out", public / "new"],
            ["figures", "--out", public],
        ):
            assert run(words, capsys) == 2, words
            assert "cannot write" in run.err and "Permission denied" in run.err, words
    assert {path.name: path.read_bytes() for path in public.iterdir()} == before
    log, times = public / "sigma_0.25.tsv", public / "times.json"
    for path, words in (
        (image, certify),
        (model, certify),
        (public / "color.onnx", certify),
        (public / "color.png", certify),
        (data, evaluate),
        (log, ["predict", log]),
        (times, ["plan", "--n", "100", "--latency", times]),
        (model, ["models", "list", model]),
    ):
        mode = path.stat().st_mode
        path.chmod(0)
        with unprivileged():
            assert run(words, capsys) == 2, words
        assert str(path) in run.err and "Permission denied" in run.err, words
        path.chmod(mode)


@pytest.mark.parametrize("where", ["folder", "metadata.yaml", "drive.mcap"])
def test_permissions_of_recordings(public, where):
    pytest.importorskip("rosbags", reason="needs the extra bags")
    from recordings import drive

    from rs_monitor.evaluation.bags import BagError, read_images

    bag = drive(public / "drive", 3)
    list(read_images(bag))
    (bag if where == "folder" else bag / where).chmod(0)
    with unprivileged(), pytest.raises(BagError, match=f"{bag}.* cannot be read: "):
        read_images(bag)


@pytest.mark.parametrize(
    "name", ["σ.png", "line\nbreak.png", "\udcff.png", "-.png", "a" * 300 + ".png", "\x1b[31m.png"]
)
def test_names(folder, capsys, name):
    arguments = ["certify", "--model", folder / "color.yaml", "--n", "20", "--", name]
    assert run(arguments, capsys) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["build-engine", "--list", "--cache-dir", ""],
        ["certify", ""],
        ["evaluate", "--data", ""],
        ["evaluate", "--data", "data.npz", "--plot", ""],
        ["predict", ""],
        ["replay", "bag", "--out", ""],
        ["figures", "--out", ""],
        ["models", "verify", ""],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_an_empty_path_is_not_this_folder(folder, capsys, monkeypatch, arguments):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert run(arguments, capsys) == 2
    assert "the path is empty" in run.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["color.onnx", "a.PT"])
def test_a_network_in_place_of_its_card_is_told_from_one(folder, capsys, name):
    assert run(["certify", folder / "a.png", "--model", folder / name], capsys) == 2
    assert f"{name} is a network by its name, and a model card (.yaml) is needed" in run.err
