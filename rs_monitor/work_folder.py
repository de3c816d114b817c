# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Temporary folders that do not outlive their process for long, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import weakref

_PREFIX = "rs_monitor-work-"  # all that begins so is locked while somebody uses it


class WorkFolder(tempfile.TemporaryDirectory):
    """A temporary folder; those that killed processes have left are removed when one is made.

    Its process holds a lock on it, which the kernel releases with the process.

    Parameters
    ----------
    purpose : str
        For its name.
    """

    def __init__(self, purpose: str) -> None:
        with contextlib.suppress(OSError):  # a folder that may be written and not listed
            _remove_left_behind()
        while True:
            super().__init__(prefix=f"{_PREFIX}{purpose}-")
            try:
                lock = os.open(self.name, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:  # another process found it before it was locked
                super().cleanup()
                continue
            with contextlib.suppress(OSError):  # where there are no locks, nobody removes it
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._unlock = weakref.finalize(self, os.close, lock)
            if os.path.isdir(self.name):
                return
            self.cleanup()  # as above

    def cleanup(self) -> None:
        """Remove the folder."""
        super().cleanup()
        self._unlock()


def _remove_left_behind() -> None:
    with os.scandir(tempfile.gettempdir()) as entries:
        names = [entry.path for entry in entries if entry.name.startswith(_PREFIX)]
    for name in names:
        with contextlib.suppress(OSError):  # it is in use, of another user, or gone by now
            lock = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(name)
            finally:
                os.close(lock)
