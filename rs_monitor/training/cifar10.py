# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
r"""Train the shipped CIFAR-10 classifiers.

Example: python -m rs_monitor.training.cifar10 --data build/cifar10/train.npz \
    --out build/cifar10_sigma025 --epochs 36
(tools/pack_cifar10.py makes the .npz file.)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..program import check_folder, run_told
from .augmentation import crop_and_flip
from .networks import make_network
from .running import read_training_data, run_training, training_arguments, training_parser

CIFAR10_LABELS = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10_NETWORK = "compact_wide"  # fits 200 samples into 40 ms on two cores


def main(args: Sequence[str] | None = None) -> int:
    """Train from the command line; interrupted, it goes on where it stopped."""
    arguments = training_arguments(training_parser(__doc__), args)

    def run() -> None:
        check_folder(arguments.out)
        data = read_training_data(arguments.data, CIFAR10_LABELS)
        run_training(
            arguments,
            lambda: make_network(CIFAR10_NETWORK, len(CIFAR10_LABELS)),
            data,
            crop_and_flip,
        )

    return run_told("rs_monitor.training.cifar10", run)


if __name__ == "__main__":
    sys.exit(main())
