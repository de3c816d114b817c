# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from small_models import color_network, write_model

from rs_monitor.cli import main

QUICK = ["--draws", "50000"]


def test_a_sound_engine_passes(tmp_path, capsys):
    card = write_model(tmp_path)
    report = tmp_path / "report.json"
    assert main(["verify-engine", "--model", str(card), *QUICK, "--json", str(report)]) == 0
    page = capsys.readouterr().out
    document = json.loads(report.read_text())
    assert document["passed"] and document["backend"] == "openvino"
    assert document["model"] == "color" and document["chunk"] >= 1
    assert len(document["checks"]) == page.count("\npassed  ") == 7
    assert all(check["limit"] and check["numbers"] for check in document["checks"])
    assert page.rstrip().endswith("all 7 checks passed")
    assert len(page.splitlines()) < 60  # a page


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_torch_is_held_against_another_runtime(tmp_path, capsys, precision):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    command = ["verify-engine", "--model", str(write_model(tmp_path)), *QUICK]
    command += ["--backend", "torch", "--precision", precision, "--json", "-"]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["backend"], document["precision"]) == ("torch", precision)
    (flips,) = (c for c in document["checks"] if c["name"].startswith("same votes"))
    assert flips["numbers"]["reference"] == "openvino"


def test_an_engine_that_fails_is_said(tmp_path, capsys):
    broken = color_network(nan_above=0.3)
    card = write_model(tmp_path, onnx_bytes=broken, reference=None)
    assert main(["verify-engine", "--model", str(card), *QUICK]) == 1
    page = capsys.readouterr().out
    assert "FAILED  logits are finite" in page
    assert page.rstrip().endswith("FAILED: logits are finite")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--draws", "0"], "--draws must lie in"),
        (["--precision", "int8"], "int8"),
        (["--json", "/nowhere/x.json"], "cannot write /nowhere/x.json"),
        (["--sigma", "-1"], "sigma"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, capsys, arguments, reason):
    assert main(["verify-engine", "--model", str(write_model(tmp_path)), *arguments]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rs_monitor verify-engine: ") and reason in line
