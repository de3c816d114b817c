# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import numpy as np
import pytest

from rs_monitor.certification.expectation import radii_by_votes
from rs_monitor.engines import Votes
from rs_monitor.evaluation.logs import read_log
from rs_monitor.evaluation.vote_row import Row

SHARED = Path(os.environ.get("RS_MONITOR_SHARED", Path(__file__).parents[2].parent / "shared"))
LOGS = SHARED / "data" / "certify_logs"

HEADER = "idx\tlabel\tpredict\tradius\tcorrect\ttime\n"
# At n = 100,000, sigma 0.25 and alpha 0.001 the cap is 0.953.
ROWS = "0\t3\t3\t0.73\t1\t0:00:16\n1\t8\t-1\t0.0\t0\t0:00:16\n2\t5\t6\t0.953\t0\t0:00:17\n"


def write(folder, text, name="log.tsv"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def synthetic(
    rows=400, *, n=100_000, sigma=0.25, alpha=0.001, form="{:.3}", top=None, seed=0,
    procedure="two_stage",
):  # fmt: skip
    """A log as the field's code writes it, and the votes behind it."""
    rng = np.random.default_rng(seed)
    share = np.minimum(rng.uniform(0.5, 1.2, rows), 1.0)
    votes = rng.binomial(n, share)
    if top is not None:
        votes = np.minimum(votes, top)
    table = radii_by_votes(n, sigma, alpha, procedure)
    lines = []
    for i, k in enumerate(votes):
        predict = int(table[k] > 0) * 2 - 1
        right = int(predict == 1 and i % 5 > 0)
        lines.append(
            f"{i}\t{right}\t{predict}\t{form.format(float(table[k]))}\t{right}\t0:00:01\n"
        )
    return HEADER + "".join(lines), np.where(table[votes] > 0, votes, 0)


def test_log(tmp_path):
    log = read_log(write(tmp_path, HEADER + ROWS))
    assert (log.sigma, log.alpha, log.n, log.procedure) == (0.25, 0.001, 100_000, "two_stage")
    assert log.index.tolist() == [0, 1, 2]
    assert log.labels.tolist() == [3, 8, 5]
    assert log.predictions.tolist() == [3, -1, 6]
    assert log.radii.tolist() == [0.73, 0.0, 0.953]
    assert log.correct.tolist() == [True, False, False]
    assert log.successes[1:].tolist() == [0, 100_000]
    table = radii_by_votes(100_000, 0.25, 0.001, "two_stage")
    assert table[log.successes[0]] == pytest.approx(0.73, abs=5e-4)
    assert np.array_equal(log.p_hat, log.successes / 100_000)
    assert len(log.warnings) == 2 and all("is inferred" in w for w in log.warnings)


@pytest.mark.parametrize("form", ["{:.3}", "{:.4f}", "{!r}"])
@pytest.mark.parametrize(("sigma", "alpha"), [(0.12, 0.001), (0.5, 0.01), (1.0, 0.001)])
def test_settings_are_inferred_and_votes_found(tmp_path, form, sigma, alpha):
    text, votes = synthetic(sigma=sigma, alpha=alpha, form=form)
    log = read_log(write(tmp_path, text))
    assert (log.sigma, log.alpha) == (sigma, alpha)
    # A unit in the third digit is at most this share of the votes.
    assert np.abs(log.successes - votes).max() <= 0.003 * log.n
    assert not any("no number of votes" in w for w in log.warnings)


def test_smaller_n(tmp_path):
    text, votes = synthetic(n=1000, form="{:.6f}")
    log = read_log(write(tmp_path, text), n=1000)
    assert (log.sigma, log.alpha) == (0.25, 0.001)
    assert np.array_equal(log.successes, votes)


def test_wrong_n_is_doubted(tmp_path):
    text, _ = synthetic(n=10_000)
    log = read_log(write(tmp_path, text), sigma=0.25)
    assert log.alpha == 0.001
    assert any("alpha 0.001, the usual one, is assumed" in w for w in log.warnings)
    (doubt,) = [w for w in log.warnings if "share the largest radius, 0.8" in w]
    assert doubt.endswith("it is the cap at n=10000")


def test_wrong_n_of_a_single_pass_is_doubted_by_its_own_cap(tmp_path):
    text, _ = synthetic(n=200, form="{:.6f}", procedure="single_pass")
    path = write(tmp_path, text)
    log = read_log(path, sigma=0.25, n=100_000, alpha=0.001, procedure="single_pass")
    (doubt,) = [w for w in log.warnings if "share the largest radius, 0.45" in w]
    assert doubt.endswith("it is the cap at n=200")


def test_alpha_is_assumed_where_the_cap_may_not_be_reached(tmp_path):
    # One vote less than n at 0.001 has about the radius of n votes at 0.0001.
    text, _ = synthetic(rows=9, top=99_999)
    log = read_log(write(tmp_path, text), sigma=0.25)
    assert log.alpha == 0.001
    assert any("alpha 0.001, the usual one, is assumed" in w for w in log.warnings)
    text, _ = synthetic(alpha=0.0001)
    log = read_log(write(tmp_path, text), sigma=0.25)
    assert log.alpha == 0.0001
    assert any("alpha 0.0001 is inferred" in w for w in log.warnings)


def test_sigma_from_the_name(tmp_path):
    text, _ = synthetic(rows=40, sigma=0.3, top=99_000)
    with pytest.raises(ValueError, match="give the sigma it was made with"):
        read_log(write(tmp_path, text))
    log = read_log(write(tmp_path, text, "sigma_0.30.tsv"))
    assert log.sigma == 0.3
    assert any("nothing in the log confirms" in w for w in log.warnings)
    assert read_log(tmp_path / "log.tsv", sigma=0.3).sigma == 0.3


@pytest.mark.parametrize("radius", ["0.4", "0.978"])
def test_a_coincidence_does_not_tell_sigma(tmp_path, radius):
    # About the cap of 0.12, and that of 0.25 at alpha 0.01; a single row is no proof.
    path = write(tmp_path, HEADER + ROWS.replace("0.73", radius[:3]).replace("0.953", radius))
    with pytest.raises(ValueError, match="give the sigma it was made with"):
        read_log(path)


def test_many_equal_radii_tell_sigma_at_another_alpha(tmp_path):
    text, _ = synthetic(alpha=0.01)
    log = read_log(write(tmp_path, text))
    assert (log.sigma, log.alpha) == (0.25, 0.01)


def test_name_that_contradicts_the_radii(tmp_path):
    text, _ = synthetic()
    path = write(tmp_path, text, "noise_0.50.tsv")
    with pytest.raises(ValueError, match=r"name says sigma 0\.5.*is the cap of sigma 0\.25"):
        read_log(path)
    assert read_log(path, sigma=0.25).sigma == 0.25


def test_log_of_the_single_pass(tmp_path):
    table = radii_by_votes(200, 0.25, 0.001, "single_pass")
    rows = "".join(f"{i}\t0\t0\t{table[k]:.6f}\t1\t0.01\n" for i, k in enumerate([150, 180, 200]))
    log = read_log(write(tmp_path, HEADER + rows), n=200, procedure="single_pass")
    assert (log.sigma, log.alpha) == (0.25, 0.001)
    assert log.successes.tolist() == [150, 180, 200]


def test_a_doubt_at_an_alpha_at_which_few_samples_certify_nothing(tmp_path):
    text, _ = synthetic(n=1000, alpha=1e-40, form="{:.6f}", procedure="single_pass")
    path = write(tmp_path, text)
    log = read_log(path, sigma=0.25, n=10_000, alpha=1e-40, procedure="single_pass")
    assert any(w.endswith("it is the cap at n=1000") for w in log.warnings)


@pytest.mark.parametrize("alpha", [0.0001, 0.001, 0.01])
@pytest.mark.parametrize("procedure", ["single_pass", "two_stage"])
def test_log_that_evaluate_writes(tmp_path, procedure, alpha):
    table = radii_by_votes(100, 0.25, alpha, procedure)
    votes = [76, 78, 80, 85, 90, 92, 94, 96, *[98] * 3, *[100] * 10]
    rows = [
        Row(i, 0, Votes(np.array([k, 100 - k]), 0, 100), (), 0, float(table[k]), 0.01).tsv()
        for i, k in enumerate(votes)
    ]
    log = read_log(write(tmp_path, HEADER + "".join(rows)), n=100, procedure=procedure)
    assert (log.sigma, log.alpha) == (0.25, alpha)
    assert log.successes.tolist() == votes
    assert all("is inferred" in w for w in log.warnings)


@pytest.mark.parametrize(
    "text",
    [
        HEADER.replace("\n", "\r\n") + ROWS.replace("\n", "\r\n"),
        "\ufeff" + HEADER + ROWS,
        "\n" + HEADER + "\n" + ROWS.replace("\n", "\n\n"),
        (HEADER + ROWS).replace("\t", ","),
        (HEADER + ROWS).replace("\t", "  "),
        (HEADER + ROWS).replace("\n", "\t\n"),
        (HEADER + ROWS).rstrip("\n"),
        (HEADER + ROWS).upper(),
        HEADER + ROWS.replace("\t3\t3\t", "\t3.0\t3\t"),
        HEADER + ROWS.replace("0.0\t", "nan\t"),
        HEADER.replace("time", "extra") + ROWS,
    ],
)
def test_harmless_differences_of_form(tmp_path, text):
    log = read_log(write(tmp_path, text), sigma=0.25, alpha=0.001)
    assert log.warnings == ()
    assert log.predictions.tolist() == [3, -1, 6]
    assert log.radii.tolist() == [0.73, 0.0, 0.953]
    assert log.correct.tolist() == [True, False, False]


def columns(*names):
    order = [HEADER.split().index(name) for name in names]
    lines = [line.split("\t") for line in (HEADER + ROWS).splitlines()]
    return "".join("\t".join(line[i] for i in order) + "\n" for line in lines)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("correct", "radius", "time", "predict", "label", "idx"), None),
        (("idx", "label", "predict", "radius", "correct"), None),
        (("label", "predict", "radius", "correct"), "no column idx"),
        (("idx", "label", "predict", "radius", "time"), "no column correct"),
        (("idx", "predict", "radius", "correct"), "no column label"),
    ],
)
def test_columns_in_other_order_or_missing(tmp_path, names, said):
    log = read_log(write(tmp_path, columns(*names)), sigma=0.25, alpha=0.001)
    assert [said in w for w in log.warnings] == ([True] if said else [])
    assert log.correct.tolist() == [True, False, False]
    assert log.predictions.tolist() == [3, -1, 6]
    assert log.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("tail", "rows", "said"),
    [
        ("3\t1\t1\t0.2", 3, "the last line, 5, is cut off after 4 of 6 columns"),
        ("3", 3, "the last line, 5, is cut off after 1 of 6 columns"),
        ("0\t3\t3\t0.73\t1\t0:00:16\n", 3, "1 row repeat an idx, 0 of them with other values"),
        ("0\t3\t3\t0.5\t1\t0:00:16\n", 3, "1 row repeat an idx, 1 of them with other values"),
        (HEADER, 3, "line 5 repeats the header"),
        ("3\t1\t2\t0.2\t1\t0:01\n", 4, "in 1 row column correct contradicts label and predict"),
        ("3\t1\t-1\t0.0\t1\t0:01\n", 4, "1 abstention called correct"),
    ],
)
def test_oddities_are_said(tmp_path, tail, rows, said):
    log = read_log(write(tmp_path, HEADER + ROWS + tail), sigma=0.25, alpha=0.001)
    assert len(log) == rows
    assert log.correct[:3].tolist() == [True, False, False]
    assert len(log.warnings) == 1 and said in log.warnings[0]


