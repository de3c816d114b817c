# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From a trained checkpoint to an ONNX file with its card."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import torch

from ..models import RESOLUTIONS, ModelError
from ..program import check_folder, run_told
from ..scenes.drawings import draw_ship
from ..scenes.drive import training_scene
from ..scenes.signs import TRAFFIC_SIGN_LABELS
from .checkpoints import load_checkpoint, load_weights
from .cifar10 import CIFAR10_LABELS, CIFAR10_NETWORK
from .model_files import ModelInput, save_model, staged
from .networks import COMPACT, make_network
from .onnx_export import export_onnx
from .recipe import Recipe
from .traffic_signs import TRAFFIC_SIGN_NETWORK

_SIDE = 32  # pixels, of both data sets
_REFERENCE_SCENE = (1, 3)  # seed and index; training scenes have seed 0


@dataclasses.dataclass(frozen=True)
class _DataSet:
    """What a card says of the data that a network was trained with."""

    labels: tuple[str, ...]
    network: str
    licence: str
    data: str


_DATA_SETS = {
    "traffic_signs": _DataSet(
        TRAFFIC_SIGN_LABELS,
        TRAFFIC_SIGN_NETWORK,
        "GTSRB (INI Bochum), free for research; rendered scenes of this project, Apache-2.0",
        "real tracks with sha256(label/track) mod 5 != 0 (every second frame), and rendered "
        "scenes of the training surroundings; the recipe was chosen on the tracks with mod 5 = "
        "1, trained without them",
    ),
    "cifar10": _DataSet(
        CIFAR10_LABELS,
        CIFAR10_NETWORK,
        "CIFAR-10 (Krizhevsky 2009), no licence stated",
        "the 50,000 training images; the recipe was set beforehand, nothing was chosen on the "
        "test images",
    ),
}


def _reference(name: str, folder: Path) -> dict[str, str]:
    """Draw the reference image of a data set; returns its entry in the card."""
    if name == "traffic_signs":
        image, index = training_scene(*_REFERENCE_SCENE)
        label = TRAFFIC_SIGN_LABELS[index]
    else:  # others' images do not go into this project
        image, label = draw_ship(_SIDE), "ship"
    path = folder / "reference.png"
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"image": path.name, "label": label, "sha256": digest}


def _recipe(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the recipe of a training's checkpoint.

    Raises
    ------
    ModelError
        When it is not one of ours.
    """
    try:
        Recipe(**state["recipe"])
        whole = isinstance(state["average"], dict) and state["elapsed"] >= 0
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is no checkpoint of a training: {error}") from error
    if not whole:
        raise ModelError(f"{path} is no checkpoint of a training")
    return state["recipe"]


def main(args: Sequence[str] | None = None) -> int:
    """Export a trained network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkpoint", type=Path, help="checkpoint.pt of the training")
    parser.add_argument("--data-set", choices=_DATA_SETS, default="traffic_signs")
    parser.add_argument("--out", type=Path, required=True, help="folder for ONNX, card, image")
    parser.add_argument(
        "--network", choices=COMPACT, help="what was trained (default: the data set's)"
    )
    parser.add_argument("--resolution", choices=RESOLUTIONS, default=RESOLUTIONS[0])
    parser.add_argument("--machine", required=True, help="where it was trained, for the card")
    parser.add_argument("--started-from", help="the checkpoint it was fine-tuned from")
    arguments = parser.parse_args(args)
    return run_told("rs_monitor.training.export", lambda: _export(arguments))


def _export(arguments: argparse.Namespace) -> None:
    check_folder(arguments.out)
    about = _DATA_SETS[arguments.data_set]
    state = load_checkpoint(arguments.checkpoint)
    recipe = _recipe(state, arguments.checkpoint)
    network = make_network(arguments.network or about.network, len(about.labels))
    load_weights(network, state["average"], str(arguments.checkpoint))
    size = _SIDE if arguments.resolution == "full" else _SIDE // 2
    name = f"{arguments.data_set}_sigma{round(100 * recipe['sigma']):03d}"
    name += "" if arguments.resolution == "full" else "_half"
    exported = export_onnx(network, size, size)
    started = {"started_from": arguments.started_from} if arguments.started_from else {}
    with staged(arguments.out) as folder:
        save_model(
            folder,
            name,
            exported.content,
            exported.sha256,
            ModelInput(size, size, exported.dynamic_size),
            recipe["sigma"],
            about.labels,
            {
                "reference": _reference(arguments.data_set, folder),
                "architecture": f"CompactResNet: {network.layout}",
                "licence": {"weights": "Apache-2.0", "training_data": about.licence},
                "training": {
                    "command": f"python -m rs_monitor.training.{arguments.data_set}",
                    "data": about.data,
                    "recipe": recipe,
                    **started,
                    "epochs_done": state.get("epochs_done", state.get("epoch", -1) + 1),
                    "wall_time_s": round(state["elapsed"]),
                    "torch": str(torch.__version__),
                    "machine": arguments.machine,
                },
            },
            arguments.resolution,
        )
    print(f"{arguments.out / name}.onnx {exported.sha256}")


if __name__ == "__main__":
    sys.exit(main())
