# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
import time

import pytest

from rs_monitor.engines import EngineError
from rs_monitor.models import ModelError
from rs_monitor.training.model_files import staged


def test_what_fails_leaves_the_folder_as_it_was(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"before")
    with pytest.raises(RuntimeError), staged(tmp_path) as stage:
        (stage / "model.onnx").write_bytes(b"after")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == b"before"


def test_what_a_killed_program_left_goes_and_anothers_work_stays(tmp_path):
    left, at_work = tmp_path / ".staged-left", tmp_path / ".staged-at_work"
    for folder in (left, at_work):
        folder.mkdir()
        (folder / "model.onnx").write_bytes(b"half")
    long_ago = time.time() - 86400
    os.utime(left, (long_ago, long_ago))
    with staged(tmp_path) as stage:
        (stage / "model.onnx").write_bytes(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".staged-at_work", "model.onnx"]


@pytest.mark.parametrize("kind", [ModelError, EngineError])
def test_errors_name_the_folder_that_stays(tmp_path, kind):
    with pytest.raises(ModelError) as caught, staged(tmp_path) as stage:
        raise kind(f"{stage}/model.onnx: its output is flat")
    assert str(caught.value) == f"{tmp_path}/model.onnx: its output is flat"
    assert not list(tmp_path.iterdir())
