# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest
from small_models import write_model

from rs_monitor.models import load_card
from rs_monitor.models.results import markdown_table, short_markdown_table


def row(n, accuracy, radius):
    return {
        "n": n,
        "smoothed_accuracy": accuracy,
        "smoothed_accuracy_standard_error": 0.0104,
        "average_certified_radius": radius,
        "standard_error": 0.0006,
    }


@pytest.fixture
def card(tmp_path):
    card = load_card(write_model(tmp_path))
    loss = {
        "n": 200,
        "average_certified_radius": 0.2998,
        "original_average_certified_radius": 0.3,
        "loss_standard_error": 0.0006,
        "loss_percent": -0.04,
    }
    details = {
        "evaluation": {
            "clean_accuracy": 0.9,
            "noisy_accuracy": 0.85,
            "rows": [row(100, 0.91, 0.25), row(200, 0.912, 0.3)],
        },
        "evaluation_thinned": {
            "clean_accuracy": 0.8,
            "noisy_accuracy": 0.75,
            "rows": [row(200, 0.5, 0.1), row(1000, 0.95, 0.4)],
        },
        "evaluation_runner_up": row(200, 0.912, 0.32),
        "int8": {"evaluation": {"rows": [loss | {"n": 100}, loss]}},
    }
    return dataclasses.replace(card, details=details)


def rows(table):
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def test_every_n_once_and_the_larger_ones_of_fewer_images(card):
    assert rows(markdown_table([card])) == [
        [card.name, "0.900, 0.850", "100", "0.910 +- 0.010", "0.250 +- 0.001", "", ""],
        [
            "",
            "",
            "200",
            "0.912 +- 0.010",
            "0.300 +- 0.001",
            "0.320 +- 0.001",
            "0.300, 0.0 +- 0.2 %",
        ],
        ["", "", "1000", "0.950 +- 0.010", "0.400 +- 0.001", "", ""],
    ]


def test_a_row_for_each_card_at_200(card):
    bare = dataclasses.replace(card, details={"evaluation": card.details["evaluation"]})
    assert rows(short_markdown_table([card, bare])) == [
        [card.name, "0.912 +- 0.010", "0.300 +- 0.001", "0.320 +- 0.001", "0.300, 0.0 +- 0.2 %"],
        [card.name, "0.912 +- 0.010", "0.300 +- 0.001", "", ""],
    ]


def test_columns_and_cells_are_as_many(card):
    for table in (markdown_table([card]), short_markdown_table([card])):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_accuracies_of_fewer_images_where_only_they_were_taken(card):
    whole = {"rows": card.details["evaluation"]["rows"]}
    card = dataclasses.replace(card, details=card.details | {"evaluation": whole})
    assert rows(markdown_table([card]))[0][1] == "0.800, 0.750"


def test_accuracies_of_all_images_from_the_other_procedure_rather_than_of_few(card):
    alone = {"clean_accuracy": 0.7, "noisy_accuracy": 0.65}
    evaluations = {
        "evaluation": {"rows": card.details["evaluation"]["rows"]},
        "evaluation_runner_up": card.details["evaluation_runner_up"] | alone,
    }
    card = dataclasses.replace(card, details=card.details | evaluations)
    assert rows(markdown_table([card]))[0][1] == "0.700, 0.650"
