# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from rs_monitor.certification import expectation, single_pass, two_stage
from rs_monitor.certification.expectation import (
    _unit_radii,
    certified_probabilities,
    expected_radii,
    radii_by_votes,
    votes_and_level,
)

PROBABILITIES = [0.0, 0.2, 0.5, 0.501, 0.7, 0.9, 0.999, 1.0]


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage"])
def test_radii_by_votes_are_those_of_the_procedure(procedure):
    radii = radii_by_votes(50, 0.25, 0.001, procedure)
    for k in range(26, 51):
        if procedure == "single_pass":
            certificate = single_pass([k, 50 - k], sigma=0.25, alpha=0.001)
        else:
            certificate = two_stage([9, 1], [k, 50 - k], sigma=0.25, alpha=0.001)
        assert radii[k] == pytest.approx(certificate.radius, abs=1e-12)
    assert not radii[:26].any()


def test_two_stage_that_can_never_certify():
    assert votes_and_level(9, 0.001, "two_stage") == (10, 0.001)
    assert not radii_by_votes(9, 1.0, 0.001, "two_stage").any()


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(11, 3000),
    p=st.lists(st.floats(1e-9, 1), min_size=1, max_size=5),
    procedure=st.sampled_from(["single_pass", "two_stage"]),
)
def test_expectation_is_the_sum_over_all_votes(n, p, procedure):
    radii = radii_by_votes(n, 0.5, 0.001, procedure)
    direct = [binom.pmf(np.arange(n + 1), n, q) @ radii for q in p]
    assert expected_radii(p, radii) == pytest.approx(direct, abs=1e-10)


def test_expectation_at_the_usual_n():
    radii = radii_by_votes(100_000, 0.25, 0.001, "two_stage")
    direct = [binom.pmf(np.arange(100_001), 100_000, q) @ radii for q in PROBABILITIES]
    assert expected_radii(PROBABILITIES, radii) == pytest.approx(direct, abs=1e-9)


def test_many_probabilities_are_taken_in_blocks():
    radii = radii_by_votes(20_000, 0.25, 0.001, "two_stage")
    p = np.linspace(0.4, 1.0, 3001)
    together = expected_radii(p, radii)
    assert together[::500] == pytest.approx(expected_radii(p[::500], radii), abs=1e-12)
    assert np.all(np.diff(together) >= -1e-12)


@pytest.fixture
def summed(monkeypatch):
    """Shapes of the arrays of votes that are summed over."""
    shapes = []

    def xlogy(votes, q):
        shapes.append(votes.shape)
        return scipy.special.xlogy(votes, q)

    monkeypatch.setattr(expectation, "xlogy", xlogy)
    return shapes


@pytest.mark.parametrize(
    ("p", "most"),
    # Bernstein's window on both sides of the mean; up to n alone; and none where none certifies.
    [(0.9, 1510), (0.999999, 23), (0.2, 0)],
)
def test_only_votes_that_may_occur_are_summed_over(summed, p, most):
    radii = radii_by_votes(100_000, 0.25, 0.001, "two_stage")
    expected_radii([p], radii)
    assert sum(rows * width for rows, width in summed) <= most


def test_blocks_are_as_large_as_they_may_be(monkeypatch, summed):
    radii = radii_by_votes(20_000, 0.25, 0.001, "two_stage")
    p = np.linspace(0.6, 0.9, 200)
    together = expected_radii(p, radii)
    assert [rows for rows, _ in summed] == [200]
    most = 10 * summed[0][1]
    monkeypatch.setattr(expectation, "_BLOCK", most)
    summed.clear()
    assert expected_radii(p, radii) == pytest.approx(together, abs=1e-12)
    assert max(rows * width for rows, width in summed) <= most
    assert len(summed) <= 20
    monkeypatch.setattr(expectation, "_BLOCK", 1)
    summed.clear()
    assert expected_radii(p, radii) == pytest.approx(together, abs=1e-12)
    assert [rows for rows, _ in summed] == [1] * 200


