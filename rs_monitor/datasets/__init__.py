# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled images for training and evaluation, from the formats that people have them in."""

from .class_names import are_numbers
from .labelled import MAX_CLASSES, DataError, LabelledImages, concatenate
from .loading import PARTS, load_data
from .npz import load_npz

__all__ = [
    "MAX_CLASSES",
    "PARTS",
    "DataError",
    "LabelledImages",
    "are_numbers",
    "concatenate",
    "load_data",
    "load_npz",
]
