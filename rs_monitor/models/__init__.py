# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Models: networks in ONNX files, with the cards that vouch for them."""

from .card import (
    MAX_SIGMA,
    RESOLUTIONS,
    ModelCard,
    ModelError,
    file_beside,
    load_card,
    read_key,
    read_mapping,
)
from .model import Model, load_model, load_reference_image
from .results import evaluation_key
from .saving import save_card, save_twin

__all__ = [
    "MAX_SIGMA",
    "Model",
    "ModelCard",
    "ModelError",
    "RESOLUTIONS",
    "evaluation_key",
    "file_beside",
    "load_card",
    "load_model",
    "load_reference_image",
    "read_key",
    "read_mapping",
    "save_card",
    "save_twin",
]
