# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What an inference engine promises: one frame goes in, vote counts come out."""

from __future__ import annotations

import abc
import dataclasses
import math
import operator
import types

import numpy as np

from ..models import Model
from .errors import EngineError, inference_errors
from .sizes import CHUNK_SIZES, even_sizes
from .votes import Votes

KEY_BYTES = 16
_MOST_SAMPLES = 1 << 64  # of one key
_WARM_UP_CHUNKS = 3
PRECISIONS = ("auto", "fp32", "fp16", "bf16", "int8")


@dataclasses.dataclass(frozen=True)
class EngineIdentity:
    """What really runs: backend, its version, the device's name and the precision."""

    backend: str
    version: str
    device: str
    precision: str


class Engine(abc.ABC):
    """Runs one model on one device. Not thread-safe: one worker owns it.

    The engine owns noise, forward pass, argmax and counting. It never pads votes and never
    falls back to another device or precision. Use as a context manager, or call `close`.

    Parameters
    ----------
    model : Model
        Checked bytes, labels and input size.
    max_batch : int
        Samples a forward pass, >= 1.
    """

    def __init__(self, model: Model, max_batch: int) -> None:
        if max_batch < 1:
            raise EngineError(f"max_batch must be at least 1, got {max_batch}")
        self.model = model
        self.max_batch = max_batch
        self._closed = False

    @classmethod
    @abc.abstractmethod
    def precisions(cls) -> tuple[str, ...]:
        """Precisions that this machine offers; int8 needs a quantised model as well.

        Raises
        ------
        EngineError
            When the backend is not installed, or the machine has not the device for it.
        """

    @classmethod
    def chunk_sizes(cls, n: int) -> tuple[int, ...]:
        """Return the samples a forward pass that are worth a try here, largest first.

        Parameters
        ----------
        n : int
            Samples a frame that are asked for; 0 for as many as fit.
        """
        return even_sizes(CHUNK_SIZES, n)

    @property
    @abc.abstractmethod
    def identity(self) -> EngineIdentity:
        """What really runs."""

    @abc.abstractmethod
    def _votes(self, image: np.ndarray, sigma: float, n: int, key: bytes, start: int) -> Votes:
        """Draw the votes; arguments were checked."""

    def votes(
        self, image: np.ndarray, sigma: float, n: int, key: bytes, *, start: int = 0
    ) -> Votes:
        """Classify noisy copies of an image, in forward passes of `max_batch` whatever n is.

        Parameters
        ----------
        image : numpy.ndarray
            float32 RGB [H, W, 3] at network resolution, in [0, 1].
        sigma : float
            Standard deviation of the noise, >= 0.
        n : int
            Samples to draw, >= 1.
        key : bytes
            16 bytes that decide this frame's noise. Sample i depends on the key and on i
            alone, so n samples from `start` continue the samples before them.
        start : int
            Index of the first sample, from 0 to 2**64 - n.

        Returns
        -------
        Votes

        Raises
        ------
        ValueError
            For arguments outside these ranges.
        EngineError
            When the engine is closed or inference fails.
        """
        if self._closed:
            raise EngineError("the engine is closed")
        shape = (self.model.height, self.model.width, 3)
        if image.shape != shape or image.dtype != np.float32:
            raise ValueError(
                f"image must be float32 {list(shape)}, got {image.dtype} {list(image.shape)}"
            )
        _check_finite("image", image)
        if not (math.isfinite(sigma) and sigma >= 0):
            raise ValueError(f"sigma must be finite and >= 0, got {sigma}")
        try:
            n, start = operator.index(n), operator.index(start)
        except TypeError as error:
            raise ValueError(
                f"n and start must be integers, got n={n!r}, start={start!r}"
            ) from error
        if n < 1 or not 0 <= start <= _MOST_SAMPLES - n:
            raise ValueError(
                f"n must be >= 1 and start in 0 to 2**64 - n, got n={n}, start={start}"
            )
        if len(key) != KEY_BYTES:
            raise ValueError(f"key must be {KEY_BYTES} bytes, got {len(key)}")
        return self._votes(image, _at_least(sigma), n, key, start)

    @abc.abstractmethod
    def _run_network(self) -> None:
        """Run the batch that is in the buffer; return when it is done."""

    def run_network(self) -> None:
        """Run one full batch, whatever is in the buffer, without noise and counting.

        For benchmarks: what `votes` could reach if noise and counting took no time.

        Raises
        ------
        EngineError
            When the engine is closed or inference fails.
        """
        if self._closed:
            raise EngineError("the engine is closed")
        self._run_network()

    def _read_batch(self) -> np.ndarray:
        """Return the batch that the network was given last, float32 [max_batch, 3, H, W]."""
        raise EngineError(f"an engine on {self.identity.backend} does not show its noise")

    def noisy_images(
        self, image: np.ndarray, sigma: float, key: bytes, *, start: int = 0
    ) -> np.ndarray:
        """Return what the network is given for a full batch of votes, to be looked at.

        Parameters
        ----------
        image, sigma, key, start
            As for `votes`.

        Returns
        -------
        numpy.ndarray
            float32 [max_batch, 3, H, W]: `image` with the noise of samples from `start` on,
            before any cast to a reduced precision.
        """
        self.votes(image, sigma, self.max_batch, key, start=start)
        return self._read_batch()

    @abc.abstractmethod
    def _logits(self, batch: np.ndarray) -> np.ndarray:
        """Map float32 [max_batch, 3, H, W] to logits [max_batch, K]."""

    def classify(self, images: np.ndarray) -> np.ndarray:
        """Classify images as they are, without noise.

        Parameters
        ----------
        images : numpy.ndarray
            float32 RGB [n, H, W, 3] at network resolution, in [0, 1].

        Returns
        -------
        numpy.ndarray
            int64 [n]; -1 where the logits are not finite.

        Raises
        ------
        ValueError
            For images of another shape or type, or with NaN or infinity.
        EngineError
            When the engine is closed or inference fails.
        """
        if self._closed:
            raise EngineError("the engine is closed")
        shape = (self.model.height, self.model.width, 3)
        if images.ndim != 4 or images.shape[1:] != shape or images.dtype != np.float32:
            raise ValueError(
                f"images must be float32 [n, {', '.join(map(str, shape))}], got {images.dtype} "
                f"{list(images.shape)}"
            )
        _check_finite("images", images)
        batch = np.zeros((self.max_batch, 3, *shape[:2]), np.float32)
        classes = np.empty(len(images), np.int64)
        for done in range(0, len(images), self.max_batch):
            part = images[done : done + self.max_batch]
            batch[: len(part)] = part.transpose(0, 3, 1, 2)
            with inference_errors():
                logits = self._logits(batch)[: len(part)]
            finite = np.isfinite(logits).all(axis=1)
            classes[done : done + len(part)] = np.where(finite, logits.argmax(axis=1), -1)
        return classes

    def warm_up(self) -> None:
        """Run full batches until buffers, kernels and threads are in place."""
        image = np.full((self.model.height, self.model.width, 3), 0.5, np.float32)
        for _ in range(_WARM_UP_CHUNKS):
            self.votes(image, 0.25, self.max_batch, bytes(KEY_BYTES))

    def close(self) -> None:
        """Release the device; further votes are refused. May be called twice."""
        self._closed = True

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()


def _at_least(sigma: float) -> float:
    """Return the least float32 that is not below sigma: less noise would not bear the radius."""
    rounded = np.float32(sigma)
    # As Python's floats: NumPy would round sigma to compare it.
    if float(rounded) < float(sigma):
        rounded = np.nextafter(rounded, np.float32(np.inf))
    return float(rounded)


def _check_finite(name: str, pixels: np.ndarray) -> None:
    if not np.isfinite(pixels).all():  # some networks give a NaN a class
        raise ValueError(f"{name} must be finite, found NaN or infinity")
