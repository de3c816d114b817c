# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The text of a certification log: lines, columns and rows, before they mean anything."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..files import read_file

#: The columns of the field's log (Cohen et al. 2019) that are read; others are ignored.
COLUMNS = ("idx", "label", "predict", "radius", "correct")

_MAX_BYTES = 1 << 28  # some million rows


@dataclasses.dataclass(frozen=True)
class LogTable:
    """The rows of a log.

    Attributes
    ----------
    columns : dict of str to list of str
        The cells of each of `COLUMNS` that the log has, all of the same length.
    lines : list of int
        The line of the file that each row stands on, from 1.
    warnings : list of str
        What was left out, and why.
    cut_off : int
        Rows that were left out because they end before the last column.
    """

    columns: dict[str, list[str]]
    lines: list[int]
    warnings: list[str]
    cut_off: int


def _split(line: str, separator: str | None) -> list[str]:
    return [cell.strip() for cell in line.split(separator)]


def _positions(header: list[str], line: int) -> dict[str, int]:
    names = [name.strip().strip('"').lower() for name in header]
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise ValueError(f"line {line}: column {twice[0]} appears twice")
    found = {name: names.index(name) for name in COLUMNS if name in names}
    enough = {"predict", "radius"} <= found.keys() and found.keys() & {"label", "correct"}
    if not enough:
        missing = [name for name in ("predict", "radius", "correct") if name not in found]
        seen = " ".join(names)
        raise ValueError(
            f"line {line}: a log needs columns predict, radius and correct or label, here "
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; the first line "
            f"holds {seen[:80]!r}"
        )
    return found


def read_table(path: str | Path) -> LogTable:
    """Read the rows of a log: a header, then columns apart by tabs, commas or blanks.

    A line with too few columns was cut off, as by a run that ended early, and is left out and
    counted; so are repeated headers and blank lines.

    Raises
    ------
    ValueError
        Naming the line: no header, missing columns, too many columns in a row or too few in most,
        no rows.
    OSError
        When the file cannot be read.
    """
    try:
        text = read_file(path, _MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text: byte {error.start} is not UTF-8") from error
    if "\0" in text:
        raise ValueError("it is not text: it holds zero bytes")
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    (top, first), *rest = lines
    separator = next((mark for mark in ("\t", ",", ";") if mark in first), None)
    header = _split(first, separator)
    positions = _positions(header, top)
    warnings, kept, numbers, short = [], [], [], []
    for line, content in rest:
        cells = _split(content, separator)
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if cells == header:
            warnings.append(f"line {line} repeats the header: left out")
        elif len(cells) < len(header):
            short.append((line, len(cells)))
        elif len(cells) > len(header):
            raise ValueError(f"line {line} has {len(cells)} columns, the header {len(header)}")
        else:
            kept.append(cells)
            numbers.append(line)
    cut_off = len(short)
    if short and short[-1][0] == rest[-1][0]:
        line, count = short.pop()
        warnings.append(
            f"the last line, {line}, is cut off after {count} of {len(header)} columns: left out"
        )
    if len(short) > len(kept):
        raise ValueError(f"line {short[0][0]} has {short[0][1]} columns, the header {len(header)}")
    if short:
        warnings.append(
            f"line {short[0][0]} is cut off after {short[0][1]} of {len(header)} columns"
            + (f", and {len(short) - 1} more so" if len(short) > 1 else "")
            + ": left out"
        )
    if not kept:
        raise ValueError("it has no rows" + "".join(f"; {warning}" for warning in warnings))
    last_column = max(positions.values()) == len(header) - 1
    if last_column and numbers[-1] == rest[-1][0] and not text.endswith(("\n", "\r")):
        warnings.append(
            f"the last line, {numbers[-1]}, has no line end and may be cut off: it is used"
        )
    columns = {name: [cells[at] for cells in kept] for name, at in positions.items()}
    return LogTable(columns, numbers, warnings, cut_off)
