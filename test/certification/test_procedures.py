# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

import rs_monitor.certification as certification
from rs_monitor.certification import (
    Certificate,
    SinglePassTable,
    Status,
    least_n_single_pass,
    least_n_two_stage,
    lower_bound,
    radius_cap,
    single_pass,
    single_pass_pair,
    standin_pair,
    two_stage,
)
from rs_monitor.certification.procedures import algorithm1_unsound

SETTINGS = dict(sigma=0.25, alpha=0.001)
ALPHAS = st.sampled_from([0.3, 0.05, 0.01, 0.001, 1e-6])


def certify_two_stage(counts, **options):
    return two_stage(counts, counts, **options)


# All take counts, sigma, alpha and invalid; n = 10 votes certify for two of them.
ALL = (single_pass, certify_two_stage, algorithm1_unsound)


@st.composite
def votes(draw, least=11):
    """Votes of 2 to 6 classes, most of them for one, n >= least."""
    classes = draw(st.integers(2, 6))
    counts = draw(st.lists(st.integers(0, 8), min_size=classes, max_size=classes))
    counts[draw(st.integers(0, classes - 1))] += draw(st.integers(least, 150))
    return counts


def test_a_certificate_holds_what_is_needed_to_recompute_it():
    certificate = single_pass([2, 90, 5], **SETTINGS, invalid=3)
    pair = single_pass_pair(100, 0.001)
    p_lower = lower_bound(90, 100, pair.alpha_bound)
    assert certificate.status is Status.CERTIFIED and not certificate.abstain
    assert certificate.class_id == 1
    assert certificate.p_lower == pytest.approx(p_lower, rel=1e-14)
    assert certificate.radius == pytest.approx(0.25 * norm.ppf(p_lower), rel=1e-12)
    assert certificate.radius_cap == radius_cap(100, 0.25, pair.alpha_bound)
    assert certificate.alpha_bound == pair.alpha_bound
    assert certificate.votes_required == pair.k_min == 68
    assert (certificate.votes_top, certificate.votes_runner_up) == (90, 5)
    assert certificate.votes_invalid == 3
    assert (certificate.n_selection, certificate.n_used, certificate.n_drawn) == (0, 100, 100)
    assert (certificate.sigma, certificate.alpha) == (0.25, 0.001)
    assert certificate.procedure == "single_pass" and certificate.reason == ""
    assert math.isnan(certificate.randomization)


def test_k_min_votes_certify_and_one_fewer_abstain():
    assert single_pass([68, 32], **SETTINGS).class_id == 0
    certificate = single_pass([67, 32], **SETTINGS, invalid=1)
    assert certificate.status is Status.ABSTAINED and certificate.abstain
    assert (certificate.class_id, certificate.radius, certificate.p_lower) == (-1, 0.0, 0.0)
    assert certificate.reason == "top class has 67 of 100 votes, 68 are required"
    assert (certificate.votes_top, certificate.votes_required) == (67, 68)
    assert certificate.radius_cap > 0


def test_two_stage_tests_the_selected_class_only():
    certificate = two_stage([20, 12], [15, 85], **SETTINGS)
    assert certificate.abstain
    assert certificate.reason == "selected class has 15 of 100 votes, 66 are required"
    assert (certificate.votes_top, certificate.votes_runner_up) == (15, 85)
    assert certificate.p_lower == pytest.approx(lower_bound(15, 100, 0.001), rel=1e-14)

    certificate = two_stage([12, 20], [15, 85], **SETTINGS)
    assert certificate.class_id == 1
    assert certificate.radius == pytest.approx(0.25 * norm.ppf(lower_bound(85, 100, 0.001)))
    assert (certificate.alpha_bound, certificate.procedure) == (0.001, "two_stage")
    assert (certificate.n_selection, certificate.n_used, certificate.n_drawn) == (32, 100, 100)


def test_two_stage_breaks_ties_by_the_lowest_class():
    assert two_stage([0, 16, 16], [0, 100, 0], **SETTINGS).class_id == 1
    assert two_stage([0, 16, 16], [0, 0, 100], **SETTINGS).abstain


