# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Networks whose answers mean nothing, as models: they are there to be measured."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...models import save_card


def write_unlabelled(
    folder: Path,
    name: str,
    content: bytes,
    *,
    size: int,
    classes: int,
    twin: bytes | None = None,
    dynamic_size: bool = True,
) -> Path:
    """Write a network with a card that names its classes by number.

    Parameters
    ----------
    folder : Path
        Takes the ONNX files and the card.
    name : str
        Of the model and, with / as _, of its files.
    content : bytes
        The ONNX file.
    size : int
        Side of its image in pixels.
    classes : int
    twin : bytes, optional
        Its int8 twin, ONNX.
    dynamic_size : bool
        Whether it takes other sizes.

    Returns
    -------
    Path
        The card.
    """
    stem = name.replace("/", "_")
    side = {"height": size, "width": size, "dynamic_size": dynamic_size, "resolution": "full"}
    details = {
        "name": name,
        "onnx": f"{stem}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "sigma": 0.0,
        "input": side,
        "labels": [f"class {index}" for index in range(classes)],
    }
    (folder / details["onnx"]).write_bytes(content)
    if twin is not None:
        name = f"{stem}_int8.onnx"
        details["int8"] = {"onnx": name, "sha256": hashlib.sha256(twin).hexdigest()}
        (folder / name).write_bytes(twin)
    path = folder / f"{stem}.yaml"
    save_card(path, details)
    return path
