# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain for this test process, and node processes in it."""

from __future__ import annotations

import os

import domain_coordinator
import pytest
import rclpy
from monitor_process import Monitor
from rclpy.signals import SignalHandlerOptions
from small_models import write_model


@pytest.fixture(scope="session", autouse=True)
def ros_domain():
    """Keep node processes and this process apart from all other test processes."""
    with domain_coordinator.domain_id() as domain:
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        yield domain
        rclpy.shutdown()


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A card of a classifier of colours that loads and runs in milliseconds."""
    return write_model(tmp_path_factory.mktemp("model"))


def _starter(model, folder):
    monitors = []

    def start(*arguments, card=model, **options):
        monitors.append(Monitor(card, folder, *arguments, **options))
        return monitors[-1]

    return start, monitors


@pytest.fixture
def start(model, tmp_path):
    """Start node processes that end with the test."""
    start, monitors = _starter(model, tmp_path)
    yield start
    for monitor in monitors:
        monitor.close()


@pytest.fixture(scope="module")
def active(model, tmp_path_factory):
    """An active node that a module's tests share: they leave its parameters as they were."""
    start, monitors = _starter(model, tmp_path_factory.mktemp("active"))
    yield start().activate()
    monitors[0].close()
