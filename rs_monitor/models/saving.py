# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Cards and twins are written so that a card vouches for whole files at every moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ..files import write_atomically
from .card import ModelCard, ModelError, file_beside


def save_card(path: Path, details: dict[str, Any]) -> None:
    """Write a card as YAML, atomically: what was there before stays until the new one is whole.

    Raises
    ------
    ModelError
        When it cannot be written.
    """
    text = (
        "# SPDX-FileCopyrightText: 2026 The rs_monitor authors\n"
        "# SPDX-License-Identifier: Apache-2.0\n"
        + yaml.safe_dump(details, sort_keys=False, allow_unicode=True, width=99)
    )
    _replace(path, text.encode())


def save_twin(card: ModelCard, onnx: bytes, details: dict[str, Any]) -> None:
    """Write an int8 twin beside its card, and the card that vouches for it.

    At every moment the card vouches for whole files: an old twin is removed last.

    Parameters
    ----------
    card : ModelCard
    onnx : bytes
        The twin.
    details : dict
        The card's new content; its `int8.onnx` names the file, which only a twin with the same
        content may have had before.

    Raises
    ------
    ModelError
        When they cannot be written: nothing has changed then.
    """
    path = file_beside(card.path, details["int8"]["onnx"], "int8.onnx")
    was_there = path.exists()
    _replace(path, onnx)
    try:
        save_card(card.path, details)
    except ModelError:
        if not was_there:
            path.unlink(missing_ok=True)
        raise
    if card.int8 and card.int8.onnx != path:
        card.int8.onnx.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror or error}") from error
