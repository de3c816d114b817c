# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Folders of results that were damaged, or that somebody else has made: one documented error."""

import json

import pytest

pyarrow = pytest.importorskip("pyarrow", reason="needs the extra replay")
pytest.importorskip("bokeh", reason="needs the extra report")

from hostile_files import CONTENTS, PLACES  # noqa: E402
from replay_folder import column_values, write_folder  # noqa: E402

from rs_monitor.evaluation.report import ReportError, write_report  # noqa: E402
from rs_monitor.evaluation.report.frames import _COLUMNS  # noqa: E402
from rs_monitor.evaluation.report.results import load_results  # noqa: E402

VALUES = {
    "text": ("x<&", None),
    "integer": (2**62, None),
    "unsigned": (2**64 - 1, pyarrow.uint64()),
    "not a number": (float("nan"), None),
    "infinite": (float("-inf"), None),
    "nothing": (None, None),
    "list": ([1], None),
    "structure": ({"a": 1}, None),
    "bytes": (b"\xff\xfe", None),
    "time": (0, pyarrow.timestamp("ns")),
}


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "results", [[column_values(40)]])


def refusal(work, folder):
    """Return why the folder is refused, by `write_report` or `load_results`; "" if it is not."""
    try:
        work(folder)
    except ReportError as error:
        assert len(str(error).splitlines()) == 1
        return str(error)
    return ""


def report(folder):
    """Return why there is no report; "" when there is one."""
    return refusal(write_report, folder)


def report_together(folder, changes, write):
    """Load with each change on its own, and report those that are taken; returns the refusals.

    A report takes a fifth of a second: one is made of all of them, and of each on its own only
    where they do not go together. What fails with one alone and not beside others is not seen.
    """
    reasons = {}
    for name in changes:
        write([name])
        reasons[name] = refusal(load_results, folder)
    taken = [name for name in changes if not reasons[name]]
    write(taken)
    if report(folder):
        for name in taken:
            write([name])
            reasons[name] = report(folder)
    return reasons


@pytest.mark.parametrize("value", VALUES)
def test_columns_of_other_types(folder, value):
    path = folder / "frames.parquet"
    table = pyarrow.parquet.read_table(path)
    one, kind = VALUES[value]
    array = pyarrow.array([one] * len(table), kind)

    def write(names):
        changed = table
        for name in names:
            changed = changed.set_column(changed.schema.get_field_index(name), name, array)
        pyarrow.parquet.write_table(changed, path)

    for name, reason in report_together(folder, table.schema.names, write).items():
        never = value in ("list", "structure", "bytes", "time")
        if never or (name in ("bag", "topic", "status") and value not in ("text", "nothing")):
            assert f"column {name} holds" in reason or name not in _COLUMNS, (name, reason)


def test_radii_that_are_none(folder):
    path = folder / "frames.parquet"
    table = pyarrow.parquet.read_table(path)
    index = table.schema.get_field_index("radius")
    for radius in (float("nan"), float("inf"), -1.0):
        array = pyarrow.array([radius] * len(table))
        pyarrow.parquet.write_table(table.set_column(index, "radius", array), path)
        assert "a radius that is none" in report(folder)


def test_a_column_that_is_there_twice(folder):
    path = folder / "frames.parquet"
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.append_column("radius", table["radius"]), path)
    assert "the column radius 2 times" in report(folder)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["frames.parquet", "summary.json"])
def test_contents_and_places(folder, name):
    path = folder / name
    for content in CONTENTS.values():
        path.write_bytes(content)
        with pytest.raises(ReportError):
            load_results(folder)
    for place, make in PLACES.items():
        path.unlink(missing_ok=True)
        make(path)
        with pytest.raises(ReportError):
            load_results(folder)
        path.rmdir() if place == "folder" else path.unlink(missing_ok=True)


@pytest.mark.parametrize("value", [None, "x<", -1, 10**400, 1e308, [], {}, [[]], "\ud800", "\0"])
def test_summaries_of_other_types(folder, value):
    path = folder / "summary.json"
    whole = json.loads(path.read_text())
    point = whole["points"][0]

    def write(names):
        inside = point | dict.fromkeys((name for where, name in names if where == "point"), value)
        changed = whole | {"points": [inside]}
        changed |= dict.fromkeys((name for where, name in names if where == "summary"), value)
        path.write_text(json.dumps(changed))

    names = [*(("summary", key) for key in whole), *(("point", key) for key in point)]
    report_together(folder, names, write)


def test_pictures_elsewhere(folder):
    path = folder / "frames.parquet"
    table = pyarrow.parquet.read_table(path)
    (folder / "loop.jpg").symlink_to("loop.jpg")
    table = table.select([name for name in table.schema.names if name != "thumbnail"])
    for name in ("loop.jpg", "../out.jpg", "/dev/zero", "a\0b", "b" * 5000):
        array = pyarrow.array([name] * len(table))
        pyarrow.parquet.write_table(table.append_column("thumbnail", array), path)
        assert not report(folder)
