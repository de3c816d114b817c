# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Model cards: what is vouched for about a network, in YAML beside it."""

from __future__ import annotations

import dataclasses
import reprlib
from pathlib import Path
from typing import Any

from ..files import read_file
from ..plain_yaml import parse_yaml

RESOLUTIONS = ("full", "half")
MAX_SIGMA = 1e3
_NETWORKS = ".onnx", ".pt", ".pth", ".th", ".tar"
_MOST_CARD_BYTES = 1 << 20


class ModelError(ValueError):
    """A model, card or family that cannot be used; the message says which and why."""


@dataclasses.dataclass(frozen=True)
class TwinFile:
    """The int8 twin of a model: the same network quantised, in a file of its own.

    Attributes
    ----------
    onnx : Path
        The ONNX file, beside the card.
    sha256 : str
        Of that file.
    """

    onnx: Path
    sha256: str


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
    int8 : TwinFile or None
        The model's int8 twin, where `rs_monitor quantize` made one.
    is_twin : bool
        Whether this is what the card says of the twin itself, see `twin`.
    reference_sha256 : str
        Of the reference image; "" where the card does not say.
    details : dict
        The whole card, with training, evaluation and licences.
    roots : str
        Folders that the card's files must come from, see `roots.outside`.
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
    int8: TwinFile | None
    is_twin: bool
    reference_sha256: str
    details: dict[str, Any] = dataclasses.field(repr=False, compare=False)
    roots: str = ""

    @property
    def twin(self) -> ModelCard | None:
        """What the card says of its int8 twin; None where it has none."""
        if self.int8 is None:
            return None
        return dataclasses.replace(
            self, onnx=self.int8.onnx, sha256=self.int8.sha256, int8=None, is_twin=True
        )


def read_bytes(path: Path, roots: str, limit: int, what: str) -> bytes:
    """Read a file of a model.

    Parameters
    ----------
    path : Path
    roots : str
        Folders that it must come from, see `roots.outside`.
    limit : int
        Most bytes that are accepted.
    what : str
        What it is, with a space behind, for the error; "" for a card.

    Raises
    ------
    ModelError
        Saying why it cannot be read.
    """
    try:
        return read_file(path, limit, roots)
    except OSError as error:
        raise ModelError(f"cannot read {what}{path}: {error.strerror or error}") from error


def read_mapping(path: Path, roots: str = "") -> dict[str, Any]:
    """Read a card or family as a mapping; a ModelError names the file and what is wrong."""
    if path.suffix.lower() in _NETWORKS:
        raise ModelError(
            f"{path} is a network by its name, and a model card (.yaml) is needed: it stands "
            "beside the network, or `rs_monitor import-checkpoint` makes it"
        )
    text = read_bytes(path, roots, _MOST_CARD_BYTES, "")
    try:
        content = parse_yaml(text)
    except ValueError as error:
        raise ModelError(f"{path} is not a model card (YAML): {error}") from error
    if not isinstance(content, dict):
        what = "is empty" if content is None else f"holds a {type(content).__name__}"
        raise ModelError(f"{path} is not a model card: it {what}")
    return content


def read_key(card: Path, mapping: object, key: str, kind: type | tuple[type, ...]) -> Any:
    """Return a possibly dotted key of the card, checked for type."""
    value = mapping
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ModelError(f"{card}: the card has no '{key}'; add it")
        value = value[part]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ModelError(f"{card}: '{key}' is {_shown(value)}, which is of the wrong type")
    return value


def _shown(value: object) -> str:
    """Return a value for an error message; YAML's aliases make small files enormous."""
    return reprlib.repr(value)[:80]


def read_sha256(card: Path, mapping: object, key: str) -> str:
    """Return a sha256 of the card, in lower case."""
    value = read_key(card, mapping, key, str).lower()
    if len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ModelError(f"{card}: '{key}' must be 64 hexadecimal digits, got {_shown(value)}")
    return value


def file_beside(card: Path, name: str, key: str) -> Path:
    """Resolve a file name of the card; it may not lead out of the card's folder."""
    if not name or Path(name).name != name or name in (".", ".."):
        raise ModelError(f"{card}: '{key}' must name a file beside the card, got {name!r}")
    return card.parent / name


def load_card(path: str | Path, roots: str = "") -> ModelCard:
    """Read a model card.

    Parameters
    ----------
    path : str or Path
        The YAML file. Keys: name, onnx, sha256, labels, input.height, input.width,
        input.dynamic_size, input.resolution, sigma, reference.image, reference.label,
        reference.sha256, int8.onnx, int8.sha256, and free ones (training, evaluation, licence).
    roots : str
        Folders that it and its files must come from, see `roots.outside`.

    Raises
    ------
    ModelError
        Naming the card, the key and what is wrong.
    """
    path = Path(path)
    content = read_mapping(path, roots)
    labels = read_key(path, content, "labels", list)
    if len(labels) < 2 or not all(isinstance(label, str) and label for label in labels):
        raise ModelError(
            f"{path}: 'labels' must be at least two class names, got {_shown(labels)}"
        )
    if not all(label.isprintable() for label in labels):
        raise ModelError(f"{path}: 'labels' holds a name with characters that cannot be printed")
    if len(set(labels)) != len(labels):
        raise ModelError(f"{path}: 'labels' holds the same class name twice")
    name = read_key(path, content, "name", str)
    if not name.isprintable():
        raise ModelError(f"{path}: 'name' holds characters that cannot be printed")
    sha256 = read_sha256(path, content, "sha256")
    height, width = (read_key(path, content, f"input.{side}", int) for side in ("height", "width"))
    if not (1 <= height <= 16384 and 1 <= width <= 16384):
        raise ModelError(f"{path}: input of {height}x{width} pixels is out of range 1..16384")
    sigma = read_key(path, content, "sigma", (int, float))
    if not 0 <= sigma <= MAX_SIGMA:
        raise ModelError(f"{path}: 'sigma' must be in the range 0 to {MAX_SIGMA:g}")
    resolution = read_key(path, content, "input.resolution", str)
    if resolution not in RESOLUTIONS:
        raise ModelError(f"{path}: 'input.resolution' must be full or half, got {resolution!r}")
    reference_image, reference_label, reference_sha256 = None, "", ""
    if "reference" in content:
        image = read_key(path, content, "reference.image", str)
        reference_image = file_beside(path, image, "reference.image")
        reference_label = read_key(path, content, "reference.label", str)
        if reference_label not in labels:
            raise ModelError(f"{path}: 'reference.label' {reference_label!r:.80} is no label")
        if "sha256" in content["reference"]:
            reference_sha256 = read_sha256(path, content, "reference.sha256")
    int8 = None
    if "int8" in content:
        twin = file_beside(path, read_key(path, content, "int8.onnx", str), "int8.onnx")
        int8 = TwinFile(twin, read_sha256(path, content, "int8.sha256"))
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
        int8=int8,
        is_twin=False,
        reference_sha256=reference_sha256,
        details=content,
        roots=roots,
    )