def test_two_stage_without_a_valid_selection_vote_abstains():
    certificate = two_stage([0, 0], [1, 97], **SETTINGS, invalid=2)
    assert certificate.status is Status.ABSTAINED and certificate.class_id == -1
    assert "no selection vote is valid" in certificate.reason
    assert (certificate.n_drawn, certificate.votes_invalid) == (100, 2)


@pytest.mark.parametrize("n", [10, 27, 100, 1000])
def test_two_stage_certifies_just_where_the_bound_exceeds_one_half(n):
    bounds = lower_bound(np.arange(n + 1), n, 0.001)
    for k in range(n // 2, n + 1):
        assert two_stage([0, 1], [n - k, k], **SETTINGS).abstain == (bounds[k] <= 0.5)


def test_invalid_votes_count_against_every_class():
    for certify in ALL:
        assert not certify([70, 30], **SETTINGS).abstain
        assert certify([60, 0], **SETTINGS, invalid=40).abstain
        assert certify([0, 0], **SETTINGS, invalid=100).abstain


def test_a_tie_never_certifies():
    for n in (11, 100, 1001):
        assert single_pass([n, n], sigma=0.25, alpha=0.3).abstain


def test_the_standin_pair_is_obeyed():
    pair = standin_pair(100, 0.001)
    certificate = single_pass([67, 33], **SETTINGS, pair=pair)
    assert (certificate.class_id, certificate.alpha_bound) == (0, 5e-4)
    with SinglePassTable() as table:
        assert single_pass([67, 33], **SETTINGS, pair=table.get_nowait(100, 0.001)) == certificate


@pytest.mark.parametrize(
    "pair", [single_pass_pair(101, 0.001), single_pass_pair(100, 0.01), (68, 9.6e-4), "exact"]
)
def test_a_pair_for_something_else_is_refused(pair):
    with pytest.raises(ValueError, match="^pair must be a SinglePassPair for n=100, alpha=0.001"):
        single_pass([68, 32], **SETTINGS, pair=pair)


def test_the_unsound_procedure_cannot_be_selected():
    assert not any("algorithm1" in name for name in certification.__all__)
    assert not hasattr(certification, "algorithm1_unsound")
    assert "UNSOUND" in inspect.getdoc(algorithm1_unsound)


def test_the_unsound_procedure_is_algorithm_1():
    for k in range(50, 101):
        bound = lower_bound(k, 100, 0.001)
        certificate = algorithm1_unsound([100 - k, k], **SETTINGS)
        assert certificate.abstain == (bound <= 0.5)
        assert certificate.radius == pytest.approx(0.25 * max(norm.ppf(bound), 0))
    assert certificate.procedure == "algorithm1_unsound"


@settings(deadline=None)
@given(votes(), ALPHAS, st.integers(0, 20))
def test_what_every_certificate_obeys(counts, alpha, invalid):
    counts[0] += least_n_single_pass(alpha)
    n = sum(counts) + invalid
    for certify in ALL:
        certificate = certify(counts, sigma=0.5, alpha=alpha, invalid=invalid)
        top = int(np.argmax(counts))
        assert certificate.n_used == n
        assert certificate.votes_top == counts[top]
        assert certificate.votes_runner_up == max(np.delete(counts, top))
        assert certificate.abstain == (certificate.votes_top < certificate.votes_required)
        assert 0 <= certificate.radius <= certificate.radius_cap + 1e-12
        assert certificate.votes_required > n / 2
        if not certificate.abstain:
            assert certificate.class_id == top
            assert certificate.p_lower == pytest.approx(
                lower_bound(counts[top], n, certificate.alpha_bound), abs=1e-12
            )


@settings(deadline=None)
@given(votes(), st.floats(1e-3, 1e3))
def test_the_radius_scales_with_sigma(counts, sigma):
    for certify in ALL:
        unit = certify(counts, sigma=1.0, alpha=0.001)
        scaled = certify(counts, sigma=sigma, alpha=0.001)
        assert scaled.class_id == unit.class_id
        assert scaled.radius == pytest.approx(sigma * unit.radius, rel=1e-12)
        assert scaled.radius_cap == pytest.approx(sigma * unit.radius_cap, rel=1e-12)


@settings(deadline=None)
@given(votes(), st.randoms(use_true_random=False))
def test_the_order_of_the_classes_does_not_matter(counts, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    for certify in ALL:
        certificate = certify(counts, **SETTINGS)
        shuffled = certify([counts[i] for i in order], **SETTINGS)
        assert (certificate.radius, certificate.votes_top) == (shuffled.radius, shuffled.votes_top)
        if not certificate.abstain:
            assert order[shuffled.class_id] == certificate.class_id


@settings(deadline=None)
@given(st.integers(11, 300), st.integers(0, 300), ALPHAS)
def test_moving_a_vote_to_the_top_class_never_hurts(n, k, alpha):
    n = max(n, least_n_single_pass(alpha))
    k = min(k, n - 1)
    for certify in (single_pass, algorithm1_unsound):
        fewer = certify([n - k, k], sigma=1.0, alpha=alpha)
        more = certify([n - k - 1, k + 1], sigma=1.0, alpha=alpha)
        if k >= n / 2:
            assert more.radius >= fewer.radius
            assert more.abstain <= fewer.abstain


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 420), ALPHAS)
def test_an_invalid_vote_never_increases_the_radius(extra, rest, alpha):
    n = least_n_single_pass(alpha) + extra
    top = n - min(rest, n // 2)
    for certify in ALL:
        without = certify([top, n - top], sigma=1.0, alpha=alpha)
        with_one = certify([top, n - top], sigma=1.0, alpha=alpha, invalid=1)
        assert with_one.radius <= without.radius


def test_small_integer_types_do_not_overflow():
    expected = single_pass([200, 200, 3000], **SETTINGS)
    for dtype in (np.int16, np.uint16, np.uint32, np.int64, np.uint64):
        assert single_pass(np.array([200, 200, 3000], dtype), **SETTINGS) == expected
    assert single_pass(np.array([10, 255], np.uint8), **SETTINGS).n_used == 265
    assert single_pass(np.array([100, 127], np.int8), **SETTINGS).n_used == 227
    assert single_pass((np.int32(3), 97), **SETTINGS).votes_top == 97
    assert single_pass(np.arange(200)[::2], **SETTINGS).n_used == 9900


def test_the_counts_are_left_alone():
    counts = np.array([3, 97])
    counts.flags.writeable = False
    single_pass(counts, **SETTINGS)
    assert counts.tolist() == [3, 97]


@pytest.mark.parametrize(
    "counts",
    [
        [50.0, 50.0],
        np.array([50.0, 50.0]),
        [True, 99],
        [np.True_, 99],
        np.array([True, False]),
        [-1, 101],
        np.array([-1, 101], np.int8),
        [100],
        [],
        100,
        [[50, 50]],
        [[50, 50], [1]],
        ["50", "50"],
        [None, 100],
        None,
        "100",
        [2**70, 1],
        [2**63, 2**63],
        np.array([2**62, 2**62, 2**62, 2**62]),
        np.array([2**32 - 1, 1]),
        np.array([2**64 - 1, 1], np.uint64),
        {0: 50, 1: 50},
        [50 + 0j, 50],
    ],
)
def test_bad_counts_are_refused(counts):
    for certify in (single_pass, algorithm1_unsound, lambda c, **o: two_stage([1, 0], c, **o)):
        with pytest.raises(ValueError, match="^counts must"):
            certify(counts, **SETTINGS)
    with pytest.raises(ValueError, match="^selection_counts must"):
        two_stage(counts, [50, 50], **SETTINGS)


@pytest.mark.parametrize("certify", ALL)
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sigma", [0, 0.0, -0.25, math.inf, math.nan, True, "0.25", None, 1j, [0.25]]),
        ("alpha", [0, 1, 0.0, 1.0, -0.1, 1.5, math.nan, True, "0.1", None, [0.1]]),
        ("invalid", [-1, 1.0, True, "1", None, 2**40, math.nan]),
    ],
)
def test_bad_arguments_are_refused_by_name_and_value(certify, name, values):
    for value in values:
        with pytest.raises(ValueError, match=f"^{name} must") as error:
            certify([3, 97], **SETTINGS | {name: value})
        assert repr(value) in str(error.value)


