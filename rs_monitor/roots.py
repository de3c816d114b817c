# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The folders that files may come from."""

from __future__ import annotations

import os
from pathlib import Path


def outside(path: Path | str, roots: str) -> str:
    """Return why a path is not below one of the roots; "" when it is, or when there are none.

    Parameters
    ----------
    path : Path or str
        Symbolic links are followed first, in the roots too.
    roots : str
        Folders, separated by os.pathsep; "" for no restriction.
    """
    if not roots:
        return ""
    try:
        real = Path(os.path.realpath(path))
        folders = [Path(os.path.realpath(root)) for root in roots.split(os.pathsep) if root]
    except ValueError as error:  # a null character
        return f"{str(path)!r}: {error}"
    if any(real.is_relative_to(folder) for folder in folders):
        return ""
    return f"{path} (really {real}) is not below security.model_roots, {roots}"
