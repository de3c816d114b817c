# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.engines import EngineError
from rs_monitor.engines.cache import EngineCache, EngineKey, default_folder

KEY = EngineKey("ab" * 32, "tensorrt_rtx", "1.2", "", "8.6", "fp16", 64, 32, 32)
ENGINE = bytes(range(256)) * 50
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / "engines")


def stored(cache, key=KEY, engine=ENGINE):
    return cache.get(key, lambda: engine)


def never():
    raise AssertionError("built although it was there")


def test_built_once(cache):
    assert cache.load(KEY) is None
    assert stored(cache) == (ENGINE, True)
    assert cache.get(KEY, never) == (ENGINE, False)
    assert EngineCache(cache.folder).load(KEY) == ENGINE


def test_a_folder_made_read_only_gives_what_it_holds(cache, monkeypatch):
    stored(cache)
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    frozen = EngineCache(cache.folder)
    assert frozen.load(KEY) == ENGINE
    assert frozen.get(KEY, never) == (ENGINE, False)
    with pytest.raises(EngineError, match="is not writable"):
        frozen.get(dataclasses.replace(KEY, batch=1), never)


def test_only_the_owner_can_read(cache):
    stored(cache)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.folder.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700
    record = json.loads(cache.record_path(KEY).read_text())
    assert record["key"] == dataclasses.asdict(KEY)
    assert record["written_by"] == os.geteuid()


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(EngineKey)])
def test_another_key_is_another_engine(cache, field):
    stored(cache)
    value = getattr(KEY, field)
    other = dataclasses.replace(KEY, **{field: value + (1 if isinstance(value, int) else "0")})
    assert cache.load(other) is None
    assert other.name != KEY.name


@given(place=st.integers(0, len(ENGINE) - 1), change=st.integers(1, 255))
@settings(max_examples=25, deadline=None)
def test_a_changed_byte_is_refused(tmp_path_factory, place, change):
    cache = EngineCache(tmp_path_factory.mktemp("cache") / "engines")
    stored(cache)
    content = bytearray(ENGINE)
    content[place] ^= change
    cache.path(KEY).write_bytes(content)
    with pytest.raises(EngineError, match="was changed or cut short"):
        cache.load(KEY)


def truncate(cache):
    os.truncate(cache.path(KEY), 100)


def remove(cache):
    cache.path(KEY).unlink()


def link(cache):
    elsewhere = cache.folder.parent / "elsewhere"
    cache.path(KEY).rename(elsewhere)
    cache.path(KEY).symlink_to(elsewhere)


def link_record(cache):
    elsewhere = cache.folder.parent / "elsewhere"
    cache.record_path(KEY).rename(elsewhere)
    cache.record_path(KEY).symlink_to(elsewhere)


def pipe(cache):
    remove(cache)
    os.mkfifo(cache.path(KEY), 0o600)


def directory(cache):
    remove(cache)
    cache.path(KEY).mkdir()


def open_to_others(cache):
    cache.path(KEY).chmod(0o644)


def swap(cache):
    other = dataclasses.replace(KEY, precision="fp32")
    stored(cache, other, ENGINE[::-1])
    for of in (cache.path, cache.record_path):
        of(KEY).write_bytes(of(other).read_bytes())


def older_version(cache):
    record = json.loads(cache.record_path(KEY).read_text())
    record["key"]["version"] = "1.1"
    cache.record_path(KEY).write_text(json.dumps(record))


def copied_from_another_user(cache):
    record = json.loads(cache.record_path(KEY).read_text())
    record["written_by"] += 1
    cache.record_path(KEY).write_text(json.dumps(record))


def huge_record(cache):
    os.truncate(cache.record_path(KEY), 1 << 30)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (truncate, "cut short"),
        (remove, "is missing"),
        (link, "cannot be read as a regular file"),
        (link_record, "cannot be read as a regular file"),
        (pipe, "not a regular file"),
        (directory, "not a regular file"),
        (open_to_others, "open to other users"),
        (swap, "of another engine"),
        (older_version, "of another engine"),
        (copied_from_another_user, f"written by user {os.geteuid() + 1}, not by {os.geteuid()}"),
        (huge_record, "at most"),
    ],
)
def test_what_cannot_be_trusted_is_refused(cache, harm, reason):
    stored(cache)
    harm(cache)
    with pytest.raises(EngineError, match=reason):
        cache.get(KEY, never)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"key": 1}', "[" * 30000, "\x00\xff"])