def test_numpy_scalars_are_numbers():
    certificate = single_pass(
        [3, 97], sigma=np.float32(0.25), alpha=np.float64(0.001), invalid=np.uint8(0)
    )
    assert certificate == single_pass([3, 97], **SETTINGS)
    assert type(certificate.sigma) is type(certificate.radius) is float


def test_an_n_that_could_never_certify_is_refused_with_the_least():
    for alpha in (0.05, 0.001, 1.1e-8):
        for certify, least in (
            (single_pass, least_n_single_pass(alpha)),
            (certify_two_stage, least_n_two_stage(alpha)),
            (algorithm1_unsound, least_n_two_stage(alpha)),
        ):
            assert certify([0, least], sigma=1.0, alpha=alpha).class_id == 1
            for counts, invalid in (([0, least - 1], 0), ([0, 0], 0), ([0, 1], least - 2)):
                with pytest.raises(ValueError, match=f"^n must .*{least}.*{alpha}"):
                    certify(counts, sigma=1.0, alpha=alpha, invalid=invalid)


def test_selection_and_counts_are_of_the_same_classes():
    with pytest.raises(ValueError, match="same classes, got 3 and 2"):
        two_stage([1, 2, 3], [3, 97], **SETTINGS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: single_pass([2**32 - 2, 1], **SETTINGS, invalid=1),
            "counts and invalid must sum to at most 4294967295, got 4294967296",
        ),
        (
            lambda: two_stage([1, 0], [3, 6], **SETTINGS),
            "n must be at least 10 at alpha=0.001: with fewer votes no class could ever be "
            "certified; got n=9",
        ),
        (
            lambda: single_pass([68, 32], **SETTINGS, pair="exact"),
            "pair must be a SinglePassPair for n=100, alpha=0.001, got 'exact'",
        ),
        (
            lambda: two_stage([1, 0, 0], [3, 97], **SETTINGS),
            "selection_counts and counts must be of the same classes, got 3 and 2",
        ),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_the_largest_n_that_a_message_can_carry():
    certificate = two_stage([1, 0], [2**32 - 2, 0], **SETTINGS, invalid=1)
    assert certificate.n_used == 2**32 - 1 and not certificate.abstain


def test_a_selection_without_a_valid_vote_in_full():
    certificate = two_stage([0, 0], [1, 97], **SETTINGS, invalid=2)
    assert certificate == Certificate.failure(
        Status.ABSTAINED,
        "no selection vote is valid, so that no class is selected",
        **SETTINGS,
        procedure="two_stage",
        n_drawn=100,
        votes_invalid=2,
    )


def test_one_selection_vote_is_enough():
    certificate = two_stage([0, 1], [3, 97], **SETTINGS)
    assert (certificate.class_id, certificate.n_selection) == (1, 1)


def test_algorithm_1_holds_what_its_name_says():
    certificate = algorithm1_unsound([2, 90, 5], **SETTINGS, invalid=3)
    assert (certificate.class_id, certificate.votes_top, certificate.votes_invalid) == (1, 90, 3)
    assert (certificate.n_used, certificate.n_drawn, certificate.n_selection) == (100, 100, 0)
    assert (certificate.alpha, certificate.alpha_bound, certificate.sigma) == (0.001, 0.001, 0.25)
    assert certificate.votes_required == 66
    assert certificate.radius_cap == radius_cap(100, 0.25, 0.001)
