# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How the nodes' processes start."""

import os
import signal
import subprocess
import sys

import pytest
import rclpy
from lifecycle_msgs.srv import ChangeState
from monitor_process import LIMIT, end, node_command

PROGRAMS = ("rs_monitor.ros.node", "rs_monitor.ros.safety_node")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_signal_during_the_imports_ends_the_process(program, number):
    words = [sys.executable, "-X", "importtime", "-m", program]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:  # one for every module, as soon as it is imported
            if line.endswith(" rclpy.parameter\n"):
                break
        process.send_signal(number)
        _, rest = process.communicate(timeout=LIMIT)
    finally:
        end(process)
    assert process.returncode == 0
    assert "Traceback" not in rest


UP = """
from rs_monitor.ros.process import _say_up
class Node:
    def get_fully_qualified_name(self):
        return "/rs/certifier"
_say_up(Node())
"""


@pytest.mark.parametrize("to", ["/dev/full", "closed", "a file"])
def test_a_line_that_cannot_be_written_does_not_end_the_node(tmp_path, to):
    target = tmp_path / "out" if to == "a file" else "/dev/full"
    command = 'exec "$0" -c "$1" >&-' if to == "closed" else f'exec "$0" -c "$1" >{target}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, UP], capture_output=True, text=True, timeout=LIMIT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert to != "a file" or target.read_text() == "/rs/certifier is up\n"


@pytest.fixture
def second(tmp_path):
    """Start a second node of a name, and end it; returns its process and the file it writes."""
    processes = []

    def begin(monitor):
        path = tmp_path / f"second{len(processes)}.txt"
        command = node_command({}, "-r", f"__ns:={monitor.namespace}")
        with open(path, "wb") as output:
            processes.append(subprocess.Popen(command, stdout=output, stderr=output))
        return processes[-1], path

    yield begin
    for process in processes:
        end(process)


def says(monitor, path, text, **options):
    monitor.wait(lambda: text in path.read_text(), f"line {text!r}", **options)


def test_a_second_node_of_a_name_gives_up_and_the_first_goes_on(start, second):
    monitor = start()
    process, path = second(monitor)
    monitor.wait(lambda: process.poll() is not None, "end of the second node")
    assert process.returncode == 2
    text = f"{monitor.name} runs already on this machine, as process {monitor.process.pid}"
    waits, gives_up = path.read_text().splitlines()
    assert waits == f"{text}: waiting up to 20 s for its end"
    assert gives_up == f"cannot start: {text}: end that, or choose another namespace"
    assert monitor.state() == "unconfigured"


def test_a_second_node_of_a_name_starts_once_the_first_has_ended(start, second):
    monitor = start()
    _, path = second(monitor)
    says(monitor, path, "waiting up to")
    assert monitor.stop() == 0
    says(monitor, path, f"{monitor.name} is up", may_end=True)


def test_a_signal_ends_the_waiting_for_a_name(start, second):
    monitor = start()
    process, path = second(monitor)
    says(monitor, path, "waiting up to")
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 0
    assert "cannot start" not in path.read_text()


def test_a_node_starts_at_once_after_a_crash(start, second):
    monitor = start()
    monitor.process.kill()
    monitor.process.wait()
    _, path = second(monitor)
    says(monitor, path, f"{monitor.name} is up", may_end=True)
    assert "waiting" not in path.read_text()


def test_a_node_does_not_configure_beside_one_on_another_machine(start):
    monitor = start()
    other = rclpy.create_node("other")  # as from there: it claims nothing on this one
    other.create_service(ChangeState, f"{monitor.name}/change_state", lambda _, answer: answer)
    monitor.wait(
        lambda: not monitor.change("configure") and "2 nodes are named" in monitor.output,
        "refusal",
    )
    other.destroy_node()
    assert f"2 nodes are named {monitor.name}, and take each other's requests" in monitor.output
    assert monitor.state() == "unconfigured"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("change", [{}, {"ROS_LOG_DIR": "/proc/none"}], ids=["unset", "denied"])
def test_without_a_folder_for_logs_it_says_what_to_set(program, change):
    kept = {name: os.environ[name] for name in os.environ if name not in ("HOME", "ROS_LOG_DIR")}
    command = [sys.executable, "-m", program]
    done = subprocess.run(
        command, capture_output=True, text=True, env=kept | change, timeout=LIMIT
    )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("cannot start: failed to initialize logging")
    assert last.endswith("; set HOME, or ROS_LOG_DIR to a folder that can be written")
