# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled images for training and evaluation, from the formats that people have them in."""

from .labelled import DataError, LabelledImages, concatenate
from .loading import PARTS, load_data
from .npz import load_npz

__all__ = ["PARTS", "DataError", "LabelledImages", "concatenate", "load_data", "load_npz"]
