# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What `rs_monitor replay` really writes."""

import json

import pytest
from recordings import color_of, drive
from small_models import write_model
from test_report_page import Page

from rs_monitor.cli import main

FRAMES = 40


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    bag = drive(folder / "bag", FRAMES)
    lines = ["index,label", *(f"{i},{color_of(i)}" for i in range(FRAMES))]
    (bag / "labels.csv").write_text("\n".join(lines))
    words = ["replay", bag, "--model", write_model(folder), "--precision", "fp32", "--seed", "1"]
    words += ["--processes", 1, "--sweep", "n=25,100", "sigma=0.25,0.5", "--out", folder / "out"]
    assert main([str(word) for word in words]) == 0
    return folder / "out"


def test_the_report_of_a_replay_is_of_its_results(out):
    page = Page(out / "report.html")
    points = json.loads((out / "summary.json").read_text())["points"]
    (main,) = (p for p in points if (p["sigma"], p["n"]) == (0.25, 100))
    said = page.text["summary"]
    assert f"{main['certified']} of {FRAMES} frames" in said and "sigma 0.25, n 100" in said
    assert f"average certified radius is {main['average_certified_radius']:.3f}" in said
    assert f"abstained: {main['abstained']} frames" in page.text["timeline"]
    assert "bag /camera" in page.text["timeline"]
    for text in ("openvino", "fp32", "offline", "0.001 a frame"):
        assert text in page.text[""]
    assert "not recorded" not in page.text[""]
    assert page.all("img")
    ids = {attributes.get("id") for attributes in page.all("div")}
    assert {"timeline-0", "accuracy", "against-n", "against-sigma"} <= ids


def test_a_report_that_cannot_be_written_costs_no_result(out, capsys):
    from rs_monitor.commands.replay import _page

    (out / "summary.json").rename(out / "aside.json")
    try:
        _page(out)
    finally:
        (out / "aside.json").rename(out / "summary.json")
    lines = capsys.readouterr().err.splitlines()
    assert not (out / "report.html").exists()  # the one that was there shows other results
    _page(out)
    assert len(lines) == 1
    assert lines[0].startswith("rs_monitor replay: warning: no report.html: cannot read")
