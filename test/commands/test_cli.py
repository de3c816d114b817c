# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from small_models import solid, write_model

from rs_monitor.cli import main


def picture(folder, name="green.png", color="green"):
    path = folder / name
    image = cv2.cvtColor(solid(color, 24, 32), cv2.COLOR_RGB2BGR)
    assert cv2.imwrite(str(path), image)
    return str(path)


@pytest.fixture
def card(tmp_path):
    return str(write_model(tmp_path))


def test_certify_prints_a_line_for_each_image(tmp_path, card, capsys):
    files = [picture(tmp_path), picture(tmp_path, "blue.jpg", "blue")]
    assert main(["certify", *files, "--model", card, "--n", "100", "--seed", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["class_name"] for line in lines] == ["green", "blue"]
    assert all(line["status"] == "CERTIFIED" and line["n_used"] == 100 for line in lines)
    assert all(line["radius"] > 0 and line["randomization"] is None for line in lines)


def test_seed_makes_it_reproducible(tmp_path, card, capsys):
    path = picture(tmp_path)
    seen = []
    for seed in (["--seed", "1"], ["--seed", "1"]):
        main(["certify", path, "--model", card, "--sigma", "2", *seed])
        seen.append(json.loads(capsys.readouterr().out)["votes_top"])
    assert seen[0] == seen[1]


def test_certify_answers_for_bad_images_and_goes_on(tmp_path, card, capsys):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    good = picture(tmp_path)
    assert main(["certify", str(bad), good, "--model", card, "--n", "100"]) == 2
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["status"] for line in lines] == ["INVALID_INPUT", "CERTIFIED"]
    assert lines[0]["reason"] and "bad.png" in err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--n", "10"], "at least 11"),
        (["--n", "0"], "must be fixed"),
        (["--sigma", "-1"], "sigma"),
        (["--alpha", "2"], "alpha"),
        (["--model", "missing.yaml"], "missing.yaml"),
        (["--json", "/nowhere/out.json"], "/nowhere/out.json"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(tmp_path, card, capsys, options, reason):
    path = picture(tmp_path)
    assert main(["certify", path, "--model", card, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err
    assert len(err.splitlines()) == 1


def test_missing_image(card, capsys):
    assert main(["certify", "missing.png", "--model", card]) == 2
    assert "missing.png" in capsys.readouterr().err


def test_engine_that_cannot_be_had_is_a_failure(tmp_path, card, capsys):
    path = picture(tmp_path)
    options = ["--backend", "torch", "--precision", "int8"]
    assert main(["certify", path, "--model", card, *options]) == 1
    assert "torch" in capsys.readouterr().err.lower()


def test_models_list_and_verify(tmp_path, card, capsys):
    assert main(["models", "list", card]) == 0
    assert "8x8 dynamic" in capsys.readouterr().out
    assert main(["models", "verify", card, "--json", "-"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["verified"].startswith("ok, openvino")
    (tmp_path / "color.onnx").write_bytes(b"changed")
    assert main(["models", "verify", card]) == 1
    assert "sha256" in capsys.readouterr().err
    assert main(["models", "list", f"{tmp_path}/missing.yaml", card]) == 2
    printed = capsys.readouterr()
    assert "missing.yaml" in printed.err and card in printed.out


def test_shipped_models_verify():
    assert main(["models", "verify"]) == 0


@pytest.mark.parametrize(
    "command", ["certify", "evaluate", "models", "plan", "predict", "quantize"]
)
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"rs_monitor {command}" in capsys.readouterr().out.split("example:")[1]


def test_module_runs_and_wrong_usage_is_status_2():
    done = subprocess.run(
        [sys.executable, "-m", "rs_monitor", "nonsense"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [[], ["--json", "-"]])
def test_full_disk_behind_standard_output_is_one_line_and_status_2(options):
    command = [sys.executable, "-m", "rs_monitor", "plan", "--n", "100", *options]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "rs_monitor plan: standard output: No space left on device\n"


def test_signs_that_the_encoding_lacks_are_escaped(tmp_path):
    log = tmp_path / "\u03c3_sigma_0.25.tsv"
    log.write_text("label\tpredict\tradius\n1\t1\t0.953\n1\t1\t0.3\n")
    done = subprocess.run(
        [sys.executable, "-m", "rs_monitor", "predict", str(log), "--n", "100"],
        capture_output=True, text=True, env=os.environ | {"PYTHONIOENCODING": "ascii:strict"},
    )  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith("\\u03c3_sigma_0.25.tsv: 2 images")


def test_a_subcommand_begins_without_what_only_others_need():
    program = (
        "import sys; from rs_monitor.cli import main; main(['plan', '--n', '100']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(run.stderr.split())
    assert "rs_monitor.commands.plan" in loaded
    assert not loaded & {"rs_monitor.commands.train", "torch", "scipy.stats", "matplotlib"}
