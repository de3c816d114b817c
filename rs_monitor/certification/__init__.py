# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Certificates from votes: NumPy and SciPy only; no ROS, no engine, no files.

Examples
--------
>>> from rs_monitor.certification import single_pass
>>> single_pass([2, 97, 1], sigma=0.25, alpha=0.001).class_id
1
"""

from .bounds import lower_bound, radius, radius_cap, randomized_lower_bound
from .certificate import Certificate, Status
from .curtailment import curtailed
from .joint import prepare, runner_up_cap
from .least_n import (
    LEAST_N,
    PROCEDURES,
    SELECTION,
    least_n_runner_up,
    least_n_single_pass,
    least_n_two_stage,
)
from .pairs import (
    SinglePassPair,
    overstatement_probability,
    single_pass_pair,
    standin_pair,
)
from .procedures import single_pass, two_stage
from .single_pass_table import SinglePassTable
from .winner import runner_up, runner_up_bound

__all__ = [
    "LEAST_N",
    "PROCEDURES",
    "SELECTION",
    "Certificate",
    "SinglePassPair",
    "SinglePassTable",
    "Status",
    "curtailed",
    "least_n_runner_up",
    "least_n_single_pass",
    "least_n_two_stage",
    "lower_bound",
    "overstatement_probability",
    "prepare",
    "radius",
    "radius_cap",
    "randomized_lower_bound",
    "runner_up",
    "runner_up_bound",
    "runner_up_cap",
    "single_pass",
    "single_pass_pair",
    "standin_pair",
    "two_stage",
]
