# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from rs_monitor.certification.expectation import radii_by_votes
from rs_monitor.evaluation.logs import CertificationLog, read_log
from rs_monitor.evaluation.prediction import predict, right_probabilities

SHARED = Path(os.environ.get("RS_MONITOR_SHARED", Path(__file__).parents[2].parent / "shared"))
LOGS = SHARED / "data" / "certify_logs"


def log_of(p_hat, correct, n=100_000):
    p_hat, correct = np.array(p_hat, float), np.array(correct, bool)
    count = np.arange(len(p_hat))
    return CertificationLog(
        path=Path("made.tsv"),
        index=count,
        labels=np.zeros_like(count),
        predictions=np.where(p_hat > 0, 0, -1),
        radii=np.zeros(len(p_hat)),
        correct=correct,
        successes=np.rint(p_hat * n).astype(int),
        p_hat=p_hat,
        sigma=0.25,
        n=n,
        alpha=0.001,
        procedure="two_stage",
        warnings=(),
    )


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage"])
def test_rows_are_the_means_over_images_and_votes(procedure):
    p, right = [0.9, 1.0, 0.9, 0.0, 0.7], [1, 1, 0, 0, 1]
    (row,) = predict(log_of(p, right), ns=[100], alpha=0.01, procedure=procedure, radii=[0, 0.25])
    radii = radii_by_votes(100, 0.25, 0.01, procedure)
    chance = binom.pmf(np.arange(101), 100, np.array(p)[:, None]) * np.array(right)[:, None]
    assert row["n"] == 100
    for value, error, images in (
        (row["average_certified_radius"], row["standard_error"], chance @ radii),
        (
            row["certified_accuracy"]["0.25"],
            row["certified_accuracy_standard_error"]["0.25"],
            chance @ (radii >= 0.25),
        ),
    ):
        assert value == pytest.approx(images.mean(), abs=1e-10)
        assert error == pytest.approx(images.std(ddof=1) / np.sqrt(5), abs=1e-10)
    assert row["certified_accuracy"]["0"] == pytest.approx((chance @ (radii > 0)).mean())
    assert row["smoothed_accuracy"] == 0.6


def test_wrong_and_abstained_images_count_0():
    log = log_of([1.0, 0.0], [0, 0])
    assert right_probabilities(log).tolist() == [0.0, 0.0]
    (row,) = predict(log, ns=[200], alpha=0.001, procedure="two_stage")
    assert row["average_certified_radius"] == 0.0
    assert set(row["certified_accuracy"].values()) == {0.0}


def test_one_image_has_no_standard_error():
    (row,) = predict(log_of([1.0], [1]), ns=[100], alpha=0.001, procedure="two_stage")
    assert row["average_certified_radius"] == pytest.approx(0.37512, abs=1e-5)
    assert np.isnan(row["standard_error"])


@pytest.mark.parametrize(
    ("ns", "procedure", "reason"),
    [
        ([100, 1001], "two_stage", "at most 1000"),
        ([9], "two_stage", "n=9 could never certify"),
        ([10], "single_pass", "11"),
        ([0], "two_stage", "n must lie"),
    ],
)
def test_impossible_n(ns, procedure, reason):
    with pytest.raises(ValueError, match=reason):
        predict(log_of([0.9], [1], n=1000), ns=ns, alpha=0.001, procedure=procedure)


@pytest.mark.skipif(not LOGS.is_dir(), reason=f"{LOGS} is not there (RS_MONITOR_SHARED names it)")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sigma_0.25.tsv", [0.042, 0.093, 0.154, 0.206, 0.249, 0.323, 0.388, 0.424]),
        ("sigma_0.50.tsv", [0.051, 0.118, 0.203, 0.275, 0.334, 0.427, 0.495, 0.525]),
    ],
)  # fmt: skip
def test_published_logs(name, expected):
    ns = [15, 25, 50, 100, 200, 1000, 10_000, 100_000]
    table = predict(
        read_log(LOGS / "cifar10-gaussian" / name), ns=ns, alpha=0.001, procedure="two_stage"
    )
    means = [row["average_certified_radius"] for row in table]
    assert means == pytest.approx(expected, abs=0.0006)


@pytest.mark.skipif(not LOGS.is_dir(), reason=f"{LOGS} is not there (RS_MONITOR_SHARED names it)")
def test_full_n_gives_back_the_log():
    log = read_log(LOGS / "imagenet-gaussian" / "sigma_0.50.tsv")
    (row,) = predict(log, ns=[log.n], alpha=0.001, procedure="two_stage", radii=[0.5])
    direct = np.where(log.correct, log.radii, 0.0)
    assert row["average_certified_radius"] == pytest.approx(direct.mean(), abs=0.002)
    assert row["certified_accuracy"]["0.5"] == pytest.approx((direct >= 0.5).mean(), abs=0.003)
