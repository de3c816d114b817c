# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Replays that were stopped, killed or out of room, and go on."""

import json
import os
import resource
import signal
import subprocess
import sys

import psutil
import pytest
from recordings import drive
from replay_command import (
    LIMIT,
    done_parts,
    error_of,
    options,
    replay,
    start,
    wait_for,
    with_room_for,
)


@pytest.fixture(scope="module")
def long_bag(tmp_path_factory):
    return drive(tmp_path_factory.mktemp("long") / "drive", 300)


@pytest.fixture(scope="module")
def whole(long_bag, card, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "out"
    replay(long_bag, "--n", "2000", card=card, out=out)
    return (out / "frames.parquet").read_bytes()


@pytest.mark.parametrize(
    ("number", "processes"), [(signal.SIGKILL, 1), (signal.SIGINT, 1), (signal.SIGTERM, 2)]
)
def test_an_interrupted_replay_goes_on(long_bag, card, whole, tmp_path, number, processes):
    out, places = tmp_path / "out", {"card": card, "out": tmp_path / "out"}
    process = start(long_bag, "--n", 2000, **places, processes=processes)
    wait_for(lambda: len(done_parts(out)) >= 2, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, errors = process.communicate(timeout=LIMIT)
    if number != signal.SIGKILL:
        assert process.returncode == 128 + signal.SIGINT
        assert f"what is done is kept in {out}" in errors and "Traceback" not in errors
    gone, alive = psutil.wait_procs(children, LIMIT)
    assert not alive
    before = done_parts(out)
    assert 2 <= len(before) < 12 and not (out / "frames.parquet").exists()
    _, summary = replay(long_bag, "--n", "2000", **places)
    assert {path: done_parts(out)[path] for path in before} == before
    assert summary["resumed"] and summary["frames_in_this_run"] == 300 - 25 * len(before)
    assert (out / "frames.parquet").read_bytes() == whole


def test_a_lost_worker_process_changes_nothing(long_bag, card, whole, tmp_path):
    out = tmp_path / "out"
    process = start(long_bag, "--n", 2000, card=card, out=out, processes=2)
    wait_for(lambda: len(done_parts(out)) >= 2, process)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    workers[0].kill()
    assert process.wait(LIMIT) == 0, process.communicate()
    assert (out / "frames.parquet").read_bytes() == whole


def test_a_killed_ray_worker_changes_nothing(long_bag, card, whole, tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    out = tmp_path / "out"
    words = (long_bag, "--n", 2000, "--ray", "auto", "--processes", 2)
    process = start(*words, card=card, out=out, processes=None)
    wait_for(lambda: len(done_parts(out)) >= 2, process)
    actors = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.name().startswith("ray::_Actor")
    ]
    assert actors
    actors[0].kill()
    assert process.wait(LIMIT) == 0, process.communicate()
    assert (out / "frames.parquet").read_bytes() == whole
    assert json.loads((out / "summary.json").read_text())["frames_in_this_run"] == 300


def test_a_full_disk(bag, card, tmp_path):
    out = tmp_path / "out"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    line = with_room_for(4096, options(bag, card=card, out=out))
    assert "File too large" in line and "parts that are done are kept" in line
    assert not (out / "frames.parquet").exists()
    replay(bag, card=card, out=out)  # with room it goes on


@pytest.mark.parametrize("left", [".lock", "settings.json.partial"])
def test_a_replay_killed_before_its_settings_were_written(bag, card, tmp_path, left):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / left).write_text("{")
    replay(bag, "--n", "25", card=card, out=tmp_path / "out")


def test_a_full_disk_at_the_first_file(bag, card, tmp_path):
    words = options(bag, "--n", "25", card=card, out=tmp_path / "out")
    assert "parts that are done are kept" in with_room_for(9, words)
    replay(bag, "--n", "25", card=card, out=tmp_path / "out")  # with room it goes on


def test_a_disk_that_is_full_at_the_report(bag, card, tmp_path):
    out = tmp_path / "out"
    replay(bag, "--n", "25", card=card, out=out)
    line = with_room_for(300_000, options(bag, "--n", "25", card=card, out=out))
    assert "cannot write" in line and "all other results are in" in line
    assert not (out / "report.html").exists()  # it showed what was there before


def test_a_damaged_part(bag, card, tmp_path, capsys):
    out = tmp_path / "out"
    replay(bag, "--n", "25", card=card, out=out)
    part = min((out / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-9])
    capsys.readouterr()
    line = error_of(capsys, bag, "--n", "25", card=card, out=out)
    assert f"{part} is damaged: remove it" in line
    part.unlink()
    replay(bag, "--n", "25", card=card, out=out)


def test_a_terminals_interrupt_while_workers_start(long_bag, card, tmp_path):
    words = options(long_bag, "--n", 2000, card=card, out=tmp_path / "out", processes=3)
    command = [sys.executable, "-m", "rs_monitor", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: len(psutil.Process(process.pid).children()) >= 3, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in errors, errors
