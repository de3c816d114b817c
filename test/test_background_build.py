# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import threading

from rs_monitor.background_build import BackgroundBuild
from rs_monitor.engine_state import EngineStage
from rs_monitor.engines import EngineNotBuilt

LIMIT = 30.0


def run(build):
    ended = threading.Event()
    return BackgroundBuild(EngineNotBuilt("missing", build), ended.set), ended


def test_progress_and_end():
    told, go = threading.Event(), threading.Event()

    def build(progress):
        progress("Tuning", 3, 7)
        told.set()
        assert go.wait(LIMIT)

    background, ended = run(build)
    assert told.wait(LIMIT)
    assert background.state.stage is EngineStage.BUILDING
    assert background.state.detail == "Tuning: 3 of 7"
    assert not background.ended
    go.set()
    assert ended.wait(LIMIT)
    assert background.ended and background.failure == ""


def test_a_failure_is_kept():
    def build(progress):
        raise MemoryError

    background, ended = run(build)
    assert ended.wait(LIMIT)
    assert background.ended and background.failure == "MemoryError"
