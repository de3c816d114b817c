# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_models import color_network, write_model

from rs_monitor.cli import main
from rs_monitor.evaluation.figures.latency import figure_5, read_benchmark

QUICK = ["--period", "2", "--seconds", "0.05", "--chunk", "4", "--frame", "32x24"]
LIMIT = 120.0  # seconds after which a test gives up: a busy machine needs some of them


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def measured(card, tmp_path_factory):
    """Return the file of a benchmark and what it holds."""
    path = tmp_path_factory.mktemp("measured") / "latency.json"
    assert main(["benchmark", "--model", card, *QUICK, "--json", str(path)]) == 0
    return path, json.loads(path.read_text())


def test_document_has_what_scripts_rely_on(measured):
    _, document = measured
    assert (document["backend"], document["model"]) == ("openvino", "color")
    assert document["precision"] in ("fp32", "bf16") and document["device"]
    for row in document["rows"]:
        assert row.keys() == {
            "batch", "resolution", "median_ms", "p95_ms", "p99_ms", "samples_per_second"
        }  # fmt: skip
    assert {row["resolution"] for row in document["rows"]} == {"full", "half"}
    inside = document["largest_batch_in_period"]
    assert inside in {None, *(row["batch"] for row in document["rows"])}  # None: a busy machine
    assert document["raw_samples_per_second"] > 0 and document["loop_samples_per_second"] > 0
    assert document["reference_samples_per_second"] is None
    assert document["machine"]["cores"] and document["machine"]["versions"]["numpy"]
    assert len(document["settings"]["input_sha256"]) == 64
    assert document["resolutions"]["full"]["model_id"] == document["model_id"]
    assert document["radius"]["n"] == (inside or 0)


def test_a_network_that_computes_nothing_has_no_throughput(tmp_path, capsys):
    broken = color_network(nan_above=0.1)
    card = write_model(tmp_path, onnx_bytes=broken, reference=None)
    report = tmp_path / "latency.json"
    assert main(["benchmark", "--model", str(card), *QUICK, "--json", str(report)]) == 2
    assert "non-finite logits" in capsys.readouterr().err and not report.exists()


def test_plan_and_figures_take_it(measured, capsys):
    path, document = measured
    command = ["plan", "--radius", "0.5", "--frame-rate", "0.001", "--latency", str(path)]
    assert main([*command, "--json", "-"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["samples_in_period"] > 0 and path.name in plan["speed"]
    drawn = [(row[2], row[3]) for row in figure_5(read_benchmark(path)).rows]
    assert sorted(drawn) == sorted((r["resolution"], r["batch"]) for r in document["rows"])


def test_every_combination_that_can_be_had(card, tmp_path, capsys):
    picture = tmp_path / "latency.svg"
    command = ["benchmark", "--model", card, *QUICK, "--all", "--precision", "fp32"]
    assert main([*command, "--plot", str(picture), "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    runs = [document, *document["others"]]
    measured = {(run["backend"], run["precision"]) for run in runs}
    refused = {(entry["backend"], entry["precision"]) for entry in document["unavailable"]}
    assert ("openvino", "fp32") in measured
    assert measured.isdisjoint(refused)
    assert {backend for backend, _ in measured | refused} == {"openvino", "torch", "tensorrt"}
    assert all(entry["reason"] for entry in document["unavailable"])
    assert picture.read_text().rstrip().endswith("</svg>")
    speeds = [run["loop_samples_per_second"] for run in runs]
    assert speeds == sorted(speeds, reverse=True)


def test_architectures_run_beside_the_reference_loop(capsys):
    pytest.importorskip("torch", reason="architectures need PyTorch: pip install torch")
    command = ["benchmark", "--architecture", "resnet20", "--resolution", "half", "--reference"]
    assert main([*command, *QUICK, "--precision", "fp32", "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["architecture"] == "resnet20"
    assert document["resolutions"].keys() == {"half"}
    assert document["reference_samples_per_second"] > 0
    ratio = document["loop_samples_per_second"] / document["reference_samples_per_second"]
    assert document["loop_over_reference"] == pytest.approx(ratio)
    assert 0 < document["limit"]["raw_fraction"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--precision", "int8"], "int8"),
        (["--backend", "tensorrt"], "tensorrt|NVIDIA|GPU"),
        (["--chunk", "0"], "--chunk must lie in 1 to"),
        (["--period", "nan"], "--period must be above 0"),
        (["--architecture", "resnet20"], "not both"),
        (["--json", "/nowhere/x.json"], "cannot write /nowhere/x.json"),
        (["--plot", "/nowhere/x.png"], "cannot write /nowhere/x.png"),
        (["--plot", "x.wrong"], "picture's name ends with"),
        (["--log", "/nowhere/log.tsv"], "cannot read /nowhere/log.tsv"),
        (["--node", "--rates", "0"], "--rates must be above 0"),
        (["--node", "--reference"], "does not go with --node"),
    ],
)
def test_what_cannot_be_is_one_line(card, capsys, arguments, reason):
    assert main(["benchmark", "--model", card, *QUICK, *arguments]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rs_monitor benchmark: ") and re.search(reason, line)


def test_unknown_architecture_is_one_line(capsys):
    pytest.importorskip("torch", reason="architectures need PyTorch: pip install torch")
    assert main(["benchmark", "--architecture", "lenet", *QUICK]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search("no network 'lenet'|torchvision", line)


def test_interrupted_leaves_nothing(card, tmp_path):
    out = tmp_path / "out" / "latency.json"
    out.parent.mkdir()
    command = [sys.executable, "-m", "rs_monitor", "benchmark", "--model", card]
    command += ["--seconds", "600", "--chunk", "8", "--period", "5", "--json", str(out)]
    environment = os.environ | {"TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    maps = Path(f"/proc/{process.pid}/maps")
    while "libopenvino_intel_cpu" not in maps.read_text():  # the folder is there, the work begins
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert error.splitlines() == ["rs_monitor benchmark: interrupted, nothing is written"]
    assert not list(out.parent.iterdir()) and not list((tmp_path / "scratch").iterdir())


def test_node_under_a_camera(card, tmp_path):
    pytest.importorskip("rclpy", reason="the node needs ROS 2: make setup")
    out = tmp_path / "node.json"
    command = [sys.executable, "-m", "rs_monitor", "benchmark", "--node", "--model", card]
    command += ["--rates", "5", "--node-seconds", "2", "--no-peak", "--frame", "64x48"]
    done = subprocess.run(
        [*command, "--json", str(out)], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(out.read_text())
    (row,) = document["node"]
    assert row["rate"] == 5 and row["frames_sent"] == 10
    answered = row["certificates"] + row["superseded"] + row["lost_in_transport"]
    assert answered == 10 and row["certificates"] > 0
    assert row["latency_median_ms"] <= row["latency_p99_ms"] <= row["latency_largest_ms"]
    assert row["cpu_seconds_per_second"] > 0 and row["resident_mb"] > 20
    assert document["backend"] == "openvino" and document["peak_search"] == []
