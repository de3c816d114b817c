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
import math
import sys
from collections.abc import Sequence
from multiprocessing import Pool

import cv2
import numpy as np
import torch

from ..datasets import DataError, LabelledImages, concatenate
from ..models import RESOLUTIONS
from ..program import check_folder, run_told
from ..scenes.drive import training_scene
from ..scenes.signs import TRAFFIC_SIGN_LABELS
from .augmentation import MirrorClasses, augment
from .mixing import SameClassBlend, SurroundingsSwap, exchange_exposures
from .networks import COMPACT, make_network
from .running import read_training_data, run_training, training_arguments, training_parser

TRAFFIC_SIGN_NETWORK = "compact"
_SCENE_SEED = 0
_MOST_SCENES = 1_000_000
_LEAST_SIDE = 4  # pixels
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
_SHAPE = {"priority_road": "square", "yield": "tip"} | dict.fromkeys(
    ("right_of_way_at_next_intersection", "general_caution", "dangerous_curve_left",
     "dangerous_curve_right", "double_curve", "bumpy_road", "slippery_road",
     "road_narrows_on_the_right", "road_work", "traffic_signals", "pedestrians",
     "children_crossing", "bicycles_crossing", "ice_or_snow", "wild_animals_crossing"),
    "base",
)  # fmt: skip
_AUGMENTATION = {
    "geometry": (1.0, "how far images are moved, rotated and scaled, of the usual"),
    "swapped": (0.4, "share of the images that get another's surroundings"),
    "blended": (0.3, "share of the images that are blended with another of their class"),
}
_EXPOSED = 0.5  # share that gets another's light
_GAINS = (0.55, 1.6)  # beside that


def mirror_classes() -> MirrorClasses:
    """Return the mirroring that German traffic signs allow."""
    partner = {name: name for name in _SYMMETRIC}
    for left, right in _MIRRORED:
        partner[left], partner[right] = right, left
    return MirrorClasses(TRAFFIC_SIGN_LABELS, partner)


def sign_masks(size: int) -> torch.Tensor:
    """Return where a cropped sign of each class lies, float32 [43, size, size] in [0, 1].

    Crops of the benchmark hold the sign with a margin of a tenth: a disc, a triangle on its
    base or on its tip, or a square on its tip.
    """
    axis = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def triangle(down: torch.Tensor) -> torch.Tensor:
        return torch.maximum(down - 0.85, 0.86 * (x.abs() - 0.6 * (down + 0.95)))

    outside = {"disc": torch.hypot(x, y) - 0.86, "base": triangle(y), "tip": triangle(-y)}
    outside["square"] = (x.abs() + y.abs() - 0.95) / math.sqrt(2.0)
    shapes = [_SHAPE.get(name, "disc") for name in TRAFFIC_SIGN_LABELS]
    edge = 1.6 / size  # the signs' edges are about as soft
    return torch.stack([torch.sigmoid(-outside[shape] / edge) for shape in shapes])


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


def main(args: Sequence[str] | None = None) -> int:
    """Train from the command line; interrupted, it goes on where it stopped."""
    parser = training_parser(__doc__)
    parser.add_argument("--scenes", type=int, default=5000, help="rendered scenes beside them")
    parser.add_argument("--network", choices=COMPACT, default=TRAFFIC_SIGN_NETWORK)
    parser.add_argument("--resolution", choices=RESOLUTIONS, default="full")
    for name, (default, text) in _AUGMENTATION.items():
        parser.add_argument(
            f"--{name}", type=float, default=default, metavar="X", help=f"{text} (%(default)s)"
        )
    arguments = training_arguments(parser, args)
    if not 0 <= arguments.scenes <= _MOST_SCENES:
        parser.error(f"--scenes must lie in 0 to {_MOST_SCENES}, got {arguments.scenes}")
    for name in _AUGMENTATION:
        if not 0.0 <= (share := getattr(arguments, name)) <= 1.0:
            parser.error(f"--{name} must lie in 0 to 1, got {share:g}")
    return run_told("rs_monitor.training.traffic_signs", lambda: _train(arguments))


def _train(arguments: argparse.Namespace) -> None:
    check_folder(arguments.out)
    real = read_training_data(arguments.data, TRAFFIC_SIGN_LABELS)
    height, width = real.images.shape[1:3]
    if height != width or height < _LEAST_SIDE:
        raise DataError(
            f"the data sets' images must be square, of {_LEAST_SIDE} pixels at least, they have "
            f"{height}x{width}"
        )
    if arguments.resolution == "half":
        real = half_resolution(real)
    parts = [real]
    if arguments.scenes:
        parts.append(rendered_scenes(arguments.scenes, real.images.shape[1]))
    data = concatenate(parts)
    mirror = mirror_classes()
    pixels = torch.from_numpy(data.images).permute(0, 3, 1, 2)
    blend = SameClassBlend(pixels, torch.from_numpy(data.labels), arguments.blended)
    swap = SurroundingsSwap(sign_masks(real.images.shape[1]), arguments.swapped)

    def augmentation(
        images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = mirror(images, labels, generator)
        images = swap(blend(images, labels, generator), labels, generator)
        images = exchange_exposures(images, _EXPOSED, generator)
        return augment(images, generator, _GAINS, arguments.geometry), labels

    run_training(
        arguments,
        lambda: make_network(arguments.network, len(TRAFFIC_SIGN_LABELS)),
        data,
        augmentation,
        conditions={name: f"{getattr(arguments, name):g}" for name in _AUGMENTATION},
    )


if __name__ == "__main__":
    sys.exit(main())
