# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of results: parts that are done stay done, and only results of one kind share it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import PARTIAL, read_file, replacing
from ..fingerprints import described, differing
from .arrow import unpack
from .part_check import check_part
from .plan import Part, Plan

_SETTINGS, _PARTS, _LOCK = "settings.json", "parts", ".lock"
_MOST_BYTES = 1 << 30


class StoreError(ValueError):
    """A folder that cannot be used; the message says which, why and what to do."""


class PartStore:
    """Parts of one replay in a folder, which is locked while this is open.

    Parameters
    ----------
    folder : Path
        New, empty, or of an earlier run with the same settings.
    plan : Plan
    extra : dict
        More settings that results depend on.

    Raises
    ------
    StoreError
        When it holds anything else, or is in use.
    OSError
        When it cannot be written.
    """

    def __init__(self, folder: Path, plan: Plan, extra: dict[str, Any]) -> None:
        self.folder = folder
        # As read back from JSON, in which a tuple is a list.
        self._wanted = json.loads(json.dumps(plan.fingerprint() | extra))
        self._derived = extra.keys()
        self._plan = plan
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"--out {folder} is not a folder")
        if folder.is_dir() and not self._may_use():
            raise StoreError(
                f"--out {folder} holds something else than a replay's results: name another folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
        # Not waiting: a pipe in its place would have no reader.
        self._lock = open(
            folder / _LOCK,
            "a",
            opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK, 0o666),
        )
        try:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StoreError(f"another replay is writing to --out {folder}") from error
            if (folder / _SETTINGS).is_file():  # asked now that no other replay writes it
                self._compare()
            else:
                with replacing(folder / _SETTINGS) as path:
                    path.write_text(json.dumps(self._wanted, indent=1), encoding="utf-8")
            (folder / _PARTS).mkdir(exist_ok=True)
        except BaseException:
            self.close()
            raise

    def _may_use(self) -> bool:
        """Whether the folder is empty, or of a replay, if one that could only begin."""
        names = {path.name for path in self.folder.iterdir()}
        return _SETTINGS in names or names <= {_LOCK, _SETTINGS + PARTIAL}

    def _compare(self) -> None:
        path = self.folder / _SETTINGS
        try:
            there = json.loads(read_file(path, _MOST_BYTES).decode("utf-8"))
            names = differing(there, self._wanted)
        except (ValueError, AttributeError, RecursionError) as error:
            raise StoreError(f"{path} cannot be read ({error}): remove {self.folder}") from error
        # What follows from the settings differs with them: name the settings alone.
        names = [name for name in names if name not in self._derived] or names
        if names:
            raise StoreError(
                f"--out {self.folder} holds results of other settings "
                f"({described(names, there, self._wanted)}): name another folder, or remove it"
            )

    def has(self, part: Part) -> bool:
        """Whether the part is done."""
        return self._path(part).is_file()

    def save(self, part: Part, content: bytes) -> None:
        """Keep a part's result, whole or not at all.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        with replacing(self._path(part)) as path, path.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())

    def load(
        self, part: Part, columns: Mapping[str, str], classes: int | None
    ) -> tuple[Any, dict[str, Any]]:
        """Return a part's rows and notes, as `unpack` does, checked by `check_part`.

        Raises
        ------
        StoreError
            When it is damaged.
        OSError
            When it cannot be read.
        """
        path = self._path(part)
        content = read_file(path, _MOST_BYTES)
        try:
            found, notes = unpack(content)
            check_part(found, notes, columns, self._plan, classes)
            return found, notes
        except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
            # Arrow's are ValueErrors, but for damaged pages: OSError.
            raise StoreError(
                f"{path} is damaged: remove it and run the same again, which makes it anew "
                f"({error})"
            ) from error

    def _path(self, part: Part) -> Path:
        return self.folder / _PARTS / part.name

    def close(self) -> None:
        """Release the folder."""
        self._lock.close()

    def __enter__(self) -> PartStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
