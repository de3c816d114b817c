# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_models import LABELS, solid, write_model

from rs_monitor.cli import main
from rs_monitor.models import load_card

MANY = 3000  # images: some seconds' work


def colors(count, seed=0):
    """Return images of which some are hard at sigma 1, and their labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = [solid(LABELS[c], 8, 8, strong=100 + int(rng.integers(1, 40))) for c in labels]
    return np.stack(images), labels


@pytest.fixture
def card(tmp_path):
    (tmp_path / "model").mkdir()
    return str(write_model(tmp_path / "model", sigma=1.0))


@pytest.fixture
def data(tmp_path):
    images, labels = colors(30)
    np.savez(tmp_path / "data.npz", images=images, labels=labels, group=np.arange(30) // 3)
    return str(tmp_path / "data.npz")


@pytest.fixture
def evaluate(card, data, capsys):
    def run(*options, of=data, status=0):
        command = ["evaluate", "--data", str(of), "--model", card, "--sigma", "1", "--seed", "1"]
        assert main([*command, "--json", "-", *map(str, options)]) == status
        out, err = capsys.readouterr()
        if status:
            assert len(err.splitlines()) == 1
            return err
        return json.loads(out)

    return run


def rows_of(log):
    """Return the rows of a log without the times."""
    return [line.rpartition("\t")[0] for line in Path(log).read_text().splitlines()]


def test_rows_and_log(tmp_path, card, capsys):
    images = np.stack([solid(color, 8, 8) for color in ("red", "green", "blue")])
    path, log = tmp_path / "data.npz", tmp_path / "log.tsv"
    np.savez(path, images=images, labels=[0, 1, 0])
    options = ["--model", card, "--n", "200", "--at", "50", "--tsv", str(log), "--json", "-"]
    assert main(["evaluate", "--data", str(path), *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row["n"] for row in result["rows"]] == [50, 200]
    assert result["rows"][1]["smoothed_accuracy"] == pytest.approx(2 / 3)
    assert result["clean_accuracy"] == pytest.approx(2 / 3)
    assert result["clean_accuracy_standard_error"] == pytest.approx(1 / 3)
    assert len(result["true_votes"]) == 3 and result["true_votes"][2] < 100
    assert result["noisy_accuracy"] == pytest.approx(sum(result["true_votes"]) / 600)
    assert 0 < result["noisy_accuracy_standard_error"] < 1
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    assert lines[0] == ["idx", "label", "predict", "radius", "correct", "time"]
    assert [line[4] for line in lines[1:]] == ["1", "1", "0"]


def test_several_n_at_chosen_radii(evaluate):
    several = evaluate("--n", 100, 20, 50, "--radii", 0, 0.1, 5)
    assert [row["n"] for row in several["rows"]] == [20, 50, 100]
    assert several["rows"] == evaluate("--n", 100, "--at", 50, 20, "--radii", 0, 0.1, 5)["rows"]
    accuracy = several["rows"][2]["certified_accuracy"]
    assert list(accuracy) == ["0", "0.1", "5"]
    assert accuracy["0"] >= accuracy["0.1"] > accuracy["5"] == 0


def test_every_kth_image_keeps_its_number(tmp_path, evaluate):
    evaluate("--n", 50, "--tsv", tmp_path / "log.tsv", "--limit", 23, "--every", 7)
    assert [line.split("\t")[0] for line in rows_of(tmp_path / "log.tsv")] == [
        "idx", "0", "7", "14", "21",
    ]  # fmt: skip


def test_every_third_image_stands_beside_the_whole(tmp_path, card, capsys):
    data = tmp_path / "data.npz"
    images = np.stack([solid(color, 8, 8) for color in ("red", "green") * 3])
    np.savez(data, images=images, labels=[0, 0, 0, 1, 0, 0], group=[5, 5, 5, 6, 6, 6])
    command = ["evaluate", "--data", str(data), "--model", card, "--n", "50", "--record"]
    assert main(command) == 0
    assert main([*command, "--every", "3"]) == 0
    details = load_card(card).details
    assert (details["evaluation"]["images"], details["evaluation"]["groups"]) == (6, 2)
    thinned = details["evaluation_thinned"]
    assert (thinned["images"], thinned["groups"], thinned["smoothed_accuracy"]) == (2, 2, 1.0)
    assert main([*command, "--limit", "2"]) == 0
    details = load_card(card).details
    assert (details["evaluation"]["images"], details["evaluation_thinned"]["images"]) == (6, 2)
    assert main([*command, "--every", "0"]) == 2
    assert "--every must be at least 1, got 0" in capsys.readouterr().err


def test_a_folder_gives_what_its_archive_gives(tmp_path, evaluate):
    images, labels = colors(9)
    for number in np.argsort(labels, kind="stable"):
        folder = tmp_path / "folders" / LABELS[labels[number]]
        folder.mkdir(parents=True, exist_ok=True)
        picture = cv2.cvtColor(images[number], cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(folder / f"{number}.png"), picture)
    order = sorted(range(9), key=lambda i: (LABELS[labels[i]], i))
    np.savez(tmp_path / "same.npz", images=images[order], labels=labels[order])
    result = evaluate("--n", 50, of=tmp_path / "folders")
    same = evaluate("--n", 50, of=tmp_path / "same.npz")
    assert result | {"data": "same.npz"} == same


def test_classes_matched_by_number_are_told(tmp_path, card, capsys):
    for name in ("0", "1", "2"):
        (tmp_path / "numbers" / name).mkdir(parents=True)
        picture = cv2.cvtColor(solid(LABELS[int(name)], 8, 8), cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(tmp_path / "numbers" / name / "a.png"), picture)
    command = ["evaluate", "--data", str(tmp_path / "numbers"), "--model", card, "--n", "50"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert "without noise 1.0000" in out
    assert "matched by number, 0 is red" in err


def test_the_result_goes_into_the_card(tmp_path, card, capsys):
    path = tmp_path / "data.npz"
    np.savez(path, images=np.stack([solid("red", 8, 8)] * 2), labels=[0, 0])
    command = ["evaluate", "--data", str(path), "--model", card, "--n", "100", "--record"]
    assert main(command) == 0
    evaluation = load_card(card).details["evaluation"]
    assert (evaluation["n"], evaluation["smoothed_accuracy"]) == (100, 1.0)
    assert evaluation["clean_accuracy"] == 1.0
    assert evaluation["average_certified_radius"] > 0 and "true_votes" not in evaluation
    assert main(["models", "verify", card]) == 0


def test_runner_up(tmp_path, card, evaluate):
    log = tmp_path / "log.tsv"
    options = ("--n", 200, "--procedure", "runner_up", "--plot", tmp_path / "plot.svg")
    result = evaluate(*options, "--tsv", log, "--record")
    plain = evaluate("--n", 200)
    assert (result["procedure"], plain["procedure"]) == ("runner_up", "single_pass")
    assert result["true_votes"] == plain["true_votes"]
    radii = [float(line.split("\t")[3]) for line in log.read_text().splitlines()[1:]]
    correct = [int(line.split("\t")[4]) for line in log.read_text().splitlines()[1:]]
    (row,) = result["rows"]
    assert row["average_certified_radius"] == pytest.approx(np.dot(radii, correct) / 30, abs=1e-6)
    assert row["average_certified_radius"] != plain["rows"][0]["average_certified_radius"]
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    details = load_card(card).details
    assert details["evaluation_runner_up"]["n"] == 200
    assert "evaluation" not in details
    before = log.read_text()
    assert evaluate(*options, "--tsv", log) == result
    assert log.read_text() == before
    assert "procedure" in evaluate("--n", 200, "--tsv", log, status=2)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--at", "300"], "at this alpha; got 300"),
        (["--n", "0"], "fixed --n"),
        (["--n", "100", "5"], "must lie in 11..100: at most"),
        (["--n", "100001"], "n must be in the range"),
        (["--procedure", "two_stage"], "single_pass or runner_up"),
        (["--procedure", "runner_up", "--n", "50", "100"], "takes one n"),
        (["--procedure", "runner_up", "--n", "15"], "takes at least 16"),
        (["--limit", "0"], "--limit must be at least 1"),
        (["--every", "-3"], "--every must be at least 1"),
        (["--radii", "nan"], "--radii must be finite"),
        (["--radii", "-1"], "--radii must be finite"),
        (["--sigma", "nan"], "sigma"),
        (["--json", "/nowhere/x.json"], "cannot write /nowhere/x.json: No such file"),
        (["--json", "/"], "cannot write /: Is a directory"),
        (["--tsv", "/dev/null/x"], "cannot write /dev/null/x: Not a directory"),
        (["--tsv", "a\0b"], "cannot write a"),
        (["--tsv", "-"], "cannot both be standard output"),
        (["--plot", "plot.doc"], "ends with one of"),
        (["--plot", "/nowhere/plot.png"], "cannot write /nowhere/plot.png"),
        (["--part", "train"], ""),
    ],
)
def test_wrong_options(evaluate, options, reason):
    if reason:
        assert reason in evaluate(*options, status=2)
    else:
        evaluate("--n", 20, *options)  # other formats than CIFAR-10 have no parts


def test_wrong_data(tmp_path, evaluate):
    path = tmp_path / "wrong.npz"
    np.savez(path, images=np.zeros((2, 8, 8, 3), np.uint8), labels=[0, 3])
    assert "label 3 of image 1 is out of range 0 to 2" in evaluate(of=path, status=2)
    assert "no.npz: No such file" in evaluate(of=tmp_path / "no.npz", status=2)
    assert "class 'model' is none of the model's 3 classes" in evaluate(of=tmp_path, status=2)


def killed(command, log, signal_number, rows):
    """Run the command until the log has so many rows, end it, and return its output."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        if log.exists() and log.read_bytes().count(b"\n") > rows:
            break
        time.sleep(0.01)
    process.send_signal(signal_number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_evaluation_goes_on(tmp_path, card, evaluate, how):
    images, labels = colors(MANY)
    path, log = tmp_path / "many.npz", tmp_path / "log.tsv"
    np.savez(path, images=images, labels=labels)
    options = ["--n", "20", "200", "--tsv", str(log)]
    command = [sys.executable, "-m", "rs_monitor", "evaluate", "--data", str(path)]
    command += ["--model", card, "--sigma", "1", "--seed", "1", *options]
    status, err = killed(command, log, how, rows=20)
    rows = log.read_bytes().count(b"\n") - 1
    if how == signal.SIGINT:
        assert status == 130
        assert "interrupted; the same command goes on" in err and "Traceback" not in err
    else:
        assert status == -signal.SIGKILL
    assert 20 <= rows < MANY
    result = evaluate(*options, of=path)
    whole = evaluate("--n", 20, 200, "--tsv", tmp_path / "whole.tsv", of=path)
    assert result == whole
    assert rows_of(log) == rows_of(tmp_path / "whole.tsv")


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_cut_off_row_is_done_again(tmp_path, evaluate, cut):
    log, votes = tmp_path / "log.tsv", tmp_path / "log.tsv.votes"
    whole = evaluate("--n", 50, "--tsv", log)
    lines = rows_of(log)
    votes.write_bytes(votes.read_bytes()[:-cut])
    log.write_bytes(log.read_bytes()[: -cut // 2])
    assert evaluate("--n", 50, "--tsv", log) == whole
    assert rows_of(log) == lines


def test_what_is_done_is_not_done_again(tmp_path, evaluate):
    log = tmp_path / "log.tsv"
    whole = evaluate("--n", 50, "--tsv", log)
    before = log.read_bytes()
    assert evaluate("--n", 50, "--tsv", log) == whole
    assert log.read_bytes() == before  # the times too
    log.unlink()
    assert evaluate("--n", 50, "--tsv", log) == whole
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--seed", 2], "seed 1 there, 2 now"),
        (["--sigma", 0.9], "sigma 1.0 there, 0.9 now"),
        (["--alpha", 0.01], "alpha 0.001 there"),
        (["--n", 60], "n [50] there, [60] now"),
        (["--at", 20], "n [50] there, [20, 50] now"),
        (["--limit", 3], "images 30 there, 3 now"),
        (["--precision", "bf16"], "precision"),
    ],
)
def test_a_log_of_other_settings_is_refused(tmp_path, evaluate, options, name):
    log = tmp_path / "log.tsv"
    evaluate("--n", 50, "--precision", "fp32", "--tsv", log)
    before = log.read_bytes(), (tmp_path / "log.tsv.votes").read_bytes()
    command = ["--n", 50, "--precision", "fp32", "--tsv", log, *options]
    if options[0] == "--precision":
        capabilities = (
            pytest.importorskip("openvino", reason="needs the extra openvino")
            .Core()
            .get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        )
        if "BF16" not in capabilities:
            pytest.skip("this CPU has no bfloat16")
    assert name in evaluate(*command, status=2)
    assert (log.read_bytes(), (tmp_path / "log.tsv.votes").read_bytes()) == before


def test_a_log_of_other_data_is_refused(tmp_path, evaluate):
    evaluate("--n", 50, "--tsv", tmp_path / "log.tsv")
    images, labels = colors(30, seed=1)
    np.savez(tmp_path / "other.npz", images=images, labels=labels)
    reason = evaluate(
        "--n", 50, "--tsv", tmp_path / "log.tsv", of=tmp_path / "other.npz", status=2
    )
    assert 'data "' in reason and "name another file" in reason


def test_a_foreign_log_is_left_alone(tmp_path, evaluate):
    log = tmp_path / "log.tsv"
    log.write_text("idx\tlabel\tpredict\tradius\tcorrect\ttime\n0\t1\t1\t0.1\t1\t0.1\n")
    before = log.read_bytes()
    assert "log.tsv is there already" in evaluate("--n", 50, "--tsv", log, status=2)
    assert log.read_bytes() == before and not (tmp_path / "log.tsv.votes").exists()
    log.write_bytes(b"")
    evaluate("--n", 50, "--tsv", log)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda lines: [b"hello", *lines[1:]], "not a file of votes"),
        (lambda lines: [b"[" * 100_000, *lines[1:]], "not a file of votes"),
        (lambda lines: [b"\xff\xfe", *lines[1:]], "not a file of votes"),
        (lambda lines: [lines[0], b"{}", *lines[2:]], "line 2: it is not a row"),
        (lambda lines: [lines[0], b"[" * 100_000, *lines[2:]], "line 2: it is not a row"),
        (lambda lines: [*lines[:3], lines[1], *lines[4:]], "line 4: it is not of image 3"),
        (lambda lines: [*lines, lines[-1]], "line 32: it is not of image 31"),
        (lambda lines: [*lines[:2], lines[2].replace(b'"invalid": 0', b'"invalid": 7')], "line 3"),
        (lambda lines: [*lines[:2], lines[2].replace(b'"0"', b'"9"')], "line 3"),
        (lambda lines: [*lines[:2], lines[2].replace(b'"0"', b'"-1"')], "line 3"),
        (lambda lines: [*lines[:2], lines[2].replace(b'"time": ', b'"time": "x')], "line 3"),
        (lambda lines: [*lines[:2], lines[2].replace(b": 0,", b": 1e400,", 1)], "line 3"),
    ],
)
def test_damaged_votes(tmp_path, evaluate, spoil, reason):
    log, votes = tmp_path / "log.tsv", tmp_path / "log.tsv.votes"
    evaluate("--n", 50, "--tsv", log)
    spoilt = b"\n".join(spoil(votes.read_bytes().splitlines())) + b"\n"
    assert spoilt != votes.read_bytes()
    votes.write_bytes(spoilt)
    assert reason in evaluate("--n", 50, "--tsv", log, status=2)
    assert votes.read_bytes() == spoilt


