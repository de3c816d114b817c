# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import fractions

import numpy as np
import pytest

from rs_monitor.certification.checks import (
    MAX_SAMPLES,
    check_alpha,
    check_integer,
    check_not_negative,
    check_positive,
    check_votes,
)


def test_what_is_within_its_range_is_returned_in_the_type_to_compute_with():
    for value in (3, np.uint8(3), 4, MAX_SAMPLES):
        assert check_integer("n", value, low=3) == value
        assert type(check_integer("n", value, low=3)) is int
    assert check_integer("n", 7, low=3, high=7) == 7
    for check in (check_positive, check_not_negative):
        for value in (2, np.float32(2), fractions.Fraction(2), 2.0):
            assert check("x", value) == 2 and type(check("x", value)) is float
    assert check_not_negative("x", 0) == 0.0
    assert check_positive("x", 5e-324) == 5e-324 and check_positive("x", 0.5) == 0.5
    for alpha in (5e-324, fractions.Fraction(1, 2), np.float32(0.5), 1 - 2.0**-53):
        assert check_alpha(alpha) == alpha and type(check_alpha(alpha)) is float
    votes = check_votes("counts", (np.uint8(200), 100))
    assert votes.dtype == np.int64 and votes.tolist() == [200, 100]
    assert check_votes("counts", [MAX_SAMPLES, 0]).sum() == MAX_SAMPLES


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_integer("n", True, low=0), "n must be an integer, got True"),
        (lambda: check_integer("n", np.True_, low=0), f"n must be an integer, got {np.True_!r}"),
        (lambda: check_integer("n", 2.0, low=0), "n must be an integer, got 2.0"),
        (lambda: check_integer("n", 2, low=3, high=9), "n must lie in 3..9, got 2"),
        (lambda: check_integer("n", 10, low=3, high=9), "n must lie in 3..9, got 10"),
        (lambda: check_integer("n", 2**32, low=3), "n must lie in 3..4294967295, got 4294967296"),
        (lambda: check_positive("x", 0), "x must be a finite number above 0, got 0"),
        (lambda: check_positive("x", "1"), "x must be a finite number above 0, got '1'"),
        (lambda: check_positive("x", True), "x must be a finite number above 0, got True"),
        (
            lambda: check_positive("x", np.True_),
            f"x must be a finite number above 0, got {np.True_!r}",
        ),
        (lambda: check_positive("x", np.inf), "x must be a finite number above 0, got inf"),
        (
            lambda: check_positive("x", 10**400),
            f"x must be a finite number above 0, got {10**400}",
        ),
        (lambda: check_not_negative("x", -0.5), "x must be a finite number, 0 or above, got -0.5"),
        (
            lambda: check_not_negative("x", np.nan),
            "x must be a finite number, 0 or above, got nan",
        ),
        (lambda: check_not_negative("x", None), "x must be a finite number, 0 or above, got None"),
        (lambda: check_alpha(0), "alpha must be a number strictly between 0 and 1, got 0"),
        (lambda: check_alpha(1.0), "alpha must be a number strictly between 0 and 1, got 1.0"),
        (lambda: check_alpha(None), "alpha must be a number strictly between 0 and 1, got None"),
        (
            lambda: check_votes("counts", [1, True]),
            "counts must hold integers, got a bool in [1, True]",
        ),
        (
            lambda: check_votes("counts", (np.True_, 1)),
            f"counts must hold integers, got a bool in {(np.True_, 1)!r}",
        ),
        (
            lambda: check_votes("counts", [[1, 2], [3]]),
            "counts must be one row of integers, got [[1, 2], [3]]",
        ),
        (
            lambda: check_votes("counts", [5]),
            "counts must be one row of votes for at least two classes, got shape (1,)",
        ),
        (
            lambda: check_votes("counts", [[5, 6]]),
            "counts must be one row of votes for at least two classes, got shape (1, 2)",
        ),
        (
            lambda: check_votes("counts", [5.0, 6.0]),
            "counts must hold integers below 2**63, got dtype float64",
        ),
        (lambda: check_votes("counts", [5, -1]), "counts must not be negative, got -1"),
        (
            lambda: check_votes("counts", [MAX_SAMPLES, 1]),
            "counts must sum to at most 4294967295, its largest is 4294967295",
        ),
        (
            lambda: check_votes("counts", np.array([2**63, 2**63], np.uint64)),
            "counts must sum to at most 4294967295, its largest is 9223372036854775808",
        ),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
