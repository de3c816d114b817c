# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import signal
from pathlib import Path

import psutil
import pytest

import rs_monitor
from rs_monitor.processes import ProcessError, Processes, own_domain

LIMIT = 120.0  # seconds after which a test gives up: a busy machine needs some of them


def program(folder, text):
    """Write a module of that text; returns how to run it with `python -m`."""
    (folder / "helper.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


def test_a_process_that_fails_is_named_with_its_last_words(tmp_path):
    found = program(tmp_path, "raise SystemExit('no lens')")
    with Processes(tmp_path, found) as processes, pytest.raises(ProcessError) as error:
        processes.start("camera", ["helper"])
        processes.wait_until(lambda: False)
    assert str(error.value) == "the camera ended with status 1: no lens"


def test_a_process_that_does_not_listen_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr("rs_monitor.processes._PATIENCE", 0.2)
    text = (
        "import pathlib, signal, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\n"
        "time.sleep(1000)\n"
    )
    before = set(psutil.Process().children())
    with Processes(tmp_path, program(tmp_path, text)) as processes:
        processes.start("camera", ["helper"])
        assert processes.wait_until((tmp_path / "ready").exists, LIMIT)
        assert not processes.wait_until(lambda: False, 0.01)
        (other,) = set(psutil.Process().children()) - before
    assert not other.is_running()


def test_complaints_are_the_warnings_and_errors_of_a_log(tmp_path):
    text = "print('[INFO] [1.0] [n]: a'); print('[WARN] [1.0] [n]: b'); print('c')"
    with Processes(tmp_path, program(tmp_path, text)) as processes:
        processes.start("node", ["helper"])
        processes.finish("node")
        assert processes.complaints("node") == ["[WARN] [1.0] [n]: b"]


def test_domains_are_not_shared():
    with own_domain() as first, own_domain() as second:
        assert first != second
    with own_domain() as again:
        assert again == first


def test_a_program_is_told_signalled_and_killed(tmp_path):
    text = (
        "import pathlib, signal, sys\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "signal.signal(signal.SIGUSR1, lambda *_: (folder / 'signal').touch())\n"
        "for line in sys.stdin: (folder / line.strip()).touch()\n"
    )
    with Processes(tmp_path, program(tmp_path, text)) as processes:
        processes.start("camera", ["helper"], told=True)
        processes.tell("camera", "first\nsecond\n")
        assert processes.wait_until((tmp_path / "second").exists, LIMIT)
        assert (tmp_path / "first").exists()
        processes.signal("camera", signal.SIGUSR1)
        assert processes.wait_until((tmp_path / "signal").exists, LIMIT)
        camera = psutil.Process(processes.pid("camera"))
        processes.kill("camera")
        assert not camera.is_running()
        processes.wait_until(lambda: True)  # nobody misses it


def test_programs_end_when_their_parent_is_killed(tmp_path):
    text = "import pathlib, time\n"
    text += f"pathlib.Path({str(tmp_path / 'ready')!r}).touch()\ntime.sleep(1000)\n"
    found = program(tmp_path, text)
    parent = (
        "import pathlib, time\n"
        "from rs_monitor.processes import Processes\n"
        f"with Processes(pathlib.Path({str(tmp_path)!r}), {found!r}) as processes:\n"
        "    processes.start('camera', ['helper'])\n"
        "    time.sleep(1000)\n"
    )
    (tmp_path / "parent.py").write_text(parent)
    places = f"{tmp_path}:{Path(rs_monitor.__file__).parents[1]}"
    with Processes(tmp_path, {"PYTHONPATH": places}) as processes:
        processes.start("parent", ["parent"])
        assert processes.wait_until((tmp_path / "ready").exists, LIMIT)
        (child,) = psutil.Process(processes.pid("parent")).children()
        processes.kill("parent")
        assert psutil.wait_procs([child], LIMIT)[1] == []
