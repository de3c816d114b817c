# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A replay that goes on in a folder where somebody has changed what it wrote."""

import os
import shutil

import pytest

pyarrow = pytest.importorskip("pyarrow", reason="needs the extra replay")
pytest.importorskip("pyarrow.parquet", reason="needs the extra replay")
pytest.importorskip("rosbags", reason="needs the extra bags")
pytest.importorskip("openvino", reason="needs an inference runtime")

from hostile_files import CONTENTS  # noqa: E402
from recordings import drive  # noqa: E402
from small_models import write_model  # noqa: E402

from rs_monitor.cli import main  # noqa: E402

PART = "parts/0000_000000000.parquet"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return the words of a replay without its folder, and the folder it has left."""
    place = tmp_path_factory.mktemp("replay")
    words = ["replay", drive(place / "drive", 6), "--model", write_model(place)]
    words = [*map(str, words), "--n", "25", "--seed", "1", "--processes", "1", "--out"]
    assert main([*words, str(place / "out")]) == 0
    return words, place / "out"


@pytest.fixture
def again(done, tmp_path, capsys):
    """Return a copy of the folder, and what goes on in it: exit status and last line."""
    words, out = done
    folder = shutil.copytree(out, tmp_path / "out")

    def run():
        status = main([*words, str(folder)])
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return status, error.splitlines()[-1] if error else ""

    return folder, run


def changed(path, name, values, kind=None):
    table = pyarrow.parquet.read_table(path)
    metadata, index = table.schema.metadata, table.schema.get_field_index(name)
    array = pyarrow.array([values] * len(table), kind or table.schema.field(index).type)
    table = table.set_column(index, name, array).replace_schema_metadata(metadata)
    pyarrow.parquet.write_table(table, path)


WRONG = {
    "status": ("EVIL", "there is no status EVIL"),
    "radius": (float("nan"), "a radius is none"),
    "radius_cap": (None, "radius_cap has no value"),
    "class_id": (3, "there are 3 classes"),
    "top_class": (-2, "there are 3 classes"),
    "point": (1, "not every frame has all points"),
    "stamp_ns": (-(2**62), "stamp is no time"),
    "log_time_ns": (-1, "log_time_ns is no time"),
    "budget_ns": (2**62, "budget_ns is no time"),
    "votes": ([5, 5], "its votes are none"),
}


@pytest.mark.parametrize("column", WRONG)
def test_values_that_cannot_be(again, column):
    folder, run = again
    value, reason = WRONG[column]
    changed(folder / PART, column, value)
    status, line = run()
    assert status == 2 and f"{folder / PART} is damaged" in line and reason in line


@pytest.mark.parametrize("votes", [[26, 0, 0], [-1, 2, 3], [0, 0, 0], [None, 1, 1], []])
def test_votes_that_cannot_be(again, votes):
    folder, run = again
    changed(folder / PART, "votes", votes)
    assert run()[0] == 2


def test_columns_that_are_others(again):
    folder, run = again
    changed(folder / PART, "radius", "x", pyarrow.string())
    assert "its columns are others" in run()[1]


@pytest.mark.parametrize("notes", [b"[]", b"null", b"{}", b'{"warnings": 5}', b"[" * 20_000, None])
def test_notes_that_are_none(again, notes):
    folder, run = again
    table = pyarrow.parquet.read_table(folder / PART)
    metadata = {} if notes is None else {b"rs_monitor": notes}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), folder / PART)
    status, line = run()
    assert status == 2 and "is damaged" in line


def test_bytes_that_are_damaged(again):
    folder, run = again
    whole = (folder / PART).read_bytes()
    middle = len(whole) // 8  # among the pages, whose sums tell
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    for content in (flipped, whole[:-1], whole[: len(whole) // 2], *CONTENTS.values()):
        (folder / PART).write_bytes(content)
        status, line = run()
        assert status == 2 and "is damaged" in line
    os.replace(folder / "frames.parquet", folder / PART)
    assert run()[0] == 2
    (folder / PART).unlink()
    assert run()[0] == 0  # made anew


@pytest.mark.timeout(60)
def test_a_lock_that_would_be_waited_for(again):
    folder, run = again
    (folder / ".lock").unlink()
    os.mkfifo(folder / ".lock")
    assert run()[0] == 2


def test_results_in_whose_place_something_else_is(again):
    folder, run = again
    for name in ("frames.parquet", "summary.json", "report.html"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    for name in ("thumbnails", "certificates"):
        shutil.rmtree(folder / name)
        (folder / name).symlink_to("/dev/full")
    assert run()[0] == 0
    assert (folder / "report.html").is_file() and (folder / "thumbnails").is_dir()
    (folder / "report.html").unlink()
    (folder / "report.html").mkdir()
    status, line = run()
    assert status == 2 and "report.html: Is a directory; all other results are in" in line
