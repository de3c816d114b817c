# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A network's bytes, int8 twin and reference image, checked against the card."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

import numpy as np

from ..frames import FrameError, decode_compressed
from .card import ModelCard, ModelError, read_bytes

# ONNX TensorProto.external_data names its file in an entry with this key (protobuf: field 1,
# 8 bytes; both numbers may be written longer than they need to be).
_EXTERNAL = re.compile(rb"(?:\x0a|\x8a\x80*\x00)(?:\x08|\x88\x80*\x00)location")
_MOST_ONNX_BYTES = 1 << 31  # protobuf's own limit
_MOST_PICTURE_BYTES = 1 << 26
_MOST_PICTURE_PIXELS = 1 << 24


@dataclasses.dataclass(frozen=True)
class Model:
    """A card and what it vouches for, read and checked once, at one input size.

    Attributes
    ----------
    card : ModelCard
    onnx : bytes
        The file's content, checked against the card's sha256; engines take these bytes, so
        that what was checked is what runs.
    height, width : int
        Network input size in pixels.
    resolution : str
        "full" or "half".
    reference : numpy.ndarray or None
        The reference image, uint8 RGB [H, W, 3]; None where the card has none.
    twin : Model or None
        The int8 twin at the same input size, which an engine runs in its place where int8 is
        asked for, or is fastest and may be chosen.
    """

    card: ModelCard
    onnx: bytes = dataclasses.field(repr=False)
    height: int
    width: int
    resolution: str
    reference: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)
    twin: Model | None = None

    @property
    def model_id(self) -> str:
        """Short sha256 that certificates carry; with the size, where it is not the card's own.

        Radii at another input size are radii of another classifier.
        """
        short = self.card.sha256[:12]
        own = (self.height, self.width) == (self.card.height, self.card.width)
        return short if own else f"{short}@{self.height}x{self.width}"

    def check(self) -> None:
        """Check the bytes again, before an engine takes them.

        Raises
        ------
        ModelError
            When they are no longer those that the card vouches for.
        """
        _check_onnx(self.onnx, self.card)
        if self.twin:
            self.twin.check()


def _check_digest(content: bytes, expected: str, path: Path, card: Path, hint: str = "") -> None:
    """Refuse a file that is not the one which the card vouches for."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise ModelError(
            f"{path}: sha256 is {digest}, but card {card} vouches for {expected}: "
            f"the file was changed or cut short; restore it{hint}"
        )


def load_model(card: ModelCard, resolution: str | None = None) -> Model:
    """Read and check the files of a card: its network, int8 twin and reference image.

    Parameters
    ----------
    card : ModelCard
    resolution : str, optional
        "full" or "half"; the card's own by default. A full-resolution model whose input size
        is dynamic also takes half of its side.

    Raises
    ------
    ModelError
        When a file is missing, its sha256 differs, or the resolution cannot be had.
    """
    resolution = resolution or card.resolution
    height, width = card.height, card.width
    if resolution != card.resolution:
        if resolution != "half" or not card.dynamic_size:
            raise ModelError(
                f"{card.path}: no {resolution} resolution: the network's input is "
                f"{'made for half resolution' if card.resolution == 'half' else 'fixed'} "
                f"({height}x{width}); use input.resolution {card.resolution} or another model"
            )
        height, width = max(1, height // 2), max(1, width // 2)
    size = (height, width, resolution, load_reference_image(card))
    twin = card.twin
    return Model(
        card, _read_checked(card), *size, twin and Model(twin, _read_checked(twin), *size)
    )


def _read_checked(card: ModelCard) -> bytes:
    onnx = read_bytes(card.onnx, card.roots, _MOST_ONNX_BYTES, "model ")
    if _EXTERNAL.search(onnx):
        raise ModelError(
            f"{card.onnx} keeps weights in another file, for which its sha256 does not vouch: "
            "save the model with all its weights inside"
        )
    _check_onnx(onnx, card)
    if not onnx:
        raise ModelError(f"{card.onnx} is empty: it holds no network")
    return onnx


def _check_onnx(onnx: bytes, card: ModelCard) -> None:
    hint = f", or make the twin again: rs_monitor quantize {card.path}" * card.is_twin
    _check_digest(onnx, card.sha256, card.onnx, card.path, hint)


def load_reference_image(card: ModelCard) -> np.ndarray | None:
    """Read the card's reference image, uint8 RGB [H, W, 3]; None where it has none."""
    if card.reference_image is None:
        return None
    path = card.reference_image
    content = read_bytes(path, card.roots, _MOST_PICTURE_BYTES, "reference image ")
    if card.reference_sha256:
        _check_digest(content, card.reference_sha256, path, card.path)
    try:
        return decode_compressed(content, format="png", max_pixels=_MOST_PICTURE_PIXELS).rgb
    except FrameError as error:
        raise ModelError(f"{card.path}: reference image: {error}") from error