def test_rows_cut_off_in_the_middle_are_left_out_and_counted(tmp_path):
    first, *others = ROWS.splitlines(True)
    text = HEADER + first + "7\t3\t3\n" + "".join(others) + "8\t3\n9\t3\t3\t0.1\n" + first
    log = read_log(write(tmp_path, text + "10\t3"), sigma=0.25, alpha=0.001)
    assert log.index.tolist() == [0, 1, 2]
    assert log.cut_off == 4
    assert "the last line, 9, is cut off after 2 of 6 columns" in log.warnings[0]
    assert "line 3 is cut off after 3 of 6 columns, and 2 more so" in log.warnings[1]


def test_last_line_that_may_be_cut_within_its_number(tmp_path):
    text = columns("idx", "label", "predict", "correct", "radius").rstrip("\n")
    log = read_log(write(tmp_path, text), sigma=0.25, alpha=0.001)
    assert len(log) == 3 and "may be cut off" in log.warnings[0]


def test_radii_of_no_number_of_votes_are_counted(tmp_path):
    text = HEADER + ROWS + "3\t1\t1\t0.945\t1\t0:01\n"
    log = read_log(write(tmp_path, text), sigma=0.25, alpha=0.001)
    assert log.successes[-1] == 100_000
    assert "1 radius of 3 are those of no number of votes" in log.warnings[0]


