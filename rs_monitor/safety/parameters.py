# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The safety monitor's parameters: the one table.

All are fixed once the node runs: who can reach its parameter services must not be able to lower
what is required.
"""

from __future__ import annotations

from ..parameter import Parameter

FIRST = "first"
PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "certifier",
        "certifier",
        "name of the certifier, relative to this node's namespace, for its ~/info",
        runtime=False,
        start_only=True,
    ),
    Parameter(
        "expected.model_id",
        "",
        "the model that certificates must be of: its sha256, or the 12 digits in certificates; "
        f"{FIRST}: whatever the certifier names first, which checks nothing but later changes; "
        "empty: never SAFE",
        runtime=False,
        start_only=True,
    ),
    Parameter(
        "expected.sigma",
        0.0,
        "the sigma that certificates must be of; 0: any",
        runtime=False,
        start_only=True,
        low=0.0,
        high=10.0,
    ),
    Parameter(
        "expected.max_alpha",
        0.001,
        "largest alpha that is accepted",
        runtime=False,
        start_only=True,
        low=1e-12,
        high=0.5,
    ),
    Parameter(
        "required_radius",
        0.0,
        "least certified radius at the network's input, pixels in [0, 1]",
        runtime=False,
        start_only=True,
        low=0.0,
        high=1e6,
    ),
    Parameter(
        "required_radius_by_class",
        "",
        "in its place for some classes: stop=0.3, yield=0.2; UNKNOWN until ~/info names them",
        runtime=False,
        start_only=True,
    ),
    Parameter(
        "max_age",
        0.2,
        "seconds after a frame's stamp for which its certificate may be relied on",
        runtime=False,
        start_only=True,
        low=1e-3,
        high=60.0,
    ),
    Parameter(
        "debounce.k",
        3,
        "certificates, of the last debounce.m, that must have passed for SAFE",
        runtime=False,
        start_only=True,
        low=1,
        high=1000,
    ),
    Parameter(
        "debounce.m",
        5,
        "certificates that are looked at",
        runtime=False,
        start_only=True,
        low=1,
        high=1000,
    ),
    Parameter(
        "debounce.window",
        1.0,
        "seconds after which a certificate is not looked at any more",
        runtime=False,
        start_only=True,
        low=1e-3,
        high=600.0,
    ),
    Parameter(
        "period",
        0.05,
        "seconds between two statements, at most; every certificate is answered at once",
        runtime=False,
        start_only=True,
        low=0.005,
        high=1.0,
    ),
)
TITLE = "Parameters of the safety monitor; each is shown with its default."
