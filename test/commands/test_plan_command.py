# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import re

import pytest

from rs_monitor.cli import main

LOG = "idx\tlabel\tpredict\tradius\tcorrect\n0\t1\t1\t{cap}\t1\n1\t1\t-1\t0.0\t0\n"


def planned(capsys, *options):
    assert main(["plan", *options, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def write(folder, name, text):
    path = folder / name
    path.write_text(text)
    return str(path)


def test_text(capsys):
    options = ["--sigma", "0.25", "--alpha", "1e-3", "--n", "100", "--radius", "0.5"]
    assert main(["plan", *options]) == 0
    out = capsys.readouterr().out
    assert "sigma 0.25: n 100 has cap 0.3751; radius 0.5 takes n 301" in out
    assert "impossible: radius 0.5 is above 0.3751" in out
    assert "n of at least 301" in out and "a sigma of at least" in out
    assert "not the share of false ones" in out


def printed_limit(capsys, pattern, *options):
    assert main(["plan", *options]) == 0
    return re.findall(pattern, capsys.readouterr().out)


def test_printed_limits_hold(capsys):
    """What the text calls enough is enough, whatever its rounding."""
    wanted = ["--n", "100", "--radius", "0.5"]
    for sigma in printed_limit(capsys, r"a sigma of at least ([\d.]+)", *wanted):
        answers = planned(capsys, *wanted, "--sigma", sigma)["procedures"]
        assert answers["two_stage"]["possible"]
    wanted = ["--sigma", "0.5", "--radius", "0.25", "--samples-per-second", "5600"]
    wanted += ["--alpha", "1.1e-8"]
    rates = printed_limit(capsys, r"at most ([\d.]+) frames/s", *wanted)
    for rate, procedure in zip(rates, ("single_pass", "two_stage")):
        assert planned(capsys, *wanted, "--frame-rate", rate)["procedures"][procedure]["possible"]


def test_stream(capsys):
    result = planned(capsys, "--frame-rate", "25", "--false-per-hour", "1e-3")
    assert result["alpha"] == pytest.approx(1.1e-8, rel=0.02)
    assert [result["procedures"][p]["least_n"] for p in ("single_pass", "two_stage")] == [28, 27]


def test_everything_at_once(capsys, tmp_path):
    rows = [{"batch": 32, "resolution": "full", "median_ms": 6.0, "p99_ms": 8.0}]
    profile = write(tmp_path, "profile.json", json.dumps({"rows": rows}))
    logs = [
        write(tmp_path, "sigma_0.25.tsv", LOG.format(cap=0.953)),
        write(tmp_path, "sigma_0.50.tsv", LOG.format(cap=1.91)),
        write(tmp_path, "votes.json", json.dumps(
            {"sigma": 1.0, "rows": [{"n": 200}], "true_votes": [200, 20]})),
    ]  # fmt: skip
    options = ["--frame-rate", "25", "--latency", profile, "--radius", "0.5", "--log", *logs]
    result = planned(capsys, *options)
    assert result["samples_in_period"] == 128
    answer = result["procedures"]["single_pass"]
    assert [row["sigma"] for row in answer["sigmas"]] == [0.25, 0.5, 1.0]
    assert [row["certified_accuracy"] for row in answer["sigmas"]] == pytest.approx([0, 0.5, 0.5])
    assert answer["best_sigma"] == 1.0  # of equal certified accuracy, the larger radius
    assert main(["plan", *options]) == 0
    assert "sigma 1 gives the most certified accuracy at radius 0.5" in capsys.readouterr().out


def test_sigma_of_a_log_that_does_not_tell(capsys, tmp_path):
    log = write(tmp_path, "log.tsv", LOG.format(cap=0.4))
    assert main(["plan", "--n", "100", "--log", log]) == 2
    assert "give the sigma" in capsys.readouterr().err
    result = planned(capsys, "--n", "100", "--sigma", "0.25", "--log", log)
    assert result["procedures"]["two_stage"]["sigmas"][0]["expected_radius"] > 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "nothing to plan from"),
        (["--sigma", "0"], "--sigma"),
        (["--sigma", "nan"], "--sigma"),
        (["--alpha", "1"], "--alpha"),
        (["--n", "0"], "--n must lie in 1 to 100000"),
        (["--n", "100001"], "--n must"),
        (["--radius", "-1"], "--radius must lie in 0 to 1e+15"),
        (["--frame-rate", "inf"], "--frame-rate"),
        (["--frame-rate", "1e-320", "--samples-per-second", "1e300"], "--frame-rate must lie in"),
        (["--radius", "1e308", "--n", "12"], "--radius must lie in"),
        (["--false-per-hour", "1"], "needs --frame-rate"),
        (["--n", "9", "--samples-per-second", "0"], "--samples-per-second"),
        (["--n", "9", "--budget-fraction", "2"], "--budget-fraction"),
        (["--n", "9", "--n-selection", "0"], "--n-selection"),
        (["--n", "9", "--latency", "none.json"], "cannot read none.json"),
        (["--n", "9", "--log", "none.tsv"], "cannot read none.tsv"),
        (["--n", "9", "--json", "/nowhere/out.json"], "/nowhere/out.json"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(capsys, options, reason):
    assert main(["plan", *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and reason in err and len(err.splitlines()) == 1


def test_sigma_without_its_log(capsys, tmp_path):
    log = write(tmp_path, "sigma_0.25.tsv", LOG.format(cap=0.953))
    assert main(["plan", "--n", "100", "--sigma", "0.5", "--log", log]) == 2
    assert "no --log is for --sigma 0.5 (sigma_0.25.tsv: 0.25)" in capsys.readouterr().err


def test_wrong_files(capsys, tmp_path):
    bad = write(tmp_path, "bad.json", "{")
    assert main(["plan", "--n", "100", "--log", bad]) == 2
    assert main(["plan", "--n", "100", "--latency", bad]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all("not JSON" in line for line in lines)
