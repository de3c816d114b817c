# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
from small_models import color_network, solid, write_model

from rs_monitor.certification import Status
from rs_monitor.certification.expectation import radii_by_votes
from rs_monitor.datasets import LabelledImages
from rs_monitor.engines import Votes, open_engine
from rs_monitor.evaluation.accuracy import clustered_error, rows
from rs_monitor.evaluation.measuring import conclude, measure
from rs_monitor.evaluation.vote_row import Row
from rs_monitor.models import load_card, load_model


def color_data(count=12):
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 3, count)
    images = [
        solid(("red", "green", "blue")[c], 8, 8, strong=100 + int(rng.integers(3, 40)))
        for c in colors
    ]
    labels = colors.copy()
    labels[0] = (labels[0] + 1) % 3  # one image whose label is wrong: it counts 0
    return LabelledImages(np.stack(images), labels, np.arange(count) // 3)


@pytest.fixture
def engine(tmp_path):
    card = load_card(write_model(tmp_path))
    with open_engine(
        load_model(card), backend="openvino", precision="fp32", max_batch=16
    ) as engine:
        yield engine


def test_rows(engine):
    data = color_data()
    ns = [20, 50, 200]
    results = measure(engine, data, ns=ns, sigma=0.5, alpha=0.001, seed=1)
    table = rows(results, data, ns=ns, sigma=0.5, alpha=0.001)
    assert [row["n"] for row in table] == ns
    direct = [
        r.certificate.radius if r.certificate.class_id == label else 0.0
        for r, label in zip(results, data.labels)
    ]
    assert table[-1]["average_certified_radius"] == pytest.approx(np.mean(direct), abs=1e-12)
    assert table[-1]["standard_error"] == pytest.approx(
        clustered_error(np.array(direct), data.group), abs=1e-12
    )
    for small, large in zip(table, table[1:]):
        assert small["average_certified_radius"] <= large["average_certified_radius"]
    for row in table:
        accuracies = list(row["certified_accuracy"].values())
        assert accuracies == sorted(accuracies, reverse=True)
        assert accuracies[0] <= row["smoothed_accuracy"] <= 11 / 12


@pytest.mark.parametrize(
    ("counts", "invalid", "right"), [((195, 3, 0), 2, True), ((195, 0, 0), 5, False)]
)
def test_too_many_logits_that_are_not_finite_are_an_error_as_on_a_robot(counts, invalid, right):
    votes = Votes(np.array(counts), invalid, 200)
    found = conclude(votes, {100: 0, 200: 0}, 0, sigma=0.5, alpha=0.001)
    status = Status.CERTIFIED if right else Status.ENGINE_ERROR
    assert found.certificate.status is status
    assert found.true_votes == (195 if right else 0)
    assert found.top_class == ({100: 0, 200: 0} if right else {100: -1, 200: -1})
    row = Row.of(found, 7, 0, 0.1)
    assert Row.from_json(row.json().encode(), 3).json() == row.json()


def test_an_image_without_a_finite_logit_has_no_class(tmp_path):
    card = load_card(
        write_model(tmp_path, onnx_bytes=color_network(nan_above=0.1), reference=None)
    )
    data = LabelledImages(np.full((1, 8, 8, 3), 200, np.uint8), np.array([0]), np.array([0]))
    with open_engine(
        load_model(card), backend="openvino", precision="fp32", max_batch=16
    ) as engine:
        results = measure(engine, data, ns=[20, 50], sigma=0.1, alpha=0.001, seed=1)
    table = rows(results, data, ns=[20, 50], sigma=0.1, alpha=0.001)
    assert [row["smoothed_accuracy"] for row in table] == [0.0, 0.0]
    assert [row["average_certified_radius"] for row in table] == [0.0, 0.0]


def test_the_fields_log_rounds_radii_down():
    found = conclude(Votes(np.array([99, 1]), 0, 100), {100: 0}, 0, sigma=0.25, alpha=0.001)
    radius = float(Row.of(found, 7, 0, 0.1).tsv().split("\t")[3])
    assert 0 <= found.certificate.radius - radius < 1e-6


def test_rows_of_runner_up(engine):
    data = color_data()
    options = {"ns": [200], "sigma": 0.5, "alpha": 0.001, "procedure": "runner_up"}
    results = measure(engine, data, seed=1, **options)
    assert {r.certificate.procedure for r in results} == {"runner_up"}
    (row,) = rows(results, data, radii=(0.0, 0.2), **options)
    direct = np.array(
        [
            r.certificate.radius * (r.certificate.class_id == k)
            for r, k in zip(results, data.labels)
        ]
    )
    assert row["average_certified_radius"] == pytest.approx(direct.mean(), abs=1e-12)
    assert row["standard_error"] == pytest.approx(clustered_error(direct, data.group))
    assert row["certified_accuracy"] == {"0": np.mean(direct > 0), "0.2": np.mean(direct >= 0.2)}


def test_smaller_n_is_the_expectation_over_sub_draws(engine):
    data = color_data()
    results = measure(engine, data, ns=[100], sigma=0.5, alpha=0.001, seed=1)
    (row, _) = rows(
        [dataclasses.replace(r, top_class={20: 0, 100: 0}) for r in results],
        data,
        ns=[20, 100],
        sigma=0.5,
        alpha=0.001,
    )
    rng = np.random.default_rng(3)
    radii = radii_by_votes(20, 0.5, 0.001, "single_pass")
    votes = np.array([r.true_votes for r in results])
    draws = rng.hypergeometric(votes, 100 - votes, 20, (20_000, len(votes)))
    means = radii[draws].mean(1)
    error = means.std() / np.sqrt(len(means))
    assert abs(row["average_certified_radius"] - means.mean()) < 5 * error


def test_seed_decides_the_votes(engine):
    data = color_data()

    def votes(seed):
        results = measure(engine, data, ns=[100], sigma=0.5, alpha=0.001, seed=seed)
        return [r.true_votes for r in results]

    assert votes(1) == votes(1)
    assert votes(1) != votes(2)


def test_clustered_error():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    single = clustered_error(values, np.arange(4))
    assert single == pytest.approx(values.std(ddof=1) / 2)
    copies = clustered_error(np.repeat(values, 5), np.repeat(np.arange(4), 5))
    assert copies == pytest.approx(single)
    assert np.isnan(clustered_error(values, np.zeros(4, int)))


def test_invalid_votes_of_sub_draws_fail_as_on_a_robot():
    total, n, right, invalid = 1000, 100, 980, 10
    settings = {"sigma": 0.25, "alpha": 0.001}
    votes = Votes(np.array([right, total - right - invalid]), invalid, total)
    measured = conclude(votes, {n: 0, total: 0}, 0, **settings)
    data = LabelledImages(np.zeros((1, 8, 8, 3), np.uint8), np.array([0]), np.array([0]))
    row = rows([measured], data, ns=[n, total], **settings)[0]
    kinds = np.repeat([0, 1, 2], [right, total - right - invalid, invalid])
    rng, radii = np.random.default_rng(0), []
    for _ in range(2000):
        counts = np.bincount(rng.permutation(kinds)[:n], minlength=3)
        drawn = Votes(counts[:2], int(counts[2]), n)
        radii.append(conclude(drawn, {n: 0}, 0, **settings).certificate.radius)
    assert row["average_certified_radius"] == pytest.approx(np.mean(radii), abs=0.015)
    assert row["certified_accuracy"]["0"] == pytest.approx(np.mean(np.array(radii) > 0), abs=0.04)
