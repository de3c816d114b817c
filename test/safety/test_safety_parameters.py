# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from rs_monitor.parameter import markdown_table, yaml_text
from rs_monitor.safety.parameters import PARAMETERS, TITLE

ROOT = Path(__file__).resolve().parents[2]


def test_the_shipped_yaml_and_the_readme_are_up_to_date():
    yaml = (ROOT / "config" / "safety_monitor.yaml").read_text()
    assert yaml == yaml_text(PARAMETERS, TITLE)
    assert markdown_table(PARAMETERS) in (ROOT / "README.md").read_text(encoding="utf-8")


def test_defaults_are_allowed_and_nothing_changes_at_run_time():
    for parameter in PARAMETERS:
        assert not parameter.check(parameter.default)
        assert not parameter.runtime
