#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Pack German traffic sign tracks (WebP strips of 32x32 images) into .npz, split by track.

Example: python tools/pack_gtsrb.py ../shared/data/gtsrb --train train.npz --held-out held.npz

A track is 30 frames of one physical sign; tracks with sha256("label/track") mod 5 = 0 are
held out and must be used for nothing but the final figure.
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
    parser.add_argument("--train", type=Path, required=True, help=".npz to write")
    parser.add_argument("--held-out", type=Path, required=True, help=".npz to write")
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
    for path, mask in ((arguments.train, fold != 0), (arguments.held_out, fold == 0)):
        np.savez(path, images=images[mask], labels=labels[mask], group=group[mask])
        print(f"{path}: {mask.sum()} images of {len(set(group[mask]))} tracks")


if __name__ == "__main__":
    main()
