#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Pack German traffic sign tracks (WebP strips of 32x32 images) into .npz, split by track.

Example: python tools/pack_gtsrb.py ../shared/data/gtsrb build/gtsrb

A track is the frames of one physical sign. sha256("label/track") mod 5 says where it goes:
0 into held_out.npz, for the final figure and nothing else; 1 into validation.npz, on which
recipes are chosen; the others into train.npz. The shipped model is trained with the chosen
recipe on train.npz and validation.npz.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import cv2
import numpy as np


def main() -> None:
    """Pack both parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with train_*.webp, train_labels.npz")
    parser.add_argument("out", type=Path, help="folder to write the three .npz files into")
    arguments = parser.parse_args()

    strips = []
    for path in sorted(arguments.folder.glob("train_*.webp")):
        strip = cv2.imread(str(path), cv2.IMREAD_COLOR)
        strips.append(cv2.cvtColor(strip, cv2.COLOR_BGR2RGB).reshape(-1, 32, 32, 3))
    images = np.concatenate(strips)
    with np.load(arguments.folder / "train_labels.npz") as archive:
        labels = archive["label"].astype(np.int64)
        tracks = archive["track"].astype(np.int64)
    fold = np.array(
        [
            int(hashlib.sha256(f"{label}/{track}".encode()).hexdigest(), 16) % 5
            for label, track in zip(labels, tracks)
        ]
    )
    group = labels * 10_000 + tracks
    arguments.out.mkdir(parents=True, exist_ok=True)
    parts = {"held_out": fold == 0, "validation": fold == 1, "train": fold >= 2}
    for name, mask in parts.items():
        path = arguments.out / f"{name}.npz"
        np.savez(path, images=images[mask], labels=labels[mask], group=group[mask])
        print(f"{path}: {mask.sum()} images of {len(set(group[mask]))} tracks")


if __name__ == "__main__":
    main()
