# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import os
import resource
import threading

import pytest

from rs_monitor.files import read_file, write_atomically


@pytest.fixture
def roots(tmp_path):
    for name in ("models", "more", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "models")
    (tmp_path / "models" / "escape").symlink_to(tmp_path / "elsewhere")
    return os.pathsep.join([str(tmp_path / "link"), str(tmp_path / "more")])


def test_reading(tmp_path, roots):
    (tmp_path / "models" / "a").write_bytes(b"content")
    for name in ("models/a", "link/a", "more/../models/a"):
        assert read_file(tmp_path / name, 7, roots) == b"content"
    with pytest.raises(OSError, match="larger than 6 bytes"):
        read_file(tmp_path / "models" / "a", 6, roots)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "models" / "b", 7, roots)
    (tmp_path / "elsewhere" / "a").write_bytes(b"secret")
    for name in ("elsewhere/a", "models/escape/a", "models/../elsewhere/a"):
        with pytest.raises(PermissionError, match="not below security.model_roots"):
            read_file(tmp_path / name, 7, roots)
        assert read_file(tmp_path / name, 7) == b"secret"


def test_what_is_no_file_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "", "/dev/zero", "a\0b"):
        with pytest.raises(OSError):
            read_file(tmp_path / name, 7)


def test_a_link_that_changes_meanwhile_leads_nowhere(tmp_path, roots):
    inside, outside_ = tmp_path / "models" / "good", tmp_path / "elsewhere" / "bad"
    inside.write_bytes(b"good")
    outside_.write_bytes(b"bad")
    link, done = tmp_path / "models" / "swapped", threading.Event()
    link.symlink_to(inside)

    def swap():
        other = tmp_path / "models" / "next"
        while not done.is_set():
            for target in (outside_, inside):
                other.symlink_to(target)
                other.replace(link)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        for _ in range(2000):
            try:
                seen.add(read_file(link, 7, roots))
            except PermissionError:
                seen.add(None)
    finally:
        done.set()
        thread.join()
    assert seen <= {b"good", None}


def test_new_content_takes_the_place_of_the_old(tmp_path):
    path = tmp_path / "file"
    for content in (b"first", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_atomically(path, bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_not_replaced(tmp_path):
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", b"")
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "file", b"")
    assert (tmp_path / "folder" / "full").is_dir()


def test_a_file_that_would_be_waited_for():
    if not os.access("/proc/kmsg", os.R_OK):
        pytest.skip("/proc/kmsg is for root")
    try:
        read_file("/proc/kmsg", 1 << 20)
    except OSError as error:
        assert error.filename == "/proc/kmsg" and error.strerror
