# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""pyarrow, where it is installed: rows to Parquet and back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NOTES = b"rs_monitor"  # key of what a part says beside its rows


class MissingPackage(ImportError):
    """An optional package that is not installed; the message has the command that installs it."""


def pyarrow() -> Any:
    """Return the module pyarrow, with pyarrow.parquet imported.

    Raises
    ------
    MissingPackage
        With the command that installs it.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPackage(
            f"replay writes Parquet with pyarrow ({error}): python -m pip install "
            "'pyarrow>=15,<27'"
        ) from error
    return pyarrow


def schema(columns: Mapping[str, str]) -> Any:
    """Return the Arrow schema of columns given by name and type; dotted lists by `list<type>`."""
    arrow = pyarrow()
    kinds = {name: arrow.type_for_alias(name) for name in set(columns.values()) if "<" not in name}
    kinds |= {"list<int32>": arrow.list_(arrow.int32())}
    return arrow.schema([(name, kinds[kind]) for name, kind in columns.items()])


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Any:
    """Return a table of `rows`; a column that a row lacks is null there."""
    arrow = pyarrow()
    values = {name: [row.get(name) for row in rows] for name in columns}
    return arrow.table(values, schema=schema(columns))


def pack(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], notes: dict[str, Any]
) -> bytes:
    """Return rows, and notes about them, as the bytes of a Parquet file."""
    arrow = pyarrow()
    content = table(rows, columns).replace_schema_metadata({_NOTES: json.dumps(notes).encode()})
    sink = io.BytesIO()
    arrow.parquet.write_table(content, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def unpack(content: bytes) -> tuple[Any, dict[str, Any]]:
    """Return the table and the notes of `pack`."""
    arrow = pyarrow()
    # Not by `read_table`: a thread of its scanner may let go of `content` after it has returned,
    # and where the interpreter is ending by then, that aborts the process.
    source = arrow.BufferReader(content)
    with arrow.parquet.ParquetFile(source, page_checksum_verification=True) as file:
        found = file.read(use_threads=False)
    return found, json.loads(found.schema.metadata[_NOTES])


def concatenated(tables: Iterable[Any]) -> Any:
    """Return one table of several alike."""
    return pyarrow().concat_tables(list(tables))