def test_one_number_of_votes_that_certifies():
    radii = radii_by_votes(11, 1.0, 0.001, "single_pass")
    assert np.flatnonzero(radii).tolist() == [11]
    assert expected_radii([0.9], radii)[0] == pytest.approx(0.9**11 * radii[11])


def test_probabilities_of_single_precision_are_not_worked_on_in_it():
    radii = radii_by_votes(100, 0.25, 0.001, "two_stage")
    p = np.float32([0.7, 0.9])
    for call in (expected_radii, lambda p, radii: certified_probabilities(p, radii, 0.1)):
        assert call(p, radii).tolist() == call(p.astype(np.float64), radii).tolist()


def test_certified_probability():
    radii = radii_by_votes(100, 0.25, 0.001, "two_stage")
    for wanted in (0.0, 0.1, 0.25, radii[-1]):
        enough = (radii > 0) & (radii >= wanted)
        direct = [binom.pmf(np.arange(101), 100, q) @ enough for q in PROBABILITIES]
        assert certified_probabilities(PROBABILITIES, radii, wanted) == pytest.approx(direct)
    assert not certified_probabilities([1.0], radii, radii[-1] * 1.001).any()


@pytest.mark.parametrize("p", [[1.1], [-0.1], [float("nan")], [], [[0.5]]])
def test_wrong_probabilities(p):
    with pytest.raises(ValueError, match="probabilities in 0..1"):
        expected_radii(p, radii_by_votes(20, 1.0, 0.001, "two_stage"))


def test_wrong_procedure():
    with pytest.raises(ValueError, match="procedure must be one of single_pass, two_stage"):
        radii_by_votes(20, 1.0, 0.001, "algorithm1_unsound")


def test_one_vote_more_or_less_than_is_required():
    for procedure in ("single_pass", "two_stage"):
        required, level = votes_and_level(100, 0.001, procedure)
        radii = radii_by_votes(100, 0.25, 0.001, procedure)
        assert radii[required - 1] == 0 < radii[required]
        assert radii[100] == pytest.approx(0.25 * norm.ppf(level**0.01))
        assert radii.shape == (101,)


def test_the_radii_that_are_kept_cannot_be_changed():
    _unit_radii.cache_clear()
    kept = _unit_radii(100, 0.001, "two_stage")
    with pytest.raises(ValueError, match="read-only"):
        kept[100] = 9.0
    assert radii_by_votes(100, 1.0, 0.001, "two_stage")[100] == kept[100]


def test_nothing_is_expected_where_nothing_is_certified():
    radii = radii_by_votes(9, 1.0, 0.001, "two_stage")
    assert expected_radii([0.2, 1.0, 1.0], radii).tolist() == [0.0, 0.0, 0.0]
    assert certified_probabilities([0.2, 1.0], radii, 0.0).tolist() == [0.0, 0.0]


def test_the_order_and_the_repetition_of_probabilities_do_not_matter():
    radii = radii_by_votes(50, 1.0, 0.001, "single_pass")
    one = {p: expected_radii([p], radii)[0] for p in PROBABILITIES}
    order = PROBABILITIES[::-1] + PROBABILITIES
    assert expected_radii(order, radii).tolist() == pytest.approx([one[p] for p in order])
    assert one[1.0] == radii[50] and one[0.0] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: votes_and_level(20, 0.001, "guess"),
            "procedure must be one of single_pass, two_stage, got 'guess'",
        ),
        (lambda: votes_and_level(0, 0.001, "two_stage"), "n must lie in 1..4294967295, got 0"),
        (
            lambda: votes_and_level(20, 1.0, "two_stage"),
            "alpha must be a number strictly between 0 and 1, got 1.0",
        ),
        (
            lambda: radii_by_votes(20, 0.0, 0.001, "two_stage"),
            "sigma must be a finite number above 0, got 0.0",
        ),
        (
            lambda: expected_radii([1.5], np.ones(3)),
            "p must be a row of probabilities in 0..1, got array([1.5])",
        ),
        (
            lambda: certified_probabilities([-0.5], np.ones(3), 0.0),
            "p must be a row of probabilities in 0..1, got array([-0.5])",
        ),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
