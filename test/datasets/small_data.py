# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Small data sets on disk, as tests want them."""

from __future__ import annotations

import pickle
import struct
from pathlib import Path

import cv2
import numpy as np

NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def write_image(path: Path, image: np.ndarray) -> Path:
    """Write uint8 RGB [H, W, 3] as the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return path


def noise_image(seed: int, height: int = 6, width: int = 6) -> np.ndarray:
    """Return a uint8 RGB image that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _string(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text


def _array(array: np.ndarray) -> bytes:
    """Return the opcodes with which Python 2 and NumPy 1 wrote a uint8 array."""
    shape = b"".join(b"J" + struct.pack("<i", n) for n in array.shape)
    content = array.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _string(b"b")
        + b"\x87R(K\x01(" + shape + b"tcnumpy\ndtype\n" + _string(b"u1") + b"K\x00K\x01\x87R(K\x03"
        + _string(b"|") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb\x89T"
        + struct.pack("<i", len(content)) + content + b"tb"
    )  # fmt: skip


def python2_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Return a batch as CIFAR-10's authors wrote theirs, with Python 2."""
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), 3072)
    integers = b"".join(b"K" + bytes([label]) for label in labels)
    return (
        b"\x80\x02}q\x01(" + _string(b"batch_label") + _string(b"testing batch 1 of 1")
        + _string(b"labels") + b"](" + integers + b"e" + _string(b"data") + _array(rows)
        + _string(b"filenames") + b"](" + b"".join(_string(b"%d.png" % i) for i in labels)
        + b"eu."
    )  # fmt: skip


def write_cifar10(folder: Path, count: int = 4, names: tuple[str, ...] = NAMES) -> np.ndarray:
    """Write all batches, of `count` images each; returns the test images."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(6):
        images = np.stack([noise_image(100 * number + i, 32, 32) for i in range(count)])
        labels = (np.arange(count) + number) % 10
        name = f"data_batch_{number}" if number else "test_batch"
        (folder / name).write_bytes(python2_batch(images, labels))
        if not number:
            test = images
    meta = {"num_cases_per_batch": count, "label_names": list(names), "num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return test
