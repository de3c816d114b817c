# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Gaussian-noise training with consistency regularisation, resumable."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from ..datasets import LabelledImages

# Images float32 [N, 3, H, W] in [0, 1] and labels int64 [N], to such.
Augmentation = Callable[
    [torch.Tensor, torch.Tensor, torch.Generator], tuple[torch.Tensor, torch.Tensor]
]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What decides the weights, apart from the data and the network.

    Attributes
    ----------
    sigma : float
        Standard deviation of the noise on images in [0, 1].
    epochs, batch : int
        Passes over the data; images a step, each with two noise draws.
    learning_rate, weight_decay : float
        Peak of the one-cycle schedule of SGD with Nesterov momentum 0.9.
    consistency, entropy : float
        lambda and eta of Jeong & Shin 2020 (NeurIPS), eqs. 8 and 9.
    seed : int
        Seed of initial weights, order, augmentation and noise.
    average : float
        Decay a step of the moving average of weights and statistics that is kept as the
        result (less in the first steps, min(average, (1 + t) / (10 + t))); 0: the last weights.
    """

    sigma: float
    epochs: int = 60
    batch: int = 128
    learning_rate: float = 0.15
    weight_decay: float = 5e-4
    consistency: float = 10.0
    entropy: float = 0.5
    seed: int = 0
    average: float = 0.0


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


def _save(path: Path, state: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def train(
    network: nn.Module,
    data: LabelledImages,
    recipe: Recipe,
    checkpoint: Path | None = None,
    augmentation: Augmentation = lambda images, labels, generator: (images, labels),
    report: Callable[[int, float, float], None] = lambda epoch, loss, seconds: None,
) -> float:
    """Train in place on the CPU with bf16 autocast; returns the wall time in seconds.

    The network ends with the averaged weights (`Recipe.average`).

    An interrupted training goes on from `checkpoint` (written atomically after each epoch)
    and, since every epoch has its own seeds, ends with the weights it would have had.
    """
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.learning_rate, momentum=0.9, nesterov=True,
        weight_decay=recipe.weight_decay,
    )  # fmt: skip
    steps = len(data) // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps * recipe.epochs, pct_start=0.2
    )
    average = {name: value.clone() for name, value in network.state_dict().items()}
    first, elapsed = 0, 0.0
    if checkpoint is not None and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if state["recipe"] != dataclasses.asdict(recipe):
            raise ValueError(f"{checkpoint} was made with another recipe: {state['recipe']}")
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        average = state["average"]
        first, elapsed = state["epoch"] + 1, state["elapsed"]
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2)
    labels = torch.from_numpy(data.labels)
    for epoch in range(first, recipe.epochs):
        started, total = time.monotonic(), 0.0
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
        order = torch.randperm(len(data), generator=generator)
        network.train()
        for step in range(steps):
            index = order[step * recipe.batch : (step + 1) * recipe.batch]
            x, y = images[index].float() / 255.0, labels[index]
            x, y = augmentation(x, y, generator)
            x = x.repeat(2, 1, 1, 1)
            x = x + recipe.sigma * torch.randn(x.shape, generator=generator)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(x.contiguous(memory_format=torch.channels_last))
            logits = logits.float().view(2, len(y), -1)
            loss = consistency_loss(logits, y, recipe.consistency, recipe.entropy)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
            taken = epoch * steps + step
            decay = min(recipe.average, (1 + taken) / (10 + taken))
            with torch.no_grad():
                move_average(average, network.state_dict(), decay)
            total += float(loss.detach())
        elapsed += time.monotonic() - started
        report(epoch, total / steps, elapsed)
        if checkpoint is not None:
            _save(
                checkpoint,
                {
                    "recipe": dataclasses.asdict(recipe),
                    "epoch": epoch,
                    "elapsed": elapsed,
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "average": average,  # the result; `network` is what goes on training
                },
            )
    network.load_state_dict(average)
    network.eval()
    return elapsed
