# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Live replays that lose frames, or are interrupted or killed."""

import contextlib
import signal
import tempfile

import psutil
import pytest
from recordings import PERIOD, drive, raw, record
from replay_command import LIMIT, options, results, start, wait_for
from small_models import solid

from rs_monitor.cli import main
from rs_monitor.work_folder import WorkFolder

pytest.importorskip("rclpy", reason="needs ROS 2")


def playing(process):
    """Return the processes of a live replay, once its recording is played; none before."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            module = child.cmdline()[2:3]
            found |= {name: child for name in module}
    names = ("node", "certificate_listener", "camera_publisher")
    return [*found.values()] if {f"rs_monitor.ros.{name}" for name in names} <= {*found} else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_live_replay_that_is_ended(card, tmp_path, monkeypatch, number):
    out, work = tmp_path / "out", tmp_path / "work"
    work.mkdir()
    monkeypatch.setenv("TMPDIR", str(work))
    monkeypatch.setattr(tempfile, "tempdir", str(work))
    bag = drive(tmp_path / "drive", 60)
    words = (bag, "--live", "--rate", 1, "--n", 100)
    process = start(*words, card=card, out=out, processes=None)
    try:
        wait_for(lambda: playing(process), process)
        children = playing(process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
    assert not psutil.wait_procs(children, LIMIT)[1]
    assert not list((out / "parts").iterdir())
    assert bool(list(work.iterdir())) == (number == signal.SIGKILL)
    WorkFolder("test").cleanup()  # as the next program does
    assert not list(work.iterdir())
    if number != signal.SIGKILL:
        assert process.returncode == 128 + signal.SIGINT
        (line,) = errors.splitlines()
        assert "interrupted; a recording that was not played to its end cannot go on" in line
        assert f"0 of 1 are kept in {out}" in line


def test_frames_that_are_superseded_are_said(card, tmp_path, capfd):
    # A burst: the node has not answered the first one when the last one comes.
    images = [(PERIOD + i, raw(solid("red", 24, 32), "rgb8", PERIOD + i)) for i in range(40)]
    bag = record(tmp_path / "bag", {"/camera": images})
    out = tmp_path / "out"
    words = options(bag, "--live", "--n", 100, card=card, out=out, processes=None)
    assert main(words) == 0
    found, summary = results(out)
    missing = sum(row["missing"] for row in found)
    assert missing
    (said,) = (text for text in summary["warnings"] if "have no certificate" in text)
    assert f"{missing} of 40 frames have no certificate" in said and "--rate" in said
    assert said in capfd.readouterr().err


def test_what_is_lost_of_a_recording_is_said_once(card, tmp_path, capfd):
    bag = drive(tmp_path / "drive", 3)
    (bag / "metadata.yaml").unlink()
    out = tmp_path / "out"
    words = (bag, "--live", "--rate", 2, "--n", 100)
    assert main(options(*words, card=card, out=out, processes=None)) == 0
    _, summary = results(out)
    assert sum("metadata.yaml is missing" in text for text in summary["warnings"]) == 1
    assert capfd.readouterr().err.count("metadata.yaml is missing") == 1
