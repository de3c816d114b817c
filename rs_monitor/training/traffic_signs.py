# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
r"""Train the shipped traffic-sign classifier: real tracks beside rendered scenes.

Example: python -m rs_monitor.training.traffic_signs --out build/traffic_signs \
    --data build/gtsrb/train.npz build/gtsrb/validation.npz
(tools/pack_gtsrb.py makes the .npz files. A recipe is chosen by training on train.npz alone.)
"""

from __future__ import annotations

import argparse
import functools
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
import torch

from ..datasets import LabelledImages, concatenate, load_npz
from ..models import RESOLUTIONS
from ..scenes.drive import training_scene
from ..scenes.signs import TRAFFIC_SIGN_LABELS
from .architectures import CompactResNet
from .augmentation import MirrorClasses
from .noise_training import Recipe, train

_SCENE_SEED = 0
# Signs that are their own mirror image, and pairs that are each other's.
_SYMMETRIC = (
    "right_of_way_at_next_intersection", "priority_road", "yield", "no_vehicles", "no_entry",
    "general_caution", "bumpy_road", "traffic_signals", "ice_or_snow", "ahead_only",
)  # fmt: skip
_MIRRORED = (
    ("dangerous_curve_left", "dangerous_curve_right"),
    ("turn_left_ahead", "turn_right_ahead"),
    ("straight_or_left", "straight_or_right"),
    ("keep_left", "keep_right"),
)


def mirror_classes() -> MirrorClasses:
    """Return the mirroring that German traffic signs allow."""
    partner = {name: name for name in _SYMMETRIC}
    for left, right in _MIRRORED:
        partner[left], partner[right] = right, left
    return MirrorClasses(TRAFFIC_SIGN_LABELS, partner)


def half_resolution(data: LabelledImages) -> LabelledImages:
    """Resize by area to half the side, as the node does for `input.resolution` half."""
    size = (data.images.shape[2] // 2, data.images.shape[1] // 2)
    images = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in data.images]
    return LabelledImages(np.stack(images), data.labels, data.group)


def rendered_scenes(count: int, size: int) -> LabelledImages:
    """Render `count` training scenes of `size` x `size` pixels."""
    with Pool() as pool:
        scene = functools.partial(training_scene, _SCENE_SEED, size=size)
        images, labels = zip(*pool.imap(scene, range(count), chunksize=50))
    return LabelledImages(np.stack(images), np.array(labels, np.int64), np.arange(count))


def main() -> None:
    """Train from the command line; interrupted, it goes on where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="real tracks, .npz")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint.pt")
    parser.add_argument("--sigma", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--consistency", type=float, default=Recipe.consistency)
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--weight-decay", type=float, default=Recipe.weight_decay)
    parser.add_argument("--scenes", type=int, default=5000, help="rendered scenes beside them")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--resolution", choices=RESOLUTIONS, default="full")
    parser.add_argument("--start", type=Path, help="checkpoint whose weights to start from")
    arguments = parser.parse_args()

    arguments.out.mkdir(parents=True, exist_ok=True)
    real = concatenate([load_npz(path) for path in arguments.data])
    if arguments.resolution == "half":
        real = half_resolution(real)
    scenes = rendered_scenes(arguments.scenes, real.images.shape[1])
    data = concatenate([real, scenes])
    recipe = Recipe(
        sigma=arguments.sigma,
        epochs=arguments.epochs,
        consistency=arguments.consistency,
        learning_rate=arguments.learning_rate,
        weight_decay=arguments.weight_decay,
        seed=arguments.seed,
    )
    torch.manual_seed(recipe.seed)
    network = CompactResNet(len(TRAFFIC_SIGN_LABELS))
    if arguments.start:
        network.load_state_dict(torch.load(arguments.start, weights_only=True)["network"])

    def report(epoch: int, loss: float, seconds: float) -> None:
        left = seconds / (epoch + 1) * (recipe.epochs - epoch - 1)
        print(
            f"epoch {epoch + 1}/{recipe.epochs} loss {loss:.3f}, {seconds:.0f} s, "
            f"{left:.0f} s left",
            flush=True,
        )

    elapsed = train(
        network, data, recipe, arguments.out / "checkpoint.pt", mirror_classes(), report
    )
    print(f"trained on {len(real)} real and {len(scenes)} rendered images in {elapsed:.0f} s")


if __name__ == "__main__":
    main()
