# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What decides the weights of a training; imports no torch, so that `--help` is quick."""

from __future__ import annotations

import argparse
import dataclasses

from ..engines.machine import processor
from ..models import MAX_SIGMA

SCHEDULES = ("one_cycle", "cosine")
PRECISIONS = ("mixed", "fp32")
AUTOMATIC = "auto"
CHECKPOINT = "checkpoint.pt"  # in the training's folder
# Without these PyTorch computes bfloat16 on a CPU by conversion: 12 times slower than float32 on
# a Zen 3 with AVX2 alone.
_COMPUTES_BF16 = {"avx512_bf16", "amx_bf16"}
_LARGEST = 1e30  # of what has no bound of its own
_MOST = {"sigma": MAX_SIGMA, "epochs": 1_000_000, "batch": 1_000_000, "seed": 2**32 - 1}


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
        Peak of the schedule of SGD with Nesterov momentum 0.9.
    consistency, entropy : float
        lambda and eta of Jeong & Shin 2020 (NeurIPS), eqs. 8 and 9.
    adversarial : float
        L2 radius, pixels in [0, 1], by which images are moved against the smoothed classifier
        (`adversarial`); 0: not. With it a step takes about twice the time.
    seed : int
        Seed of initial weights, order, augmentation and noise.
    average : float
        Decay a step of the moving average of weights and statistics that is kept as the
        result (less in the first steps, min(average, (1 + t) / (10 + t))); 0: the last weights.
    schedule : str
        "one_cycle" (Smith 2017: up in the first fifth, then down) or "cosine" (down only).
    precision : str
        "mixed": bfloat16 autocast on the CPU, bfloat16 or float16 on a GPU; or "fp32".
    """

    sigma: float
    epochs: int = 60
    batch: int = 128
    learning_rate: float = 0.15
    weight_decay: float = 5e-4
    consistency: float = 10.0
    entropy: float = 0.5
    adversarial: float = 0.0
    seed: int = 0
    average: float = 0.0
    schedule: str = SCHEDULES[0]
    precision: str = PRECISIONS[0]

    def __post_init__(self) -> None:
        positive = ("sigma", "epochs", "batch", "learning_rate")
        others = ("weight_decay", "consistency", "entropy", "adversarial", "seed", "average")
        for name in (*positive, *others):
            value, most = getattr(self, name), _MOST.get(name, _LARGEST)
            # Compared, not converted: an integer may be too large for a float.
            if not 0 <= value <= most or (name in positive and value == 0):
                least = "positive" if name in positive else "not negative"
                raise ValueError(
                    f"{name} must be {least} and at most {most:g}, got {str(value)[:40]}"
                )
        if self.average >= 1:
            raise ValueError(f"average must be less than 1, got {self.average}")
        for name, known in (("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )


_HELP = {
    "epochs": "passes over the data",
    "batch": "images a step, each with two noise draws",
    "learning_rate": "peak of the schedule",
    "weight_decay": "of all weights",
    "consistency": "weight of the disagreement of two noise draws (Jeong & Shin 2020, lambda)",
    "entropy": "weight of the mean prediction's entropy (eta)",
    "adversarial": "L2 radius, pixels in [0, 1], by which images are moved against the smoothed "
    "classifier (SmoothAdv, Salman et al. 2019); takes twice the time",
    "seed": "of initial weights, order, augmentation and noise",
    "average": "decay a step of the moving average of the weights; 0 keeps the last weights",
}


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each part of the recipe."""
    group = parser.add_argument_group("recipe")
    group.add_argument(
        "--sigma", type=float, default=0.25, metavar="S",
        help="standard deviation of the noise, pixels in [0, 1] (default: %(default)s)",
    )  # fmt: skip
    for name, text in _HELP.items():
        default = getattr(Recipe, name)
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(default),
            default=default,
            metavar="K" if isinstance(default, int) else "X",
            help=f"{text} (default: %(default)s)",
        )
    group.add_argument("--schedule", choices=SCHEDULES, default=Recipe.schedule)
    group.add_argument(
        "--precision", choices=(AUTOMATIC, *PRECISIONS), default=AUTOMATIC,
        help="mixed: bfloat16 where it does no harm; fp32 throughout; auto: mixed on a GPU and on "
        "CPUs that compute bfloat16, which on others is many times slower (default: %(default)s)",
    )  # fmt: skip


def fastest_precision(device: str) -> str:
    """Return the one of `PRECISIONS` that trains fastest on "cpu" (this one) or "cuda"."""
    bf16 = device == "cuda" or not _COMPUTES_BF16.isdisjoint(processor()[1])
    return "mixed" if bf16 else "fp32"


def recipe_from(arguments: argparse.Namespace, device: str = "cpu") -> Recipe:
    """Return the recipe that the options ask for, on a device: "cpu" or "cuda".

    Raises
    ------
    ValueError
        Naming the value that is out of range.
    """
    values = {f.name: getattr(arguments, f.name) for f in dataclasses.fields(Recipe)}
    if values["precision"] == AUTOMATIC:
        values["precision"] = fastest_precision(device)
    return Recipe(**values)
