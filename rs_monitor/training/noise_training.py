# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian-noise training with consistency or adversarial images, resumable at any step."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from ..datasets import LabelledImages
from ..models import ModelError
from .adversarial import adversarial_perturbation, radius_at
from .checkpoints import load_weights, save_checkpoint
from .recipe import Recipe
from .training_state import TrainingState, fingerprint

# Images float32 [N, 3, H, W] in [0, 1] and labels int64 [N], to such.
Augmentation = Callable[
    [torch.Tensor, torch.Tensor, torch.Generator], tuple[torch.Tensor, torch.Tensor]
]
SAVE_STEPS = 200
_DRAWS = 2


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where a training is, after a step.

    Attributes
    ----------
    step, steps : int
        Steps done, of so many in all.
    epoch, epochs : int
        Epochs done, of so many.
    loss : float
        Mean of the epoch so far.
    learning_rate : float
        Of the step that was done.
    seconds : float
        Wall time spent, interruptions apart.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    learning_rate: float
    seconds: float

    @property
    def left(self) -> float:
        """Estimate of the seconds left."""
        return self.seconds / self.step * (self.steps - self.step)

    @property
    def ends_epoch(self) -> bool:
        """Whether the step was the last of an epoch."""
        return self.step * self.epochs == self.epoch * self.steps


def consistency_loss(
    logits: torch.Tensor, labels: torch.Tensor, consistency: float, entropy: float
) -> torch.Tensor:
    """Cross-entropy over the noise draws plus their disagreement and mean entropy.

    Parameters
    ----------
    logits : torch.Tensor
        float32 [draws, N, K].
    labels : torch.Tensor
        int64 [N].
    """
    draws = logits.shape[0]
    log_p = logits.log_softmax(-1)
    cross = functional.nll_loss(log_p.flatten(0, 1), labels.repeat(draws))
    mean = log_p.exp().mean(0).clamp_min(1e-20)
    divergence = (mean * (mean.log() - log_p)).sum(-1).mean()
    return cross + consistency * divergence - entropy * (mean * mean.log()).sum(-1).mean()


def move_average(average: dict, current: dict, decay: float) -> None:
    """Move `average` towards the state dict `current`, in place."""
    for name, value in current.items():
        if value.is_floating_point():
            average[name].lerp_(value, 1.0 - decay)
        else:
            average[name].copy_(value)


def train(
    network: nn.Module,
    data: LabelledImages,
    recipe: Recipe,
    checkpoint: Path | None = None,
    augmentation: Augmentation = lambda images, labels, generator: (images, labels),
    report: Callable[[Progress], None] = lambda progress: None,
    *,
    conditions: Mapping[str, str] | None = None,
    device: str = "cpu",
    save_steps: int = SAVE_STEPS,
) -> float:
    """Train in place; returns the wall time in seconds, interruptions apart.

    The network ends on the CPU, in evaluation mode, with the averaged weights
    (`Recipe.average`).

    An interrupted training goes on from `checkpoint`, which is written atomically after every
    epoch and every `save_steps` steps, and ends with the weights it would have had: on the
    CPU, with the same PyTorch and number of threads, bit for bit.

    Parameters
    ----------
    network : torch.nn.Module
        Maps float32 RGB [N, 3, H, W] in [0, 1] to logits [N, K].
    data : LabelledImages
        At least two images.
    recipe : Recipe
    checkpoint : Path, optional
        Where to save, and to go on from where it exists.
    augmentation : callable
        Applied before the noise, to a batch on the CPU.
    report : callable
        Told of every step.
    conditions : mapping, optional
        What else decides the weights, by name: the augmentation, the weights to start from. A
        checkpoint is gone on from with the same ones only.
    device : str
        "cpu" or "cuda".
    save_steps : int
        Steps from one checkpoint to the next.

    Raises
    ------
    ModelError
        When the checkpoint belongs to another training or cannot be written, or the loss is no
        longer finite.
    """
    if len(data) < 2:
        raise ModelError("training needs at least 2 images")
    where = torch.device(device)
    belongs = {"recipe": dataclasses.asdict(recipe), **(conditions or {})}
    belongs |= {"fingerprint": fingerprint(network, data)}
    network.to(where, memory_format=torch.channels_last)
    batch = min(recipe.batch, len(data))
    steps = len(data) // batch
    state = TrainingState(network, recipe, steps * recipe.epochs, where)
    saved = None
    if checkpoint is not None and checkpoint.exists():
        saved = state.resume(checkpoint, belongs)
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2)
    labels = torch.from_numpy(data.labels)

    def step(index: torch.Tensor) -> float:
        x, y = augmentation(images[index].float() / 255.0, labels[index], state.generator)
        x, y = x.to(where), y.to(where)
        shape = (_DRAWS * len(x), *x.shape[1:])
        noise = recipe.sigma * torch.randn(shape, generator=state.noise, device=where)
        if recipe.adversarial:
            radius = radius_at(recipe.adversarial, state.step / (steps * recipe.epochs))
            x = x + adversarial_perturbation(network, x, noise, y, radius, state.autocast)
        x = x.repeat(_DRAWS, 1, 1, 1) + noise
        with state.autocast:
            logits = network(x.contiguous(memory_format=torch.channels_last))
        logits = logits.float().view(_DRAWS, len(y), -1)
        loss = consistency_loss(logits, y, recipe.consistency, recipe.entropy)
        state.optimizer.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()
        state.scaler.step(state.optimizer)
        state.scaler.update()
        decay = min(recipe.average, (1 + state.step) / (10 + state.step))
        with torch.no_grad():
            move_average(state.average, network.state_dict(), decay)
        return float(loss.detach())

    network.train()
    for epoch in range(state.step // steps, recipe.epochs):
        order = state.begin_epoch(recipe.seed * 1_000_003 + epoch, len(data))
        first = state.step - epoch * steps
        if first and saved is not None:
            state.restore_generators(saved)
        else:
            state.total = 0.0
        for number in range(first, steps):
            started = time.monotonic()
            rate = state.schedule.get_last_lr()[0]
            loss = step(order[number * batch : (number + 1) * batch])
            if not math.isfinite(loss):
                raise ModelError(
                    f"the loss is {loss} in epoch {epoch + 1}, step {number + 1}: the training "
                    f"diverges; lower the learning rate ({recipe.learning_rate:g})"
                )
            state.schedule.step()
            state.step += 1
            state.total += loss
            state.elapsed += time.monotonic() - started
            ends = number + 1 == steps
            if checkpoint is not None and (ends or state.step % save_steps == 0):
                epochs_done = {"epochs_done": state.step // steps}
                save_checkpoint(checkpoint, belongs | epochs_done | state.as_dict())
            report(
                Progress(
                    step=state.step,
                    steps=steps * recipe.epochs,
                    epoch=epoch + ends,
                    epochs=recipe.epochs,
                    loss=state.total / (number + 1),
                    learning_rate=rate,
                    seconds=state.elapsed,
                )
            )
    load_weights(network, state.average, "the average of the weights")
    network.eval().cpu()
    return state.elapsed
