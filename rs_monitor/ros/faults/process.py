# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a process holds, and what it may write, seen from outside."""

from __future__ import annotations

import os
import resource
from pathlib import Path


def limit_files(pid: int, size: int | None) -> None:
    """Have every write of a process beyond `size` bytes of a file fail; None: no more."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    soft = hard if size is None else size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


def open_files(pid: int) -> int:
    """Return how many files a process holds open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of a process that is its own, shared memory left out."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE") / 1e6
