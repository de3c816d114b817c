# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.certification.expectation import radii_by_votes
from rs_monitor.evaluation.inversion import invert, is_printed_number, printed_half_widths


@pytest.mark.parametrize(
    ("texts", "half_widths"),
    [
        # three significant digits, trailing zeros dropped
        (["0.73", "0.953", "1.29", "2.24e-05"], [5e-4, 5e-4, 5e-3, 5e-8]),
        # four decimals
        (["0.3706", "0.0141", "3.8115", "0.0000"], [5e-5] * 4),
        # three decimals, trailing zeros dropped
        (["0.73", "0.012", "1.905", "2.0"], [5e-4] * 4),
        (["1.5e-1", "0.5"], [5e-3, 5e-3]),
        (["2"], [0.5]),
        (["0.0"], [0.05]),
        ([], []),
    ],
)
def test_printed_half_widths(texts, half_widths):
    assert printed_half_widths(texts) == pytest.approx(half_widths)


@pytest.mark.parametrize("text", ["", ".", "nan", "inf", "1_0", "0x1", "1e", "0.5 ", "1e-99999"])
def test_what_is_no_printed_number(text):
    assert not is_printed_number(text)


@settings(max_examples=50, deadline=None)
@given(
    n=st.sampled_from([1000, 100_000]),
    share=st.lists(st.floats(0.51, 1), min_size=1, max_size=20),
    form=st.sampled_from(["{:.3}", "{:.4f}", "{:.6f}", "{!r}"]),
    alpha=st.sampled_from([0.001, 0.01]),
    procedure=st.sampled_from(["single_pass", "two_stage"]),
)
def test_votes_come_back_within_the_printed_digits(n, share, form, alpha, procedure):
    made = {"n": n, "sigma": 0.25, "alpha": alpha, "procedure": procedure}
    table = radii_by_votes(n, 0.25, alpha, procedure)
    votes = np.maximum((np.array(share) * n).astype(int), np.flatnonzero(table)[0])
    texts = [form.format(float(r)) for r in table[votes]]
    radii = np.array([float(text) for text in texts])
    half_widths = printed_half_widths(texts)
    found = invert(radii, half_widths, **made)
    assert found.explained.all()
    assert np.all(np.abs(table[found.votes] - radii) <= half_widths + 1e-9)
    if form == "{!r}" and max(map(len, texts)) > 12:
        assert np.all(np.abs(found.votes - votes) <= 1)


def test_middle_of_the_consistent_votes():
    table = radii_by_votes(100_000, 0.25, 0.001, "two_stage")
    consistent = np.flatnonzero(np.abs(table - 0.3) <= 0.0005)
    found = invert(
        np.array([0.3]), np.array([0.0005]), n=100_000, sigma=0.25, alpha=0.001,
        procedure="two_stage",
    )  # fmt: skip
    assert found.votes[0] == (consistent[0] + consistent[-1]) // 2


def test_radius_of_no_votes_is_reported_and_the_nearest_taken():
    table = radii_by_votes(1000, 0.25, 0.001, "two_stage")
    between = table[999] + 0.4 * (table[1000] - table[999])
    radii = np.array([table[1000], between, table[1000] + 1, 0.0])
    found = invert(radii, np.full(4, 1e-6), n=1000, sigma=0.25, alpha=0.001, procedure="two_stage")
    assert found.explained.tolist() == [True, False, False, False]
    assert found.votes.tolist() == [1000, 999, 1000, np.flatnonzero(table)[0]]


def test_n_that_certifies_nothing():
    with pytest.raises(ValueError, match="n=5"):
        invert(np.zeros(1), np.zeros(1), n=5, sigma=1.0, alpha=0.001, procedure="two_stage")
