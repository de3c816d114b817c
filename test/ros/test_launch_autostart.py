# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The launch file brings its own node to active, and no other one of its name."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from monitor_process import LIMIT, end

pytest.importorskip("launch_ros", reason="launch_ros is not installed (no wheel carries it)")

FILE = Path(__file__).resolve().parents[2] / "launch" / "certify.launch.py"
PROGRAM = f"""
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

arguments = [argument.split(":=") for argument in sys.argv[1:]]
source = PythonLaunchDescriptionSource({str(FILE)!r})
included = IncludeLaunchDescription(source, launch_arguments=arguments)
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


@pytest.fixture
def launch(tmp_path, model):
    """Start the launch file in a namespace; returns its process and the file it writes."""
    processes = []

    def begin(namespace):
        path = tmp_path / f"launch{len(processes)}.txt"
        words = [f"namespace:={namespace}", f"model:={model}"]
        with open(path, "wb") as output:
            command = [sys.executable, "-c", PROGRAM, *words]
            processes.append(subprocess.Popen(command, stdout=output, stderr=output))
        return processes[-1], path

    yield begin
    for process in processes:
        end(process)


def test_a_node_of_the_same_name_is_left_as_it_is(start, launch):
    monitor = start()
    process, path = launch(monitor.namespace)
    monitor.wait(lambda: process.poll() is not None, "end of the launch")
    said = path.read_text()
    assert f"cannot start: {monitor.name} runs already" in said
    assert "its process has ended (exit status 2)" in said
    assert monitor.state() == "unconfigured"
    assert "TRANSITION" not in said


def test_the_node_is_brought_to_active_once_an_earlier_one_has_ended(start, launch):
    monitor = start()
    process, path = launch(monitor.namespace)
    monitor.wait(lambda: "waiting up to" in path.read_text(), "waiting")
    assert monitor.stop() == 0
    monitor.wait(lambda: monitor.images.get_subscription_count(), "subscription", may_end=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 0, path.read_text()


def test_a_node_that_ends_as_it_was_asked_to_is_no_error(start, launch):
    monitor = start()
    process, path = launch(monitor.namespace)
    monitor.wait(lambda: "waiting up to" in path.read_text(), "waiting")
    assert monitor.stop() == 0
    monitor.wait(lambda: monitor.images.get_subscription_count(), "subscription", may_end=True)
    os.kill(int(re.search(r"started with pid \[(\d+)\]", path.read_text())[1]), signal.SIGTERM)
    monitor.wait(lambda: process.poll() is not None, "end of the launch", may_end=True)
    said = path.read_text()
    assert "certify.launch]: " in said and "its process has ended (exit status 0)" in said
    assert "ERROR" not in said
