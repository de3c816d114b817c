# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import csv
import json
import os
import re
from pathlib import Path

import pytest
from small_logs import log_text, write_log

from rs_monitor.certification.expectation import expected_radii, radii_by_votes
from rs_monitor.cli import main
from rs_monitor.evaluation.figures import compute_claims, compute_curves, find_logs
from rs_monitor.evaluation.figures.discovery import PAPER_SIGMAS

NAMES = [
    *(f"figure_{number:02}" for number in range(1, 14)),
    "proposition_3_1",
    "proposition_3_2",
    "proposition_3_3",
    "lemma_c1",
]
SHARED = Path(os.environ.get("RS_MONITOR_SHARED", Path(__file__).parents[3] / "shared"))
LOGS = SHARED / "data" / "certify_logs"
DOCUMENT = Path(__file__).parents[2] / "docs" / "paper.md"


def table(path):
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def figures(*options):
    return main(["figures", *map(str, options)])


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as caught:
        figures("--help")
    assert caught.value.code == 0
    assert "rs_monitor figures --logs" in capsys.readouterr().out.split("example:")[1]


def test_formulas_alone(tmp_path, capsys):
    out = tmp_path / "out"
    assert figures("--out", out, "--json", "-") == 0
    result = json.loads(capsys.readouterr().out)
    assert [figure["name"] for figure in result["figures"]] == NAMES
    wanted = {f"{name}.{kind}" for name in NAMES for kind in ("png", "svg", "csv")}
    assert {path.name for path in out.iterdir()} == wanted | {"claims.csv"}
    missing = {}
    for entry in result["missing"]:
        missing.setdefault(entry["figure"], []).append(entry["curve"])
    assert [len(missing[f"figure_{number:02}"]) for number in range(1, 11)] == [
        4, 3, 4, 3, 3, 4, 4, 3, 4, 3,
    ]  # fmt: skip
    assert set(missing) == {*NAMES[:10], "figure_13"}
    assert table(out / "figure_01.csv") == []  # never from memory
    assert {row["curve"] for row in table(out / "figure_06.csv")} == {"eq. 6", "exact, p uniform"}
    claims = {claim["quantity"]: claim for claim in result["claims"]}
    assert claims["z_a"]["computed"] == pytest.approx(3.2905, abs=1e-4)
    assert not any(claim["setting"] for claim in result["claims"])


def test_curves_from_logs(tmp_path, capsys):
    logs, out = tmp_path / "logs", tmp_path / "out"
    path = logs / "cifar10-cohen" / "sigma_0.25.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(log_text([900, 900, 1000, 0], sigma=0.25, wrong=(0,)))
    mine = write_log(logs / "$mine_$" / "sigma_0.50.tsv", sigma=0.5)
    mine.write_text(mine.read_text()[:-12])  # the last line is cut off
    benchmark = tmp_path / "cpu.json"
    benchmark.write_text(
        json.dumps({"device": "CPU $1_$", "rows": [{"batch": 8, "median_ms": 9.5}]})
    )
    assert figures("--logs", logs, "--log-n", 1000, "--benchmark", benchmark, "--out", out) == 0
    printed = capsys.readouterr().out
    assert f"{path}: taken for cifar10-gaussian, sigma 0.25, 4 images" in printed
    assert "taken for $mine_$, sigma 0.5, 29 images" in printed and "is cut off" in printed
    assert "missing in figure_01: CIFAR-10, models of Cohen et al., σ = 0.12: no log" in printed
    assert "no n = 10000, 100000" in printed
    radii = {row["n"]: row for row in table(out / "figure_01.csv")}
    assert table(out / "figure_07.csv") == table(out / "figure_01.csv")
    # Of four images the right ones are those of 900 and of 1,000 votes.
    expected = expected_radii([0.9, 1.0], radii_by_votes(100, 0.25, 0.001, "two_stage")).sum() / 4
    assert float(radii["100"]["average_certified_radius"]) == pytest.approx(expected, rel=1e-4)
    assert set(radii) == {"15", "25", "50", "80", "100", "200", "500", "1000"}
    assert {row["setting"] for row in table(out / "figure_13.csv")} == {
        "cifar10-gaussian",
        "$mine_$",  # not read as a formula
    }
    assert table(out / "figure_05.csv")[0]["median_ms"] == "9.5"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--logs", "{tmp}/no"], "no such folder: {tmp}/no"),
        (["--logs", "{tmp}/empty"], "no certification log in {tmp}/empty"),
        (["--logs", "{tmp}/bad"], "{tmp}/bad/sigma_0.25.tsv"),
        (["--benchmark", "{tmp}/no.json"], "cannot read {tmp}/no.json"),
        (["--benchmark", "{tmp}/bad/sigma_0.25.tsv"], "is not JSON"),
        (["--alpha", "2"], "alpha"),
        (["--log-alpha", "0"], "alpha"),
        (["--log-n", "0"], "n must"),
        (["--out", "{tmp}/file"], "cannot write {tmp}/file"),
        (["--out", "{tmp}/file/below"], "cannot write {tmp}/file/below"),
        (["--out", "/proc/below"], "cannot write /proc/below"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(tmp_path, capsys, options, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "sigma_0.25.tsv").write_text("idx\tlabel\tcorrect\n0\t1\t1\n")
    options = [option.format(tmp=tmp_path) for option in options]
    assert figures("--out", tmp_path / "out", *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert reason.format(tmp=tmp_path) in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def published():
    if not LOGS.is_dir():
        pytest.skip(f"no published logs in {LOGS}")
    found = find_logs(LOGS, n=100_000)
    return found, compute_curves(found, 0.001)


@pytest.mark.parametrize(
    ("sigma", "radii"),
    [
        (0.25, [0.042, 0.093, 0.154, 0.206, 0.249, 0.323, 0.388, 0.424]),
        (0.5, [0.051, 0.118, 0.203, 0.275, 0.334, 0.427, 0.495, 0.525]),
    ],
)
def test_curves_of_published_logs(published, sigma, radii):
    found, curves = published
    assert not any(found.missing(setting) for setting in PAPER_SIGMAS)
    curve = curves.of("cifar10-gaussian")[sigma]
    ns = (15, 25, 50, 100, 200, 1_000, 10_000, 100_000)
    assert [curve[n].radius for n in ns] == pytest.approx(radii, abs=0.001)


def test_the_document_says_what_is_computed(published):
    """Every row of docs/paper.md that quotes claims.csv: its ranges are those computed."""
    claims = compute_claims(*published, [], 0.001)
    quoted = re.findall(
        r"^\|.*\| ([^|]+) \| `([^`|]+)`(?: \(([\w-]+)\))? \|$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(quoted) > 30
    for shown, quantity, setting in quoted:
        values = [
            claim[5]
            for claim in claims
            if claim[1] == quantity and (not setting or claim[2] == setting)
        ]
        assert values, quantity
        percent = shown.endswith("%")
        numbers = [text.strip() for text in shown.removesuffix("%").split(" to ")]
        decimals = len(numbers[0].partition(".")[2])
        ends = [min(values), max(values)] if len(numbers) == 2 else [values[0]]
        if len(numbers) == 1:
            assert max(values) - min(values) < 10.0**-decimals, quantity
        computed = [f"{value * (100 if percent else 1):.{decimals}f}" for value in ends]
        assert numbers == computed, (quantity, setting)