def test_two_cannot_write_one_log(tmp_path, evaluate):
    log, votes = tmp_path / "log.tsv", tmp_path / "log.tsv.votes"
    evaluate("--n", 50, "--tsv", log)
    with votes.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert "another evaluation is writing" in evaluate("--n", 50, "--tsv", log, status=2)


def test_logs_that_are_no_regular_files(tmp_path, evaluate):
    evaluate("--n", 50, "--tsv", "/dev/null")
    assert "No space left" in evaluate("--n", 50, "--tsv", "/dev/full", status=2)
    (tmp_path / "log.tsv.votes").mkdir()
    reason = evaluate("--n", 50, "--tsv", tmp_path / "log.tsv", status=2)
    assert "not a regular file" in reason
    os.mkfifo(tmp_path / "other.tsv.votes")
    reason = evaluate("--n", 50, "--tsv", tmp_path / "other.tsv", status=2)
    assert "not a regular file" in reason


def test_standard_output_holds_the_log_alone(card, data, capsys):
    command = ["evaluate", "--data", data, "--model", card, "--n", "50", "--tsv", "-"]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 31 and lines[0].startswith("idx\tlabel")


@pytest.mark.parametrize(
    ("name", "magic"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_plot(tmp_path, evaluate, name, magic):
    pytest.importorskip("matplotlib", reason="needs the extra figures")
    path = tmp_path / name
    path.write_text("what was there")
    evaluate("--n", 20, 100, "--plot", path)
    first = path.read_bytes()
    assert first.startswith(magic)
    evaluate("--n", 20, 100, "--plot", path)
    assert path.read_bytes() == first  # the same input gives the same bytes
    assert not list(tmp_path.glob("*.partial"))


def test_plot_of_data_whose_name_is_not_utf_8(tmp_path, data, evaluate):
    pytest.importorskip("matplotlib", reason="needs the extra figures")
    named = Path(data).rename(tmp_path / os.fsdecode(b"sch\xfcld.npz"))
    evaluate("--n", 20, "--plot", tmp_path / "a.svg", of=named)
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_plot_without_matplotlib(tmp_path, evaluate, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.backends", None)
    reason = evaluate("--n", 20, "--plot", tmp_path / "a.png", status=2)
    assert "python -m pip install 'matplotlib" in reason


def test_json_is_replaced_whole_or_not_at_all(tmp_path, card, data, capsys):
    path = tmp_path / "out.json"
    path.write_text("what was there")
    link = tmp_path / "link.json"
    link.symlink_to(path)
    wrong = ["evaluate", "--data", "/nowhere", "--model", card, "--json", str(path)]
    assert main(wrong) == 2
    assert path.read_text() == "what was there"
    right = ["evaluate", "--data", data, "--model", card, "--n", "20", "--json", str(link)]
    assert main(right) == 0
    assert json.loads(path.read_text())["images"] == 30 and link.is_symlink()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "data.npz", "link.json", "model", "out.json",
    ]  # fmt: skip
