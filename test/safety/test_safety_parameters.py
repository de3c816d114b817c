# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
from rs_monitor.safety.parameters import PARAMETERS


def test_defaults_are_allowed_and_nothing_changes_at_run_time():
    for parameter in PARAMETERS:
        assert not parameter.check(parameter.default)
        assert not parameter.runtime
