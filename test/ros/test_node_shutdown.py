# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""How the process ends."""

import os
import signal
from pathlib import Path

import pytest
from image_messages import image
from monitor_process import LIMIT

from rs_monitor.certification import Status
from rs_monitor.ros.faults.engine import Fault, FaultFile


def is_quiet(output):
    return not any(word in output for word in ("Traceback", "Error", "ERROR", "FATAL", "dump"))


@pytest.mark.parametrize(
    "state, number",
    [
        ("unconfigured", signal.SIGTERM),
        ("inactive", signal.SIGINT),
        ("active", signal.SIGINT),
        ("active", signal.SIGTERM),
    ],
)
def test_a_signal_ends_the_process_in_every_state(start, state, number):
    monitor = start({"certification.n": 0, "timing.frame_period": 0.05})
    if state == "inactive":
        assert monitor.change("configure")
    if state == "active":
        monitor.activate()
        for _ in range(20):
            monitor.send(image(height=120, width=160))
    assert monitor.stop(number) == 0, monitor.output
    assert is_quiet(monitor.output), monitor.output


def send(monitor):
    """Send a frame that takes 1.6 s, and go on when it was received: many answers later."""
    monitor.send(image())
    for _ in range(20):
        monitor.get("seed")


def test_the_frame_in_progress_gets_its_certificate(start):
    monitor = start({"certification.n": 0, "timing.frame_period": 2.0}).activate()
    for count in (1, 2):
        send(monitor)
        assert monitor.change("deactivate")
        monitor.wait(lambda count=count: len(monitor.certificates) == count, "certificate")
        certificate = monitor.certificates[-1]  # a busy machine may be late
        assert certificate.n_used > 64 or certificate.status == Status.DEADLINE_MISSED
        assert monitor.change("activate")
        monitor.wait(monitor.connected, "connection")
    send(monitor)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):  # the others change nothing
        monitor.process.send_signal(number)
    monitor.wait(lambda: len(monitor.certificates) == 3, "certificate", may_end=True)
    assert monitor.process.wait(LIMIT) == 0
    assert is_quiet(monitor.output), monitor.output


def test_engines_that_are_being_opened_are_no_fault_at_the_end(start, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    fault = tmp_path / "fault"
    monitor = start(module="opening_node", options=(str(fault),)).activate()
    FaultFile(fault).command(Fault.EXCEPTION)
    assert monitor.certificate_of(image()).status == Status.ENGINE_ERROR
    monitor.wait(fault.with_suffix(".opening").exists, "opening")
    assert monitor.stop(signal.SIGTERM) == 0, monitor.output
    assert "engines are still being opened" in monitor.output
    assert "never returned" not in monitor.output
