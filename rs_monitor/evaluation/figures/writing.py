# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The figures' files: all of them are written, or none."""

from __future__ import annotations

import contextlib
import csv
import errno
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...files import replacing
from .figure import PAGE_WIDTH, Figure

#: A picture for the screen and one that prints at any size.
FORMATS = ("png", "svg")
_DOTS_PER_INCH = 200
_MADE = {"png": "Software", "svg": "Date", "svgz": "Date", "pdf": "CreationDate"}

_STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.5,
    "figure.titlesize": 9.5,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "rs_monitor",  # the same input gives the same bytes
}


class FiguresUnavailable(Exception):
    """Matplotlib is not installed."""


def require_matplotlib() -> None:
    """Import matplotlib with the backend that needs no display.

    Raises
    ------
    FiguresUnavailable
        With the command that installs it.
    """
    try:
        from matplotlib.backends import backend_agg, backend_svg  # noqa: F401
    except ImportError as error:
        raise FiguresUnavailable(
            "drawing needs matplotlib: python -m pip install 'matplotlib>=3.9,<4' "
            f"(the extra rs_monitor[figures]); {error}"
        ) from error


def write_picture(figure: Figure, path: Path) -> None:
    """Draw a figure into one file, whole or not at all; its suffix says which kind.

    Raises
    ------
    OSError
        When it cannot be written, or is there and no regular file: a pipe is not replaced.
    """
    target = Path(os.path.realpath(path))  # where a link leads, not the link
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    with _drawn(figure) as canvas, replacing(target) as partial:
        _save(canvas, partial, path.suffix.lstrip(".").lower())


def check_picture(path: Path) -> None:
    """Check that `write_picture` can draw such a file.

    Raises
    ------
    FiguresUnavailable
        Without matplotlib.
    ValueError
        For a suffix that stands for no kind of picture.
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    kinds = sorted(FigureCanvasAgg.get_supported_filetypes())
    if path.suffix.lstrip(".").lower() not in kinds:
        raise ValueError(f"{path}: a picture's name ends with one of {', '.join(kinds)}")


@contextlib.contextmanager
def _drawn(figure: Figure) -> Iterator[Any]:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a matplotlibrc says
        matplotlib.rcParams.update(_STYLE)
        canvas = Canvas(figsize=(PAGE_WIDTH, figure.height), layout="constrained")
        FigureCanvasAgg(canvas)
        canvas.suptitle(figure.title)
        figure.draw(canvas)
        yield canvas


def _save(canvas: Any, path: Path, kind: str) -> None:
    # Without what tells when, or by which version, it was made.
    metadata = {_MADE[kind]: None} if kind in _MADE else None
    canvas.savefig(path, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)


def _write(figure: Figure, folder: Path) -> list[str]:
    names = []
    with _drawn(figure) as canvas:
        for kind in FORMATS:
            names.append(f"{figure.name}.{kind}")
            _save(canvas, folder / names[-1], kind)
    names.append(f"{figure.name}.csv")
    write_csv(folder / names[-1], figure.columns, figure.rows)
    return names


def _cell(value: object) -> object:
    # 9 digits: more would be noise of the arithmetic, different from machine to machine.
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.9g}"
    return value


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[tuple]) -> None:
    """Write a table with a header."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)


@contextlib.contextmanager
def output_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write into, whose files are moved to `out` when all is done.

    It lies inside `out`, so that a place that cannot be written fails at once, and an interruption
    or a full disk leaves neither a half-written file nor a folder that was not there.

    Parameters
    ----------
    out : pathlib.Path
        Made where it is missing; files of the same names are replaced.

    Raises
    ------
    OSError
        When `out` cannot be written.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    complete = False
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".figures-", dir=out))
        try:
            yield folder
            for path in sorted(folder.iterdir()):
                path.replace(out / path.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        complete = True
    finally:
        for folder in () if complete else made:
            try:
                folder.rmdir()
            except OSError:  # not made, or somebody else has put something there
                continue


def write_figures(
    figures: Sequence[Figure], folder: Path, each: Callable[[], object] = lambda: None
) -> dict[str, list[str]]:
    """Write every figure as PNG, SVG and CSV.

    Parameters
    ----------
    figures : sequence of Figure
    folder : pathlib.Path
    each : callable
        Called after every figure.

    Returns
    -------
    dict of str to list of str
        The files' names by figure.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    files = {}
    for figure in figures:
        files[figure.name] = _write(figure, folder)
        each()
    return files
