# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import csv
import os
import re

import pytest

from rs_monitor.evaluation.figures.figure import Figure
from rs_monitor.evaluation.figures.writing import (
    FiguresUnavailable,
    output_folder,
    require_matplotlib,
    write_csv,
    write_figures,
    write_picture,
)


def figure(name="one", draw=None):
    def line(canvas):
        canvas.subplots().plot([0, 1], [0, 1])

    rows = [("a", 1, 0.1 + 0.2), ("b", 2, float("nan"))]
    return Figure(name, "A title", ("name", "n", "value"), rows, draw or line)


def test_every_figure_has_its_three_files(tmp_path):
    out = tmp_path / "new" / "out"
    with output_folder(out) as folder:
        files = write_figures([figure()], folder)
        write_csv(folder / "table.csv", ("x", "y"), [(1, "two, three")])
    assert files == {"one": ["one.png", "one.svg", "one.csv"]}
    assert sorted(path.name for path in out.iterdir()) == [
        "one.csv", "one.png", "one.svg", "table.csv",
    ]  # fmt: skip
    assert list(csv.reader((out / "one.csv").open())) == [
        ["name", "n", "value"], ["a", "1", "0.3"], ["b", "2", ""],
    ]  # fmt: skip
    assert list(csv.reader((out / "table.csv").open()))[1] == ["1", "two, three"]
    assert (out / "one.png").read_bytes().startswith(b"\x89PNG")
    assert re.search(r"<svg [^>]*viewBox", (out / "one.svg").read_text())


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        with output_folder(tmp_path / name) as folder:
            write_figures([figure()], folder)
    for kind in ("csv", "png", "svg"):
        first, second = (tmp_path / name / f"one.{kind}" for name in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_nothing(tmp_path, error):
    def fails(canvas):
        raise error

    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "one.csv").write_text("old")
    for out in (tmp_path / "new" / "out", kept):
        with pytest.raises(type(error)), output_folder(out) as folder:
            write_figures([figure(), figure("two", fails)], folder)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "kept",
        "kept/one.csv",
    ]
    assert (kept / "one.csv").read_text() == "old"


def test_a_link_stays_and_a_pipe_is_refused(tmp_path):
    (tmp_path / "link.svg").symlink_to("drawn")
    write_picture(figure(), tmp_path / "link.svg")
    assert (tmp_path / "link.svg").is_symlink()
    assert (tmp_path / "drawn").read_bytes().startswith(b"<?xml")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError, match="not a regular file"):
        write_picture(figure(), tmp_path / "pipe.png")
    assert (tmp_path / "pipe.png").is_fifo()


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "out", "/proc/rs_monitor/out"):
        with pytest.raises(OSError), output_folder(tmp_path / out):
            pytest.fail("it was entered")


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.backends", None)
    with pytest.raises(FiguresUnavailable, match="pip install 'matplotlib>="):
        require_matplotlib()
