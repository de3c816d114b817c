# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A PyTorch network as ONNX bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import warnings
from collections.abc import Iterator

import torch
from torch import nn

from ..models import ModelError

_OPSET = 17


@dataclasses.dataclass(frozen=True)
class OnnxFile:
    """An exported network.

    Attributes
    ----------
    content : bytes
        The ONNX file: `image` float32 RGB [N, 3, H, W] in [0, 1] to `logits` [N, K].
    dynamic_size : bool
        Whether height and width are dynamic too; the batch always is.
    """

    content: bytes = dataclasses.field(repr=False)
    dynamic_size: bool

    @property
    def sha256(self) -> str:
        """Of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def other_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes that a network of dynamic size takes besides: twice, and half."""
    return [(2 * height, 2 * width), (max(height // 2, 1), max(width // 2, 1))]


def export_onnx(network: nn.Module, height: int, width: int, output: str = "logits") -> OnnxFile:
    """Export a network, with dynamic height and width where it takes more than one size.

    Parameters
    ----------
    network : torch.nn.Module
        Maps float32 RGB [N, 3, H, W] in [0, 1] to logits [N, K]; normalisation inside.
    height, width : int
        Input size that it was made for.
    output : str
        Name of the output.

    Raises
    ------
    ModelError
        When PyTorch cannot export it.
    """
    network = network.eval().cpu().float().to(memory_format=torch.contiguous_format)
    image = torch.zeros(2, 3, height, width)
    dynamic = all(_takes(network, torch.zeros(2, 3, *size)) for size in other_sizes(height, width))
    content = None
    if dynamic:
        # Some, as those with adaptive pooling to several places, are exported at one size only.
        with contextlib.suppress(ModelError):
            content = _export(network, image, output, {0: "batch", 2: "height", 3: "width"})
    if content is None:
        content, dynamic = _export(network, image, output, {0: "batch"}), False
    return OnnxFile(content, dynamic)


def _export(network: nn.Module, image: torch.Tensor, output: str, axes: dict[int, str]) -> bytes:
    stream = io.BytesIO()
    with _exporting():
        try:
            torch.onnx.export(
                network,
                (image,),
                stream,
                input_names=["image"],
                output_names=[output],
                dynamic_axes={"image": axes, output: {0: "batch"}},
                opset_version=_OPSET,
                dynamo=False,
            )
        # OnnxExporterError is a RuntimeError.
        except (AssertionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"PyTorch cannot export this network as ONNX: {reason}") from error
    return stream.getvalue()


@contextlib.contextmanager
def _exporting() -> Iterator[None]:
    """Let the exporter see plain operations, and keep what it prints off the user's terminal."""
    mha = torch.backends.mha
    fast = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)  # attention in one operation that ONNX has not
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            torch.no_grad(),
        ):
            # Deprecated, but the exporter that needs no further package.
            warnings.simplefilter("ignore")
            yield
    finally:
        mha.set_fastpath_enabled(fast)


def _takes(network: nn.Module, image: torch.Tensor) -> bool:
    try:
        with torch.no_grad():
            network(image)
    except (RuntimeError, ValueError, AssertionError):  # as the network's author saw fit
        return False
    return True
