# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import argparse
import math

import pytest

from rs_monitor.training.recipe import Recipe, add_recipe_options, recipe_from


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return recipe_from(parser.parse_args(words))


def test_the_options_are_the_recipe():
    assert parsed() == Recipe(sigma=0.25)
    words = "--sigma 0.5 --epochs 3 --weight-decay 1e-3 --schedule cosine --seed 7".split()
    expected = Recipe(sigma=0.5, epochs=3, weight_decay=1e-3, schedule="cosine", seed=7)
    assert parsed(*words) == expected


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sigma": 0.0}, "sigma must be positive"),
        ({"sigma": math.nan}, "sigma must be positive and at most 1000, got nan"),
        ({"epochs": 0}, "epochs must be positive"),
        ({"batch": -1}, "batch must be positive"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"consistency": -1.0}, "consistency must be not negative"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed must be not negative and at most 4.29497e"),
        ({"epochs": 10**400}, "epochs must be positive and at most 1e"),
        ({"sigma": 1001.0}, "sigma must be .* at most 1000"),
        ({"average": 1.0}, "average must be less than 1"),
        ({"schedule": "steps"}, "schedule must be one of one_cycle, cosine, got 'steps'"),
        ({"precision": "fp64"}, "precision"),
    ],
)
def test_values_out_of_range_are_named(changed, reason):
    with pytest.raises(ValueError, match=reason):
        Recipe(**({"sigma": 0.25} | changed))
