# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from rs_monitor.certification import (
    SELECTION,
    least_n_runner_up,
    least_n_single_pass,
    least_n_two_stage,
    single_pass_pair,
    standin_pair,
)


@pytest.mark.parametrize("alpha", [0.9, 0.5, 0.05, 0.001, 2.0**-10, 1.1e-8])
def test_least_n(alpha):
    single, two = least_n_single_pass(alpha), least_n_two_stage(alpha)
    assert 2 * 0.5**single <= alpha < 2 * 0.5 ** (single - 1)
    assert 0.5**two < alpha <= 0.5 ** (two - 1)
    assert single_pass_pair(single, alpha).k_min == standin_pair(single, alpha).k_min == single
    for search in (single_pass_pair, standin_pair):
        with pytest.raises(ValueError, match=f"^n must lie in {single}.*; got {single - 1}"):
            search(single - 1, alpha) if single > 1 else search(0, alpha)
    assert (least_n_single_pass(0.001), least_n_two_stage(0.001)) == (11, 10)
    assert (least_n_single_pass(1.1e-8), least_n_two_stage(1.1e-8)) == (28, 27)
    joint = least_n_runner_up(alpha)
    assert 2 * 0.5**joint <= SELECTION * alpha < 2 * 0.5 ** (joint - 1)
    assert (least_n_runner_up(0.001), least_n_runner_up(1.1e-8)) == (16, 32)


@pytest.mark.parametrize("alpha", [0, 1, 0.0, 1.0, -0.1, 2, float("nan"), "0.1", True, None])
def test_a_bad_alpha_is_refused(alpha):
    for least_n in (least_n_single_pass, least_n_two_stage, least_n_runner_up):
        with pytest.raises(ValueError, match="^alpha must"):
            least_n(alpha)
