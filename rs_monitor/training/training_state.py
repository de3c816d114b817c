# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a training is resumed from: all that a step changes, and whose it is."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..datasets import LabelledImages
from ..models import ModelError
from .checkpoints import load_checkpoint, load_weights
from .recipe import Recipe

_RISING = 0.2  # of the steps, with "one_cycle"


def fingerprint(network: nn.Module, data: LabelledImages) -> str:
    """Hash what a checkpoint belongs to besides its recipe: the data and the network's shape."""
    digest = hashlib.sha256(data.images.tobytes())
    digest.update(data.labels.astype("<i8").tobytes())
    for name, value in network.state_dict().items():
        digest.update(f"{name} {list(value.shape)}\n".encode())
    return digest.hexdigest()


class TrainingState:
    """All that a step changes, to be saved and restored as one.

    Parameters
    ----------
    network : torch.nn.Module
        Already on `device`.
    recipe : Recipe
    steps : int
        In all.
    device : torch.device
    """

    def __init__(
        self, network: nn.Module, recipe: Recipe, steps: int, device: torch.device
    ) -> None:
        self.network, self.device = network, device
        self.optimizer = torch.optim.SGD(
            network.parameters(), lr=recipe.learning_rate, momentum=0.9, nesterov=True,
            weight_decay=recipe.weight_decay,
        )  # fmt: skip
        schedules = torch.optim.lr_scheduler
        if recipe.schedule == "one_cycle":
            # PyTorch divides by the steps of the rise less one: with 5 in all, by 0.
            rising = _RISING if _RISING * steps != 1 else 2 * _RISING
            self.schedule = schedules.OneCycleLR(
                self.optimizer, recipe.learning_rate, total_steps=steps, pct_start=rising
            )
        else:
            self.schedule = schedules.CosineAnnealingLR(self.optimizer, steps)
        # float16's narrow range wants its gradients scaled; off, the scaler does nothing.
        half = device.type == "cuda" and not torch.cuda.is_bf16_supported()
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=half and recipe.precision == "mixed"
        )
        self.autocast = torch.autocast(
            device.type,
            torch.float16 if half else torch.bfloat16,
            enabled=recipe.precision == "mixed",
        )
        self.average = {name: value.clone() for name, value in network.state_dict().items()}
        self.generator = torch.Generator()
        # On the CPU one generator serves all, in the order that the recipe's results rest on.
        self.noise = self.generator if device.type == "cpu" else torch.Generator(device)
        self.step, self.total, self.elapsed = 0, 0.0, 0.0

    def begin_epoch(self, seed: int, count: int) -> torch.Tensor:
        """Seed the generators for an epoch; returns the order of its images."""
        torch.manual_seed(seed)  # what dropout draws from
        self.generator.manual_seed(seed)
        order = torch.randperm(count, generator=self.generator)
        if self.noise is not self.generator:
            self.noise.manual_seed(seed)
        return order

    def as_dict(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {
            "step": self.step,
            "total": self.total,
            "elapsed": self.elapsed,
            "network": self.network.state_dict(),
            "average": self.average,  # the result; `network` is what goes on training
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generator": self.generator.get_state(),
            "noise": self.noise.get_state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }

    def resume(self, checkpoint: Path, belongs: Mapping[str, Any]) -> dict[str, Any]:
        """Go on from a checkpoint; returns what it holds.

        Parameters
        ----------
        checkpoint : Path
        belongs : mapping
            What it holds besides if it is of this training.

        Raises
        ------
        ModelError
            When it is of another training, or damaged.
        """
        saved = _load_own(checkpoint, belongs)
        try:
            self._restore(saved, str(checkpoint))
            self.restore_generators(saved)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"{checkpoint} is damaged, or was made on another device ({reason}): remove it to "
                "begin anew"
            ) from error
        return saved

    def _restore(self, state: dict[str, Any], source: str) -> None:
        load_weights(self.network, state["network"], source)
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.average = {k: v.to(self.device) for k, v in state["average"].items()}
        self.step = operator.index(state["step"])
        self.total, self.elapsed = float(state["total"]), float(state["elapsed"])

    def restore_generators(self, state: dict[str, Any]) -> None:
        """Go on with the random numbers of a checkpoint, in the middle of an epoch."""
        self.generator.set_state(state["generator"])
        self.noise.set_state(state["noise"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"], self.device)


def _load_own(checkpoint: Path, belongs: Mapping[str, Any]) -> dict[str, Any]:
    """Load a checkpoint; one of another training is refused."""
    state = load_checkpoint(checkpoint)
    for name, value in belongs.items():
        found = state.get(name)
        if found != value:
            other = f"another {name}: {_difference(found, value)}"
            if name == "fingerprint":
                other = "other data or another network"
            if name == "start":
                other = "other weights to start from, or with none (--start)"
            raise ModelError(
                f"{checkpoint} was made with {other}; choose another folder, or remove it to "
                "begin anew"
            )
    return state


def _difference(found: Any, wanted: Any) -> str:
    """Return what was found where other was wanted; of two mappings, what differs only."""
    if not (isinstance(found, Mapping) and isinstance(wanted, Mapping)):
        return f"{found}"
    names = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    return ", ".join(f"{name} {found.get(name)}, not {wanted.get(name)}" for name in names)
