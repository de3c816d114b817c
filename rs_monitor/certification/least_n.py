# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The fewest votes with which a procedure can certify at all, all of them for one class."""

import math
from types import MappingProxyType

from .checks import check_alpha

#: Part of alpha that `runner_up` spends on the class being the right one.
SELECTION = 0.05


def least_n_single_pass(alpha):
    """Fewest votes with which the single pass can certify: the least n with 2 * 2**-n <= alpha.

    Parameters
    ----------
    alpha : float
        Strictly between 0 and 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For alpha outside (0, 1).

    Examples
    --------
    >>> least_n_single_pass(0.001), least_n_single_pass(1.1e-8)
    (11, 28)
    """
    _, exponent = math.frexp(check_alpha(alpha))
    return 2 - exponent


def least_n_two_stage(alpha):
    """Fewest votes with which a class fixed beforehand can be certified: 2**-n < alpha.

    Parameters
    ----------
    alpha : float
        Strictly between 0 and 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For alpha outside (0, 1).

    Examples
    --------
    >>> least_n_two_stage(0.001), least_n_two_stage(1.1e-8)
    (10, 27)
    """
    fraction, exponent = math.frexp(check_alpha(alpha))
    return 1 - exponent if fraction > 0.5 else 2 - exponent


def least_n_runner_up(alpha):
    """Fewest votes with which `runner_up` can certify: 2 * 2**-n <= `SELECTION` * alpha.

    Parameters
    ----------
    alpha : float
        Strictly between 0 and 1.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        For alpha outside (0, 1).

    Examples
    --------
    >>> least_n_runner_up(0.001), least_n_runner_up(1.1e-8)
    (16, 32)
    """
    return least_n_single_pass(SELECTION * check_alpha(alpha))


#: Procedures whose radius follows from the votes of one class, by name: each with the function of
#: alpha that tells its fewest votes of the bound.
LEAST_N = MappingProxyType({"single_pass": least_n_single_pass, "two_stage": least_n_two_stage})

#: All procedures that may be selected, sound ones only, likewise.
PROCEDURES = MappingProxyType({**LEAST_N, "runner_up": least_n_runner_up})
