# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What `rs_monitor benchmark` measures: a model, or an architecture with random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.benchmark.unlabelled import write_unlabelled
from ..evaluation.benchmark.work import LIMIT_CLASSES, LIMIT_SIZE, convolution_network
from ..families import load_family, shipped_family
from ..models import RESOLUTIONS, Model, ModelError, load_model
from ..program import UsageError

_CALIBRATION = 32  # noisy images


@dataclasses.dataclass(frozen=True)
class Subject:
    """A model at each resolution that is measured.

    Attributes
    ----------
    card : Path
        Card or family.
    architecture : str
        "" for a model of the user's.
    models : dict
        By resolution.
    network : torch.nn.Module or None
        Of an architecture.
    notes : list of str
        What is left out, and why.
    """

    card: Path
    architecture: str
    models: dict[str, Model]
    network: Any
    notes: list[str]

    def reference_network(self, model: Model, batch: int) -> Any:
        """Return the network in PyTorch, float32, on the device that PyTorch would use.

        Raises
        ------
        EngineError
            When PyTorch is missing, or cannot run it.
        """
        from ..engines.device_loop import find_gpu, import_torch
        from ..engines.torch import INSTALL, read_network

        torch = import_torch("torch", INSTALL)
        device = find_gpu(torch) or torch.device("cpu")
        if self.network is not None:
            return self.network.to(device)
        return read_network(model, batch, torch).to_device(device, torch.float32)


def open_subject(
    model: str,
    architecture: str,
    *,
    sigma: float,
    resolution: str | None,
    int8: bool,
    folder: Path,
) -> Subject:
    """Load a model or make an architecture.

    Parameters
    ----------
    model : str
        Card or family; "" for the shipped one.
    architecture : str
        "" for none.
    sigma : float
        Picks the family's member, and is the noise of int8 calibration.
    resolution : str or None
        None for full, and half where the model takes it.
    int8 : bool
        Whether an architecture gets an int8 twin; needs onnxruntime.
    folder : Path
        For an architecture's files.

    Raises
    ------
    ModelError
    """
    network = None
    path = Path(model) if model else shipped_family()
    if architecture:
        path, network = _write_architecture(architecture, sigma, int8, folder)
    family, models, notes = load_family(path), {}, []
    for wanted in RESOLUTIONS if resolution is None else (resolution,):
        try:
            card, warning = family.select(sigma, wanted)
            models[wanted] = load_model(card, wanted)
        except ModelError as error:
            if resolution is not None or not models:
                raise
            notes.append(f"not measured at {wanted} resolution: {error}")
        else:
            if warning and not architecture:
                notes.append(warning)
    return Subject(path, architecture, models, network, notes)


def limit_model(folder: Path, int8: bool) -> Model:
    """Return the network of convolutions that shows the machine's limit.

    Raises
    ------
    ModelError, EngineError
        Without onnx, or without onnxruntime where it needs an int8 twin.
    """
    content = convolution_network()
    card = write_unlabelled(
        folder,
        "convolutions",
        content,
        size=LIMIT_SIZE,
        classes=LIMIT_CLASSES,
        twin=_quantized(content, LIMIT_SIZE, 1.0) if int8 else None,
    )
    return load_model(load_family(card).members[0])


def _write_architecture(name: str, sigma: float, int8: bool, folder: Path) -> tuple[Path, Any]:
    try:
        from ..training.onnx_export import export_onnx
        from ..training.random_weights import random_network
    except ImportError as error:
        raise UsageError(
            f"--architecture needs PyTorch ({error}): python -m pip install 'torch>=2.6,<3' "
            "'onnx>=1.17,<2'"
        ) from error
    network, size, classes = random_network(name)
    file = export_onnx(network, size, size)
    card = write_unlabelled(
        folder,
        name,
        file.content,
        size=size,
        classes=classes,
        twin=_quantized(file.content, size, sigma) if int8 else None,
        dynamic_size=file.dynamic_size,
    )
    return card, network


def _quantized(content: bytes, size: int, sigma: float) -> bytes:
    """Return the int8 twin, calibrated on noise around grey."""
    from ..training.quantization import quantize_onnx

    generator = np.random.Generator(np.random.PCG64(0))
    noise = generator.standard_normal((_CALIBRATION, size, size, 3), np.float32)
    return quantize_onnx(content, np.float32(0.5) + np.float32(sigma) * noise)
