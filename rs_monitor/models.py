# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Model cards and the files they vouch for."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import yaml

RESOLUTIONS = ("full", "half")
_MAX_SIGMA = 1e3
# ONNX TensorProto.external_data names its file in an entry with this key (protobuf: field 1,
# 8 bytes).
_EXTERNAL = b"\x0a\x08location"


class ModelError(ValueError):
    """A model, card or family that cannot be used; the message says which and why."""


@dataclasses.dataclass(frozen=True)
class ModelCard:
    """What is vouched for about one ONNX file, read from the YAML beside it.

    Attributes
    ----------
    path : Path
        The card itself.
    name : str
        For people.
    onnx : Path
        The ONNX file, beside the card.
    sha256 : str
        Of the ONNX file, 64 lower-case hexadecimal digits.
    labels : tuple of str
        Class names in the order of the logits.
    height, width : int
        Network input in pixels at the resolution the model was made for.
    dynamic_size : bool
        Whether the network takes other input sizes as well.
    resolution : str
        "full" or "half": which choice of `input.resolution` the model was trained for.
    sigma : float
        Standard deviation of the noise it was trained with, on pixels in [0, 1]; 0 for none.
    reference_image : Path or None
        An image beside the card whose class is known.
    reference_label : str
        The class the model must give that image.
    details : dict
        The whole card, with training, evaluation and licences.
    """

    path: Path
    name: str
    onnx: Path
    sha256: str
    labels: tuple[str, ...]
    height: int
    width: int
    dynamic_size: bool
    resolution: str
    sigma: float
    reference_image: Path | None
    reference_label: str
    details: dict[str, Any] = dataclasses.field(repr=False, compare=False)

    @property
    def files(self) -> list[Path]:
        """The card and the files it names."""
        return [path for path in (self.path, self.onnx, self.reference_image) if path]


@dataclasses.dataclass(frozen=True)
class Model:
    """A card and the bytes it vouches for, at one input size.

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
    """

    card: ModelCard
    onnx: bytes = dataclasses.field(repr=False)
    height: int
    width: int
    resolution: str

    @property
    def model_id(self) -> str:
        """Short sha256 that certificates carry; with the size, where it is not the card's own.

        Radii at another input size are radii of another classifier.
        """
        short = self.card.sha256[:12]
        own = (self.height, self.width) == (self.card.height, self.card.width)
        return short if own else f"{short}@{self.height}x{self.width}"


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a card or family as a mapping; a ModelError names the file and what is wrong."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        detail = " ".join(str(error).split())
        raise ModelError(f"{path} is not a model card (YAML): {detail}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} is not a model card: it holds a {type(content).__name__}")
    return content


def read_key(card: Path, mapping: object, key: str, kind: type | tuple[type, ...]) -> Any:
    """Return a possibly dotted key of the card, checked for type."""
    value = mapping
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ModelError(f"{card}: the card has no '{key}'; add it")
        value = value[part]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ModelError(f"{card}: '{key}' is {value!r}, which is of the wrong type")
    return value


def file_beside(card: Path, name: str, key: str) -> Path:
    """Resolve a file name of the card; it may not lead out of the card's folder."""
    if not name or Path(name).name != name or name in (".", ".."):
        raise ModelError(f"{card}: '{key}' must name a file beside the card, got {name!r}")
    return card.parent / name


