# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from rs_monitor.cli import main

LOG = (
    "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"
    "0\t3\t3\t0.953\t1\t0:00:16\n1\t8\t-1\t0.0\t0\t0:00:16\n2\t5\t6\t0.953\t0\t0:00:17\n"
)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.tsv"
    path.write_text(LOG)
    return str(path)


def test_predict(log, capsys):
    assert main(["predict", log]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("log.tsv: 3 images, 1 right, 1 wrong, 1 abstained at n 100000")
    ns = [int(line.split()[0]) for line in out.splitlines()[3:]]
    assert ns == [15, 25, 50, 100, 200, 1000, 10_000, 100_000]
    assert "sigma 0.25 is inferred" in err and "alpha 0.001 is inferred" in err


def test_json(log, capsys, tmp_path):
    assert main(["predict", log, "--n", "200", "100", "--radii", "0.25", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["n"] for row in result["rows"]] == [100, 200]
    row = result["rows"][0]
    # p is 1 for the one right image of three, so that it has all votes.
    assert row["average_certified_radius"] == pytest.approx(0.37512 / 3, abs=1e-5)
    assert row["standard_error"] == pytest.approx(0.37512 / 3, abs=1e-5)
    assert row["certified_accuracy"] == {"0.25": pytest.approx(1 / 3)}
    assert (result["sigma"], result["alpha"], result["log_alpha"]) == (0.25, 0.001, 0.001)
    assert (result["images"], result["right"], result["abstained"]) == (3, 1, 1)
    assert main(["predict", log, "--json", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["procedure"] == "two_stage"


def test_single_row_has_null_for_its_standard_error(log, capsys, tmp_path):
    (tmp_path / "log.tsv").write_text("".join(LOG.splitlines(True)[:2]))
    assert main(["predict", log, "--n", "100", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["standard_error"] is None


def test_other_alpha_and_procedure(log, capsys):
    options = ["--alpha", "0.01", "--procedure", "single_pass", "--n", "100", "--json", "-"]
    assert main(["predict", log, *options]) == 0
    single = json.loads(capsys.readouterr().out)
    assert (single["alpha"], single["log_alpha"]) == (0.01, 0.001)
    assert main(["predict", log, *options[:2], "--n", "100", "--json", "-"]) == 0
    double = json.loads(capsys.readouterr().out)
    small, large = (r["rows"][0]["average_certified_radius"] for r in (single, double))
    assert 0.98 * large < small < large


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--n", "5"], "n=5 could never certify"),
        (["--n", "100001"], "at most 100000"),
        (["--alpha", "2"], "--alpha must lie in 1e-12 to 0.5"),
        # Two of three votes would do: what is certified need not be the top class.
        (["--alpha", "0.9"], "--alpha must lie in 1e-12 to 0.5"),
        (["--log-alpha", "0"], "alpha"),
        (["--log-n", "-3"], "n must lie"),
        (["--log-n", "4294967295"], "n must lie"),
        (["--sigma", "0.2"], "above 0.7623"),
        (["--sigma", "1e308"], "--sigma must lie in 1e-06 to 1e+06, got 1e+308"),
        (["--radii", "-1"], "--radii"),
        (["--json", "/nowhere/out.json"], "/nowhere/out.json"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(log, capsys, options, reason):
    base = [] if "--sigma" in options else ["--sigma", "0.25"]
    base += [] if "--log-alpha" in options else ["--log-alpha", "0.001"]
    assert main(["predict", log, *base, *options]) == 2
    out, err = capsys.readouterr()
    assert out == "" and reason in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "it is empty"), (b"\x89PNG\x00\xff", "not text")],
)
def test_what_is_not_a_log(tmp_path, capsys, content, reason):
    path = tmp_path / "other.tsv"
    if content is not None:
        path.write_bytes(content)
    assert main(["predict", str(path)]) == 2
    err = capsys.readouterr().err
    assert "other.tsv" in err and reason in err and len(err.splitlines()) == 1


def test_a_folder_is_not_a_log(tmp_path, capsys):
    assert main(["predict", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
