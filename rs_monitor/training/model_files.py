# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A model's files in a folder: ONNX, reference image, card, in this order."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..bank import check_reference
from ..engines import KEY_BYTES, EngineError, open_engine
from ..files import write_atomically
from ..frames import Resizer
from ..models import ModelCard, ModelError, load_card, load_model, save_card

_STAGE = ".staged-"
_ABANDONED = 3600.0  # seconds after which nobody is at work in a stage
_CHUNK = 16
_SAMPLES = 64
_CANDIDATES = 32


@dataclasses.dataclass(frozen=True)
class ModelInput:
    """What a network takes.

    Attributes
    ----------
    height, width : int
        Pixels it was made for.
    dynamic_size : bool
        Whether it takes other sizes as well.
    """

    height: int
    width: int
    dynamic_size: bool


def check_name(name: str) -> None:
    """Refuse a name that cannot be a file's.

    Raises
    ------
    ModelError
    """
    if not name or not name.isprintable() or Path(name).name != name or name.startswith("."):
        raise ModelError(f"a model's name must be usable as a file's, got {name!r}: choose --name")


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield a folder to make a model in; its files get into `folder` once all is well.

    The card comes last, since it vouches for the others; the int8 twin of the card that it
    replaces goes. Where something fails, `folder` is as it was.

    Raises
    ------
    ModelError
        When `folder` cannot be written to, or the model in it does not run.
    """
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        # Inside it, since it may be a mount point: files are moved within one file system only.
        stage = Path(tempfile.mkdtemp(prefix=_STAGE, dir=folder))
    except OSError as error:
        raise ModelError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        yield stage
        made = False
        for path in sorted(stage.iterdir(), key=lambda path: path.suffix == ".yaml"):
            before = _twin(folder / path.name)
            os.replace(path, folder / path.name)
            if before and before != _twin(folder / path.name):
                before.unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(f"cannot write {folder}: {error.strerror or error}") from error
    except (EngineError, ModelError) as error:
        # The folder that it names is about to vanish.
        raise ModelError(str(error).replace(f"{stage}{os.sep}", f"{folder}{os.sep}")) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _remove_abandoned(folder: Path) -> None:
    """Remove what programs that were killed have left."""
    for left in folder.glob(f"{_STAGE}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)


def _twin(path: Path) -> Path | None:
    """Return the int8 twin that a card names; None for no card, or one that names none."""
    if path.suffix != ".yaml" or not path.exists():
        return None
    with contextlib.suppress(ModelError):  # a card that cannot be read vouches for no twin
        card = load_card(path)
        return card.int8.onnx if card.int8 else None
    return None


def save_model(
    folder: Path,
    name: str,
    onnx: bytes,
    sha256: str,
    size: ModelInput,
    sigma: float,
    labels: tuple[str, ...],
    details: dict[str, Any],
    resolution: str = "full",
) -> ModelCard:
    """Write ONNX file and card, and read the card back.

    Parameters
    ----------
    folder : Path
        See `staged`.
    name : str
        Of the model and, with suffixes, of its files.
    onnx, sha256 : bytes, str
    size : ModelInput
    sigma : float
        Noise that it was trained with; 0 for none.
    labels : tuple of str
    details : dict
        What else the card says.
    resolution : str
        That the network was trained for, of `models.RESOLUTIONS`.

    Raises
    ------
    ModelError
        When they cannot be written.
    """
    check_name(name)
    path = folder / f"{name}.onnx"
    try:
        write_atomically(path, onnx)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror or error}") from error
    card = folder / f"{name}.yaml"
    save_card(
        card,
        {
            "name": name,
            "onnx": path.name,
            "sha256": sha256,
            "sigma": sigma,
            "input": dataclasses.asdict(size) | {"resolution": resolution},
            **details,
            "labels": list(labels),
        },
    )
    return load_card(card)


def add_reference(card: ModelCard, images: np.ndarray, labels: np.ndarray) -> ModelCard:
    """Choose the card's reference image: the one with most votes for its class.

    Parameters
    ----------
    card : ModelCard
    images : numpy.ndarray
        uint8 RGB [N, H, W, 3]; the first few are looked at.
    labels : numpy.ndarray
        int [N].

    Returns
    -------
    ModelCard
        With a reference image; as it was where the model has the class of none.
    """
    best, share = -1, 0.5
    with open_engine(
        load_model(card), backend="auto", precision="auto", max_batch=_CHUNK
    ) as engine:
        resize = Resizer(card.height, card.width)
        for index in range(min(len(images), _CANDIDATES)):
            votes = engine.votes(resize(images[index]), card.sigma, _SAMPLES, bytes(KEY_BYTES))
            right = votes.counts[labels[index]] / votes.n
            if right > share:
                best, share = index, right
    if best < 0:
        return card
    path = card.path.with_name(f"{card.path.stem}_reference.png")
    _, content = cv2.imencode(".png", cv2.cvtColor(images[best], cv2.COLOR_RGB2BGR))
    write_atomically(path, content.tobytes())
    reference = {
        "image": path.name,
        "label": card.labels[labels[best]],
        "sha256": hashlib.sha256(content.tobytes()).hexdigest(),
    }
    save_card(card.path, card.details | {"reference": reference})
    return load_card(card.path)


def verify(card: ModelCard) -> str:
    """Open the model as the node does; returns what ran, such as "openvino bf16".

    Raises
    ------
    ModelError
        When it does not run, or not as its card says.
    """
    try:
        with open_engine(
            load_model(card), backend="auto", precision="auto", max_batch=_CHUNK
        ) as engine:
            check_reference(engine)
            return f"{engine.identity.backend} {engine.identity.precision}"
    except EngineError as error:
        raise ModelError(str(error)) from error
