# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rs_monitor.work_folder import WorkFolder

HOLD = (
    "import os, pathlib, sys\n"
    "from rs_monitor.work_folder import WorkFolder\n"
    "folder = WorkFolder('test')\n"
    "(pathlib.Path(folder.name) / 'inside').mkdir()\n"
    "print(folder.name, flush=True)\n"
    "sys.stdin.read()\n"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder in which temporary ones are made, by this process and others."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder(place):
    """A process that has a work folder, and that folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_ends_with_its_use(place):
    with WorkFolder("test") as name:
        assert Path(name).parent == place and Path(name).is_dir()
    folder = WorkFolder("test")
    folder.cleanup()
    assert list(place.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_by_the_next(holder, place):
    process, folder = holder
    process.kill()
    process.wait()
    assert folder.is_dir()
    with WorkFolder("test") as name:
        assert list(place.iterdir()) == [Path(name)]


def test_a_folder_in_use_stays(holder, place):
    process, folder = holder
    with WorkFolder("one") as name, WorkFolder("two"):
        assert (folder / "inside").is_dir() and Path(name).is_dir()
    process.communicate("")
    assert list(place.iterdir()) == []


def test_what_is_no_work_folder_stays(place):
    (place / "mine").mkdir()
    (place / "rs_monitor-work-link").symlink_to(place / "mine")
    (place / "rs_monitor-work-file").touch()
    with WorkFolder("test"):
        pass
    assert len(list(place.iterdir())) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_of_another_user_stays(place):
    other = place / "rs_monitor-work-other"
    other.mkdir()
    os.chown(other, 12345, 12345)
    WorkFolder("test").cleanup()
    assert other.is_dir()


def test_a_folder_that_another_process_took_for_dead_is_made_anew(place, monkeypatch):
    locks = []

    def flock(descriptor, how):
        if not locks:  # the other one was faster
            os.rmdir(os.readlink(f"/proc/self/fd/{descriptor}"))
        locks.append(descriptor)

    monkeypatch.setattr("fcntl.flock", flock)
    with WorkFolder("test") as name:
        assert len(locks) == 2 and Path(name).is_dir()


MANY = """
from rs_monitor.work_folder import WorkFolder
for _ in range(150):
    with WorkFolder("many") as folder:
        open(f"{folder}/file", "w").close()
"""


def test_processes_that_make_folders_at_once_do_not_disturb_each_other(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MANY], env=environment, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=100)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    assert not list(tmp_path.iterdir())


def test_a_folder_for_temporary_files_need_not_be_listed(tmp_path, monkeypatch):
    def denied(path):
        raise PermissionError(path)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "scandir", denied)
    work = WorkFolder("hidden")
    assert os.path.isdir(work.name)
    monkeypatch.undo()
    work.cleanup()
    assert not os.path.exists(work.name)
