# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A node whose engine has to be built first."""

import os
from pathlib import Path

import pytest
from diagnostics_listener import DiagnosticsListener
from image_messages import image

from rs_monitor.ros.diagnostics import Level


@pytest.fixture
def building(start, tmp_path, monkeypatch):
    """Start a node that has begun to build; `monitor.verdict` is the file that ends it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

    def make(**parameters):
        verdict = tmp_path / "verdict"
        values = {name.replace("__", "."): value for name, value in parameters.items()}
        monitor = start(values, module="building_node", options=(str(verdict),))
        monitor.verdict = verdict
        monitor.diagnostics = DiagnosticsListener(monitor.client, monitor.name)
        return monitor

    return make


def engine_says(monitor, text, level):
    def said():
        statuses = [m["Engine"] for m in monitor.diagnostics.messages if "Engine" in m]
        return statuses and text in statuses[-1].message and statuses[-1].level == level

    monitor.wait(said, f"diagnosis {text}")


def test_it_answers_while_it_builds_and_configures_itself_after_that(building, tmp_path):
    monitor = building(engine__cache_dir=str(tmp_path / "cache"))
    assert not monitor.change("configure")
    assert monitor.state() == "unconfigured"
    engine_says(monitor, "building: Optimising: ", Level.WARN)
    assert not monitor.change("configure")
    assert "an engine is being built (Optimising" in monitor.output
    assert f"{tmp_path / 'cache'} has no engine: it is being built" in monitor.output
    monitor.verdict.write_text("good")
    monitor.wait(lambda: monitor.state() == "inactive", "configuration")
    assert monitor.change("activate")
    monitor.wait(monitor.connected, "connection")
    monitor.certified(image())


def test_a_build_that_fails_is_told_and_may_be_tried_again(building):
    monitor = building()
    assert not monitor.change("configure")
    monitor.verdict.write_text("the GPU has no memory")
    engine_says(monitor, "the GPU has no memory", Level.ERROR)
    assert "the engine was not built: the GPU has no memory" in monitor.output
    assert monitor.state() == "unconfigured"
    monitor.verdict.write_text("good")
    assert not monitor.change("configure")
    monitor.wait(lambda: monitor.state() == "inactive", "configuration")


def test_without_leave_to_build_it_is_refused(building):
    monitor = building(engine__build=False)
    assert not monitor.change("configure")
    assert "not built, and engine.build is false" in monitor.output


def test_a_signal_ends_it_while_it_builds(building):
    monitor = building()
    assert not monitor.change("configure")
    assert monitor.stop() == 0, monitor.output
    assert "Traceback" not in monitor.output
