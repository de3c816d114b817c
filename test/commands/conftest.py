# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of several commands use."""

import pytest
from recordings import color_of, drive
from replay_command import COUNT
from small_models import write_model


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    path = drive(tmp_path_factory.mktemp("bag") / "drive", COUNT)
    lines = ["index,label", *(f"{i},{color_of(i)}" for i in range(COUNT))]
    (path / "labels.csv").write_text("\n".join(lines))
    return path
