# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain for this test process, and node processes in it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import domain_coordinator
import pytest
import rclpy
from color_model import write_color_model
from monitor_process import CAMERA_PROFILE, Monitor
from rclpy.signals import SignalHandlerOptions

from rs_monitor.parameters import PARAMETERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session", autouse=True)
def ros_domain():
    """Keep node processes and this process apart from all other test processes."""
    with domain_coordinator.domain_id() as domain:
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        # This process is the camera: without it, large frames do not arrive.
        os.environ[CAMERA_PROFILE] = str(ROOT / "config" / "fastdds_camera.xml")
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        yield domain
        rclpy.shutdown()


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A card of a classifier of colours that loads and runs in milliseconds."""
    return write_color_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def starter():
    """A context in which node processes are started, all ended with it."""

    @contextlib.contextmanager
    def context(card, folder):
        monitors = []

        def start(*arguments, card=card, **options):
            monitors.append(Monitor(card, folder, *arguments, **options))
            return monitors[-1]

        try:
            yield start
        finally:
            for monitor in monitors:
                monitor.close()

    return context


@pytest.fixture
def start(model, tmp_path, starter):
    """Start node processes that end with the test."""
    with starter(model, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def active(model, tmp_path_factory, starter):
    """An active node that a module's tests share: they leave its parameters as they were."""
    with starter(model, tmp_path_factory.mktemp("active")) as start:
        yield start().activate()


@pytest.fixture
def restored(active):
    """The shared node, whose run-time parameters are as before when a test ends."""
    names = [parameter.name for parameter in PARAMETERS if parameter.runtime]
    before = {name.replace(".", "__"): active.get(name) for name in names}
    yield active
    assert active.set(atomically=True, **before)[0].successful
