# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import argparse
import math

import pytest

from rs_monitor.training import recipe
from rs_monitor.training.recipe import (
    Recipe,
    add_recipe_options,
    fastest_precision,
    recipe_from,
)


def parsed(*words, device="cpu"):
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return recipe_from(parser.parse_args(words), device)


def test_the_options_are_the_recipe():
    assert parsed() == Recipe(sigma=0.25, precision=fastest_precision("cpu"))
    assert parsed("--precision", "mixed") == Recipe(sigma=0.25)
    words = "--sigma 0.5 --epochs 3 --weight-decay 1e-3 --schedule cosine --seed 7".split()
    words += ["--precision", "fp32"]
    expected = Recipe(
        sigma=0.5, epochs=3, weight_decay=1e-3, schedule="cosine", seed=7, precision="fp32"
    )
    assert parsed(*words) == expected


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ({"avx2", "avx512f", "avx512_bf16"}, "mixed"),
        ({"avx2", "amx_bf16"}, "mixed"),
        ({"avx2", "avx512f", "avx512_vnni"}, "fp32"),
        ({"avx2"}, "fp32"),
        (set(), "fp32"),
    ],
)
def test_bfloat16_is_taken_where_the_processor_computes_it(flags, precision, monkeypatch):
    monkeypatch.setattr(recipe, "processor", lambda: ("a processor", flags))
    assert parsed().precision == precision
    assert parsed(device="cuda").precision == "mixed"
    for asked in ("mixed", "fp32"):
        assert parsed("--precision", asked).precision == asked


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sigma": 0.0}, "sigma must be positive"),
        ({"sigma": math.nan}, "sigma must be positive and at most 1000, got nan"),
        ({"epochs": 0}, "epochs must be positive"),
        ({"batch": -1}, "batch must be positive"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"consistency": -1.0}, "consistency must be not negative"),
        ({"adversarial": -0.1}, "adversarial must be not negative"),
        ({"adversarial": math.nan}, "adversarial must be not negative"),
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