def test_nothing_certified(tmp_path):
    path = write(tmp_path, HEADER + "0\t3\t-1\t0.0\t0\t0:01\n")
    with pytest.raises(ValueError, match="give the sigma"):
        read_log(path)
    log = read_log(path, sigma=0.25)
    assert log.p_hat.tolist() == [0.0] and not log.correct.any()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        (b"\x93\xff\x00PNG", "not text"),
        ("a\0b\n", "not text"),
        (HEADER, "it has no rows"),
        (HEADER + "0\t3", "it has no rows; the last line, 2, is cut off"),
        (ROWS, "columns predict, radius and correct or label"),
        (HEADER.replace("radius", "rad") + ROWS, "radius is missing"),
        ("idx\tpredict\tradius\n0\t1\t0.5\n", "correct is missing"),
        (HEADER.replace("time", "idx") + ROWS, "column idx appears twice"),
        (HEADER + "0\t3\t3\n" * 4 + ROWS, "line 2 has 3 columns, the header 6"),
        (HEADER + "0\t3\t3\t0.1\t1\t0:01\t2\n" + ROWS, "line 2 has 7 columns, the header 6"),
        (HEADER + ROWS.replace("0.73", "0.73\t9"), "line 2 has 7 columns"),
        (HEADER + ROWS.replace("0.73", "x"), "line 2: radius is 'x'"),
        (HEADER + ROWS.replace("0.73", "nan"), "line 2: radius is 'nan'"),
        (HEADER + ROWS.replace("0.73", "-0.1"), "line 2: radius is '-0.1'"),
        (HEADER + ROWS.replace("0.73", "1e999"), "line 2: radius is '1e999'"),
        (HEADER + ROWS.replace("0.73", ""), "line 2: radius is ''"),
        (HEADER + ROWS.replace("\t6\t", "\t6.5\t"), "line 4: predict is '6.5'"),
        (HEADER + ROWS.replace("\t6\t", "\t-2\t"), "line 4: predict is '-2'"),
        (HEADER + ROWS.replace("\t8\t", "\tcat\t"), "line 3: label is 'cat'"),
        (HEADER + ROWS.replace("\t1\t0:", "\t2\t0:"), "line 2: correct is '2'"),
        (HEADER + "9" * 400 + ROWS[1:], "line 2: idx is '999"),
        (HEADER + ROWS.replace("0.73", "0.96"), "line 2: radius 0.96 is above 0.9529"),
    ],
)
def test_what_is_not_a_log(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(ValueError) as caught:
        read_log(path, sigma=0.25, alpha=0.001)
    assert str(path) in str(caught.value) and reason in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"n": 0}, {"n": 5}, {"sigma": 0.0}, {"alpha": 1.0}, {"procedure": "guess"}]
)
def test_wrong_settings(tmp_path, wrong):
    path = write(tmp_path, HEADER + ROWS)
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}"):
        read_log(path, **{"sigma": 0.25, "alpha": 0.001, **wrong})


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "none.tsv")