def test_records_that_are_none(cache, text):
    stored(cache)
    cache.record_path(KEY).write_text(text, encoding="latin-1")
    with pytest.raises(EngineError, match="no record of an engine"):
        cache.load(KEY)


def test_a_folder_that_others_can_write_is_refused(tmp_path):
    (tmp_path / "engines").mkdir()
    (tmp_path / "engines").chmod(0o777)
    with pytest.raises(EngineError, match="open to other users"):
        EngineCache(tmp_path / "engines")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_somebody_elses_files_are_refused(cache):
    stored(cache)
    os.chown(cache.path(KEY), 12345, -1)
    with pytest.raises(EngineError, match="belongs to user 12345"):
        cache.load(KEY)
    os.chown(cache.folder, 12345, -1)
    with pytest.raises(EngineError, match="belongs to user 12345"):
        EngineCache(cache.folder)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError, match="make the engine cache .*/Jürgen': Not a directory"):
        EngineCache(tmp_path / "file" / "Jürgen")
    with pytest.raises(EngineError, match=r"engine cache .*eng\\x00ines': embedded null byte"):
        EngineCache(tmp_path / "eng\0ines")


def test_a_build_that_fails_leaves_nothing(cache):
    def build():
        raise EngineError("no such operation")

    with pytest.raises(EngineError, match="no such operation"):
        cache.get(KEY, build)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]
    assert stored(cache) == (ENGINE, True)


def test_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "rs_monitor" / "engines"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_folder() == Path("/home/somebody/.cache/rs_monitor/engines")
    for home in ("", "here"):
        monkeypatch.setenv("HOME", home)
        with pytest.raises(EngineError, match=f"HOME is '{home}'.*XDG_CACHE_HOME"):
            default_folder()


KILLED = """
import dataclasses, os, signal, sys
sys.path[:0] = sys.argv[1:3]
import test_cache as t
from pathlib import Path
calls, real = [], getattr(os, sys.argv[4])
def dying(*arguments):
    calls.append(arguments)
    if len(calls) == int(sys.argv[5]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments)
setattr(os, sys.argv[4], dying)
t.stored(t.EngineCache(Path(sys.argv[3])))
"""


@pytest.mark.parametrize(("call", "number"), [("fsync", i) for i in (1, 2, 3)] + [
    ("replace", 1), ("replace", 2)])  # fmt: skip
def test_killed_while_writing(cache, call, number):
    arguments = [str(Path(__file__).parent), str(ROOT), str(cache.folder), call, str(number)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], timeout=100)
    assert done.returncode == -signal.SIGKILL
    assert cache.load(KEY) is None
    assert stored(cache) == (ENGINE, True)
    assert cache.load(KEY) == ENGINE
    assert not list(cache.folder.glob("*.partial"))


FULL = """
import resource, sys
sys.path[:0] = sys.argv[1:3]
import test_cache as t
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
try:
    t.stored(t.EngineCache(Path(sys.argv[3])))
except t.EngineError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.mark.parametrize("size", [0, 100, len(ENGINE) - 1])
def test_a_full_disk_leaves_nothing_half_written(cache, size):
    from unmeasured import unmeasured  # not above: the processes import this file by itself

    arguments = [str(Path(__file__).parent), str(ROOT), str(cache.folder), str(size)]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *arguments],
        env=unmeasured(), timeout=100, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("refused: cannot") and "Traceback" not in done.stderr
    assert cache.load(KEY) is None
    assert {path.suffix for path in cache.folder.iterdir()} == {".lock"}
    assert stored(cache) == (ENGINE, True)


RACING = """
import sys
sys.path[:0] = sys.argv[1:3]
import test_cache as t
from pathlib import Path
cache = t.EngineCache(Path(sys.argv[3]))
print("ready", flush=True)
sys.stdin.readline()
def build():
    print("built", flush=True)
    return t.ENGINE
assert cache.get(t.KEY, build)[0] == t.ENGINE
"""


def test_of_several_builders_one_builds(cache):
    arguments = [str(Path(__file__).parent), str(ROOT), str(cache.folder)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RACING, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=100)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert "".join(outputs) == "built\n"
