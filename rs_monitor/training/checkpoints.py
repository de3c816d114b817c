# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch checkpoints, ours and others': never unpickled, written whole or not at all."""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..files import read_file, write_atomically
from ..models import ModelError

MAX_FILE = 1 << 33  # bytes
_BEGINNINGS = (b"PK", b"\x80")  # of archives, and of the pickles that torch.save wrote before


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint atomically; on a full disk the one before is still there.

    Raises
    ------
    ModelError
        When it cannot be written.
    """
    # In memory first: PyTorch's own writer ends the process where a disk is full.
    stream = io.BytesIO()
    torch.save(dict(state), stream)
    try:
        write_atomically(path, stream.getvalue())
    except OSError as error:
        raise ModelError(f"cannot write checkpoint {path}: {error.strerror or error}") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, of plain values and tensors only.

    Raises
    ------
    ModelError
        When it cannot be read, is no checkpoint, or wants code to be run.
    """
    try:
        content = read_file(path, MAX_FILE)
    except OSError as error:
        raise ModelError(f"cannot read checkpoint {path}: {error.strerror or error}") from error
    if not content.startswith(_BEGINNINGS):
        raise ModelError(f"{path} is no PyTorch checkpoint: it begins with {content[:16]!r}")
    try:
        with warnings.catch_warnings():  # of a pickle's protocol: it is read, or it is refused
            warnings.simplefilter("ignore")
            _check_size(content)
            state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise ModelError(
                f"{path} wants code to be run when it is read ({_reason(error)}): refused. Only "
                "tensors and plain values are read; save its state_dict alone"
            ) from error
        raise ModelError(f"{path} is no PyTorch checkpoint, or is damaged: {error}") from error
    except (
        RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError,
        OSError, UnicodeDecodeError, AssertionError, zipfile.BadZipFile, MemoryError,
    ) as error:  # fmt: skip
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} is no PyTorch checkpoint, or is damaged: {detail}") from error
    if not isinstance(state, dict):
        raise ModelError(f"{path} holds a {type(state).__name__}, not a checkpoint")
    return state


def _check_size(content: bytes) -> None:
    """Refuse an archive that becomes larger in memory than it is as a file."""
    if not content.startswith(b"PK"):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > len(content):
        raise ValueError(
            f"it holds {size:,} bytes in {len(content):,}, but torch.save compresses nothing"
        )


def _reason(error: Exception) -> str:
    """Return PyTorch's reason alone, without its advice to switch the protection off."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if "GLOBAL" in line or "Unsupported" in line] or lines[-1:]
    return told[0].partition(" was not an allowed")[0].removeprefix("WeightsUnpickler error: ")


def load_weights(network: torch.nn.Module, weights: Mapping[str, Any], source: str) -> None:
    """Load a state dict, all of it.

    Raises
    ------
    ModelError
        Naming the first weights that the network and `source` do not share.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in weights]
    foreign = [name for name in weights if name not in wanted]
    # Files of PyTorch before 0.4 do not count the batches; nothing uses the number.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    misfit = [
        f"{name} {list(weights[name].shape)} for {list(value.shape)}"
        for name, value in wanted.items()
        if name in weights and getattr(weights[name], "shape", None) != value.shape
    ]
    problems = [
        f"{what}: {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"
        for what, names in (("lacks", missing), ("has besides", foreign), ("other shape", misfit))
        if names
    ]
    if problems:
        raise ModelError(f"{source} is of another architecture ({'; '.join(problems)})")
    for name in wanted:
        value = weights.get(name)
        if value is not None and (value.is_meta or value.layout != torch.strided):
            raise ModelError(f"{source}: {name} is no dense tensor with its values")
        if value is not None and wanted[name].is_floating_point() != value.is_floating_point():
            raise ModelError(f"{source}: {name} is {value.dtype}, not {wanted[name].dtype}")
    found = OrderedDict((name, weights[name]) for name in wanted if name in weights)
    # The versions of the layers' formats: without them, some of torchvision's refuse to load.
    found._metadata = wanted._metadata
    network.load_state_dict(found, strict=False)
