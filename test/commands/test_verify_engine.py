# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import importlib.util
import json

import pytest
from small_models import color_network, write_model

from rs_monitor.cli import main

QUICK = ["--draws", "50000"]


SLOW = "the least frame fits into the budget"  # no matter here: the machine may be busy


def failed(document):
    return {check["name"] for check in document["checks"] if not check["passed"]} - {SLOW}


def test_a_sound_engine_passes(tmp_path, capsys):
    card = write_model(tmp_path)
    report = tmp_path / "report.json"
    status = main(["verify-engine", "--model", str(card), *QUICK, "--json", str(report)])
    page = capsys.readouterr().out
    document = json.loads(report.read_text())
    assert failed(document) == set()
    assert document["passed"] == (status == 0) and document["backend"] == "openvino"
    assert document["model"] == "color" and document["chunk"] >= 1
    assert len(document["checks"]) == page.count("\n        limit: ") == 7
    assert all(check["limit"] and check["numbers"] for check in document["checks"])
    assert page.rstrip().endswith("all 7 checks passed" if status == 0 else f"FAILED: {SLOW}")
    assert len(page.splitlines()) < 60  # a page


@pytest.mark.parametrize("installed", [True, False])
def test_a_comparison_with_itself_is_called_so(tmp_path, capsys, monkeypatch, installed):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    if not installed:
        find_spec = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name)
        )
    command = ["verify-engine", "--model", str(write_model(tmp_path)), *QUICK]
    main([*command, "--precision", "fp32", "--json", str(tmp_path / "report.json")])
    page = capsys.readouterr().out
    assert ("for want of another: mistakes that both make do not show" in page) != installed
    checks = json.loads((tmp_path / "report.json").read_text())["checks"]
    (flips,) = (check for check in checks if check["name"].startswith("same votes"))
    assert flips["numbers"]["independent"] == installed


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_torch_is_held_against_another_runtime(tmp_path, capsys, precision):
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    command = ["verify-engine", "--model", str(write_model(tmp_path)), *QUICK]
    command += ["--backend", "torch", "--precision", precision, "--json", "-"]
    status = main(command)
    document = json.loads(capsys.readouterr().out)
    assert failed(document) == set() and document["passed"] == (status == 0)
    assert (document["backend"], document["precision"]) == ("torch", precision)
    (flips,) = (c for c in document["checks"] if c["name"].startswith("same votes"))
    assert flips["numbers"]["reference"] == "openvino"


def test_an_engine_that_fails_is_said(tmp_path, capsys):
    broken = color_network(nan_above=0.3)
    card = write_model(tmp_path, onnx_bytes=broken, reference=None)
    report = tmp_path / "report.json"
    assert main(["verify-engine", "--model", str(card), *QUICK, "--json", str(report)]) == 1
    assert failed(json.loads(report.read_text())) == {"logits are finite"}
    page = capsys.readouterr().out
    assert "FAILED  logits are finite" in page
    assert page.rstrip().splitlines()[-1].startswith("FAILED: logits are finite")


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
