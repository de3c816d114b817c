#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Pack CIFAR-10 (WebP strips of 32x32 images, labels as .npy) into train.npz and test.npz.

Example: python tools/pack_cifar10.py ../shared/data/cifar10 build/cifar10
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

_STRIPS = {"train": "data_batch_*.webp", "test": "test_batch_*.webp"}


def main() -> None:
    """Pack both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the strips and labels")
    parser.add_argument("out", type=Path, help="folder to write the two .npz files into")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for part, pattern in _STRIPS.items():
        strips = []
        for path in sorted(arguments.folder.glob(pattern)):
            strip = cv2.imread(str(path), cv2.IMREAD_COLOR)
            strips.append(cv2.cvtColor(strip, cv2.COLOR_BGR2RGB).reshape(-1, 32, 32, 3))
        images = np.concatenate(strips)
        labels = np.load(arguments.folder / f"{part}_labels.npy").astype(np.int64)
        np.savez(arguments.out / f"{part}.npz", images=images, labels=labels)
        print(f"{arguments.out / part}.npz: {len(images)} images")


if __name__ == "__main__":
    main()
