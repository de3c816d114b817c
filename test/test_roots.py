# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os

import pytest

from rs_monitor.roots import outside


@pytest.fixture
def roots(tmp_path):
    for name in ("models", "modelsother", "more", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "models")
    (tmp_path / "models" / "escape").symlink_to(tmp_path / "elsewhere")
    return os.pathsep.join([str(tmp_path / "link"), str(tmp_path / "more")])


@pytest.mark.parametrize("name", ["models/a.yaml", "link/b/c.yaml", "more/../more/d", "models"])
def test_what_lies_below_a_root(tmp_path, roots, name):
    assert outside(tmp_path / name, roots) == ""
    assert outside(tmp_path / name, "") == ""


@pytest.mark.parametrize(
    "name",
    ["elsewhere/a", "models/../elsewhere/a", "models/escape/a", "modelsother/a", "a\0b", ""],
)
def test_what_does_not(tmp_path, roots, name):
    assert outside(f"{tmp_path}/{name}", roots)
    assert outside(f"{tmp_path}/{name}", os.pathsep) != ""
    assert outside(f"{tmp_path}/{name}", "") == ""