def load_card(path: str | Path) -> ModelCard:
    """Read a model card.

    Parameters
    ----------
    path : str or Path
        The YAML file. Keys: name, onnx, sha256, labels, input.height, input.width,
        input.dynamic_size, input.resolution, sigma, reference.image, reference.label,
        and free ones (training, evaluation, licence).

    Raises
    ------
    ModelError
        Naming the card, the key and what is wrong.
    """
    path = Path(path)
    content = read_mapping(path)
    labels = read_key(path, content, "labels", list)
    if len(labels) < 2 or not all(isinstance(label, str) and label for label in labels):
        raise ModelError(f"{path}: 'labels' must be at least two class names, got {labels!r:.80}")
    if not all(label.isprintable() for label in labels):
        raise ModelError(f"{path}: 'labels' holds a name with characters that cannot be printed")
    if len(set(labels)) != len(labels):
        raise ModelError(f"{path}: 'labels' holds the same class name twice")
    sha256 = read_key(path, content, "sha256", str).lower()
    name = read_key(path, content, "name", str)
    if not name.isprintable():
        raise ModelError(f"{path}: 'name' holds characters that cannot be printed")
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ModelError(f"{path}: 'sha256' must be 64 hexadecimal digits, got {sha256!r:.80}")
    height, width = (read_key(path, content, f"input.{side}", int) for side in ("height", "width"))
    if not (1 <= height <= 16384 and 1 <= width <= 16384):
        raise ModelError(f"{path}: input of {height}x{width} pixels is out of range 1..16384")
    sigma = read_key(path, content, "sigma", (int, float))
    if not 0 <= sigma <= _MAX_SIGMA:
        raise ModelError(f"{path}: 'sigma' must be in the range 0 to {_MAX_SIGMA:g}")
    resolution = read_key(path, content, "input.resolution", str)
    if resolution not in RESOLUTIONS:
        raise ModelError(f"{path}: 'input.resolution' must be full or half, got {resolution!r}")
    reference_image, reference_label = None, ""
    if "reference" in content:
        image = read_key(path, content, "reference.image", str)
        reference_image = file_beside(path, image, "reference.image")
        reference_label = read_key(path, content, "reference.label", str)
        if reference_label not in labels:
            raise ModelError(f"{path}: 'reference.label' {reference_label!r} is no label")
    return ModelCard(
        path=path,
        name=name,
        onnx=file_beside(path, read_key(path, content, "onnx", str), "onnx"),
        sha256=sha256,
        labels=tuple(labels),
        height=height,
        width=width,
        dynamic_size=read_key(path, content, "input.dynamic_size", bool),
        resolution=resolution,
        sigma=float(sigma),
        reference_image=reference_image,
        reference_label=reference_label,
        details=content,
    )


def save_card(path: Path, details: dict[str, Any]) -> None:
    """Write a card as YAML, atomically: what was there before stays until the new one is whole.

    Raises
    ------
    ModelError
        When it cannot be written.
    """
    partial = path.with_suffix(".partial")
    try:
        partial.write_text(
            "# SPDX-FileCopyrightText: 2026 The rs_monitor authors\n"
            "# SPDX-License-Identifier: Apache-2.0\n"
            + yaml.safe_dump(details, sort_keys=False, allow_unicode=True, width=99),
            encoding="utf-8",
        )
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelError(f"cannot write {path}: {error.strerror or error}") from error


def load_model(card: ModelCard, resolution: str | None = None) -> Model:
    """Read and check the ONNX file of a card.

    Parameters
    ----------
    card : ModelCard
    resolution : str, optional
        "full" or "half"; the card's own by default. A full-resolution model whose input size
        is dynamic also takes half of its side.

    Raises
    ------
    ModelError
        When the file is missing, its sha256 differs, or the resolution cannot be had.
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
    try:
        onnx = card.onnx.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read model {card.onnx}: {error.strerror or error}") from error
    if _EXTERNAL in onnx:
        raise ModelError(
            f"{card.onnx} keeps weights in another file, for which its sha256 does not vouch: "
            "save the model with all its weights inside"
        )
    digest = hashlib.sha256(onnx).hexdigest()
    if digest != card.sha256:
        raise ModelError(
            f"{card.onnx}: sha256 is {digest}, but card {card.path} vouches for {card.sha256}: "
            "the file was changed or cut short; restore it"
        )
    return Model(card, onnx, height, width, resolution)


def load_reference_image(card: ModelCard) -> np.ndarray | None:
    """Read the card's reference image, uint8 RGB [H, W, 3]; None where it has none."""
    if card.reference_image is None:
        return None
    from .frames import FrameError, decode_compressed

    try:
        content = card.reference_image.read_bytes()
        return decode_compressed(content, format="png", max_pixels=1 << 24).rgb
    except (OSError, FrameError) as error:
        raise ModelError(f"{card.path}: reference image: {error}") from error
