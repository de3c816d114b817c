# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Train, killed ten times on the way: `python killed_training.py FOLDER SEED`.

Each training is a process of its own, forked before PyTorch has started a thread, so that ten of
them cost no more than one start of Python. Prints the kills' steps.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

from rs_monitor.datasets import LabelledImages
from rs_monitor.training.augmentation import augment
from rs_monitor.training.noise_training import Progress, train
from rs_monitor.training.recipe import Recipe

RECIPE = Recipe(sigma=0.25, epochs=8, batch=8, learning_rate=0.05, average=0.9, precision="fp32")
KILLS = 10
SAVE_STEPS = 3


def network() -> torch.nn.Module:
    """A tiny network with all that has a state: normalisation's statistics, dropout's draws."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
        torch.nn.Dropout(0.2), torch.nn.Flatten(), torch.nn.Linear(4 * 64, 3),
    )  # fmt: skip


def run(folder: Path, name: str, pipe: int, most: int | None) -> None:
    """Train in this process, `most` steps; a byte for each goes into the pipe."""
    done = 0

    def report(progress: Progress) -> None:
        nonlocal done
        done += 1
        os.write(pipe, b".")
        if done == most:
            signal.pause()

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (88, 8, 8, 3), dtype=np.uint8)  # 11 steps an epoch
    data = LabelledImages(images, np.arange(88) % 3, np.arange(88))
    torch.manual_seed(1)
    trained = network()
    train(
        trained, data, RECIPE, folder / f"{name}.pt",
        lambda x, y, generator: (augment(x, generator), y),
        report, save_steps=SAVE_STEPS,
    )  # fmt: skip
    torch.save(trained.state_dict(), folder / f"{name}_weights.pt")


def forked(folder: Path, name: str, steps: int | None, delay: float = 0.0) -> int:
    """Train in a child process, killed `delay` seconds after so many steps; returns them."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        run(folder, name, writing, steps and steps + 2)
        os._exit(0)
    os.close(writing)
    seen = 0
    while (steps is None or seen < steps) and os.read(reading, 1):
        seen += 1
    with contextlib.suppress(ProcessLookupError):
        if steps is not None:
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) if steps is not None else status == 0
    return seen


def main() -> None:
    """Train once whole, and once killed again and again."""
    # Loads, once for all, the two seconds of modules that PyTorch leaves to its first optimizer.
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    folder, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    forked(folder, "whole", None)
    # Each gets past at least one checkpoint, lest it never arrive: at most 70 steps of 88. The
    # delay takes the kill anywhere: into a step, or into the writing of a checkpoint.
    steps = [rng.randint(SAVE_STEPS, SAVE_STEPS + 2) for _ in range(KILLS)]
    print([forked(folder, "killed", n, rng.uniform(0, 0.04)) for n in steps])
    forked(folder, "killed", None)


if __name__ == "__main__":
    main()
