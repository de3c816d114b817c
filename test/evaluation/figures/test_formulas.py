# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom

from rs_monitor.certification import lower_bound, radius, single_pass_pair
from rs_monitor.evaluation.figures import compute_curves, formulas, lemma
from rs_monitor.evaluation.figures.discovery import FoundLogs
from rs_monitor.evaluation.figures.exact import (
    UNIFORM_AVERAGE,
    expected_bound,
    expected_radius,
    uniform_average,
)
from rs_monitor.evaluation.figures.histograms import density

ALPHA = 0.001


def by_enumeration(p, n, value):
    k = np.arange(n + 1)
    return float(binom.pmf(k, n, p) @ value(lower_bound(k, n, ALPHA)))


@pytest.mark.parametrize("n", [15, 100])
def test_expectations_by_enumeration(n):
    p = np.array([0.5, 0.8, 0.99, 0.9999])
    assert expected_bound(p, n, ALPHA) == pytest.approx(
        [by_enumeration(q, n, lambda bound: bound) for q in p], rel=1e-9
    )
    radii = [by_enumeration(q, n, lambda bound: radius(bound, 1.0)) for q in p]
    assert expected_radius(p, n, ALPHA) == pytest.approx(radii, rel=1e-9, abs=1e-12)
    uniform = 2 * quad(lambda q: by_enumeration(q, n, lambda bound: radius(bound, 1.0)), 0.5, 1)[0]
    assert uniform_average(n, ALPHA) == pytest.approx(uniform, rel=1e-6)


def test_what_remains_for_a_uniform_p():
    assert round(uniform_average(100, ALPHA) / UNIFORM_AVERAGE, 3) == 0.486
    assert uniform_average(5, ALPHA) == 0
    figure = formulas.proposition_3(ALPHA)
    table = {row[0]: dict(zip(figure.columns, row)) for row in figure.rows}
    assert table[100]["eq_6"] == pytest.approx(0.3419, abs=1e-4)
    assert table[100]["share_error"] == pytest.approx(0.3419 - 0.4862, abs=1e-4)
    # Everywhere below what is exact.
    assert all(row["share_error"] < 0 for row in table.values())


@pytest.mark.parametrize(
    ("make", "name"), [(formulas.proposition_1, "eq_4"), (formulas.proposition_2, "eq_5")]
)
def test_errors_stand_beside_the_formulas(make, name):
    figure = make(ALPHA)
    assert figure.columns == ("n", "p", name, "exact_expected_radius", "error")
    for _, _, value, exact, error in figure.rows:
        assert error == pytest.approx(value - exact, abs=1e-12)
    at = {(row[0], row[1]): row for row in figure.rows}
    assert at[100, 0.99][3] == pytest.approx(1.3675, abs=1e-4)
    assert at[100, 0.99][2] == pytest.approx({"eq_4": 1.7197, "eq_5": 1.1129}[name], abs=1e-4)


def test_figures_11_and_12():
    figure = formulas.figure_11(ALPHA)
    worst = {}
    for n, _, _, _, error in figure.rows:
        worst[n] = max(worst.get(n, 0), abs(error))
    assert [round(worst[n], 3) for n in (30, 100, 1_000)] == [0.200, 0.064, 0.006]
    errors = {row[0]: row[3] for row in formulas.figure_12().rows}
    assert errors[0.99] == pytest.approx(0.011, abs=1e-3)


def test_figure_6_without_logs_says_so():
    figure = formulas.figure_6(ALPHA, compute_curves(FoundLogs(), ALPHA))
    assert {row[0] for row in figure.rows} == {"eq. 6", "exact, p uniform"}
    assert len(figure.missing) == 4 and all("no log" in text for text in figure.missing)


# The suprema that the project's statistics state, at alpha = 0.001.
@pytest.mark.parametrize(
    ("n", "supremum"), [(10, 1.954), (50, 1.209), (100, 1.800), (200, 1.486), (1000, 1.747)]
)
def test_lemma_suprema(n, supremum):
    highest = lemma.suprema(n, ALPHA)
    assert round(highest[lemma.ALGORITHM_1] / ALPHA, 3) == supremum
    assert highest[lemma.ALGORITHM_2] <= ALPHA * (1 + 1e-9)
    if n > 10:
        assert highest[lemma.SOUND] <= ALPHA
    else:
        assert lemma.SOUND not in highest


def test_lemma_curves_by_enumeration():
    n, k = 25, np.arange(26)
    plain = lower_bound(k, n, ALPHA)
    required = int(np.argmax(plain > 0.5))
    pair = single_pass_pair(n, ALPHA)
    level = lower_bound(k, n, pair.alpha_bound)
    p = np.linspace(0.5, 0.99, 40)
    for q, one, two, sound in zip(
        p,
        lemma.algorithm_1(p, n, ALPHA),
        lemma.algorithm_2(p, n, ALPHA, 100),
        lemma.single_pass(p, n, ALPHA),
    ):
        a, b = binom.pmf(k, n, q), binom.pmf(k, n, 1 - q)
        over_a, over_b = a[(plain > q) & (k >= required)].sum(), b[k >= required].sum()
        assert one == pytest.approx(over_a + over_b, rel=1e-9)
        chosen = binom.pmf(np.arange(50, 101), 100, q).sum()
        assert two == pytest.approx(chosen * over_a + (1 - chosen) * over_b, rel=1e-9)
        over_a, over_b = a[(level > q) & (k >= pair.k_min)].sum(), b[k >= pair.k_min].sum()
        assert sound == pytest.approx(over_a + over_b, rel=1e-9)


def test_density_integrates_to_1():
    rng = np.random.default_rng(0)
    at = np.linspace(0.5, 1, 2001)
    for p in (rng.uniform(0.5, 1, 500), np.ones(10), np.full(3, 0.5)):
        curve = density(p, at)
        assert np.sum((curve[1:] + curve[:-1]) / 2 * np.diff(at)) == pytest.approx(1, abs=1e-3)
