# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest

from rs_monitor.certification import PROCEDURES
from rs_monitor.settings import Settings


@pytest.mark.parametrize(
    ("procedure", "least"), [("single_pass", 11), ("two_stage", 10), ("runner_up", 16)]
)
def test_least_n(procedure, least):
    assert Settings(procedure=procedure).least_n == least
    assert Settings(procedure=procedure, n=least).n == least
    assert tuple(PROCEDURES) == ("single_pass", "two_stage", "runner_up")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sigma": 0}, "sigma"),
        ({"sigma": math.nan}, "sigma"),
        ({"alpha": 0}, "alpha"),
        ({"alpha": 1}, "alpha"),
        ({"n": -1}, "range 0 to 100000"),
        ({"n": 10}, "at least 11"),
        ({"n": 27, "alpha": 1.1e-8}, "at least 28"),
        ({"n": 9, "procedure": "two_stage"}, "at least 10"),
        ({"procedure": "algorithm1_unsound"}, "single_pass, two_stage"),
        ({"n_selection": 0}, "n_selection"),
    ],
)
def test_settings_are_checked(change, reason):
    with pytest.raises(ValueError, match=reason):
        Settings(**change)


def test_passes_without_which_a_frame_is_lost():
    single = Settings(alpha=0.001)
    assert single.least_n == 11
    assert [single.passes_needed(chunk) for chunk in (64, 11, 10, 1)] == [1, 1, 2, 11]
    two = Settings(alpha=0.001, procedure="two_stage", n_selection=32)
    assert two.least_n == 10
    assert [two.passes_needed(chunk) for chunk in (64, 16, 8)] == [2, 3, 6]