@pytest.mark.skipif(not LOGS.is_dir(), reason=f"{LOGS} is not there (RS_MONITOR_SHARED names it)")
def test_published_logs():
    paths = sorted(LOGS.glob("*/sigma_*.tsv"))
    assert len(paths) == 17
    for path in paths:
        log = read_log(path)
        assert len(log) == (500 if "imagenet" in str(path) else 10_000)
        assert (log.sigma, log.alpha) == (float(path.stem[6:]), 0.001)
        assert all("is inferred" in w for w in log.warnings)
        assert log.successes.max() == 100_000


@pytest.mark.parametrize("sigma", [None, 1.0])
def test_alpha_whose_cap_only_a_few_rows_pass_the_usual_one_with(tmp_path, sigma):
    """A handful of radii above the usual alpha's cap rule it out, however few they are."""
    text, votes = synthetic(4000, sigma=1.0, alpha=0.01, top=98_000)
    row = "{i}\t1\t1\t{cap:.3}\t1\t0:00:01\n"
    cap = radii_by_votes(100_000, 1.0, 0.01, "two_stage")[-1]
    text += "".join(row.format(i=10_000 + i, cap=cap) for i in range(5))
    log = read_log(write(tmp_path, text, "sigma_1.00.tsv"), sigma=sigma)
    assert (log.sigma, log.alpha) == (1.0, 0.01)
    assert log.successes[-1] == pytest.approx(100_000, abs=2)
