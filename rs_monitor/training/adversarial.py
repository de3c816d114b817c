# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Training images moved against the smoothed classifier: SmoothAdv (Salman et al. 2019)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_WARM_UP = 0.3  # of the training, in which the radius grows from 0: first something must be learnt
_LEAST_NORM = 1e-12  # of a gradient; one of 0 moves nothing


def radius_at(radius: float, done: float) -> float:
    """Return the radius of the perturbation when a share `done` of the training is over."""
    return radius * min(1.0, done / _WARM_UP)


def adversarial_perturbation(
    network: nn.Module,
    images: torch.Tensor,
    noise: torch.Tensor,
    labels: torch.Tensor,
    radius: float,
    autocast: torch.autocast,
) -> torch.Tensor:
    """Return one step of gradient ascent on the loss of the smoothed classifier.

    Its probabilities are the means over the noise draws (Salman et al. 2019, NeurIPS, section
    3.1), the draws those that the perturbed images are then trained with.

    Parameters
    ----------
    network : torch.nn.Module
        In training mode: the statistics of its normalisations move.
    images : torch.Tensor
        float32 [N, 3, H, W].
    noise : torch.Tensor
        float32 [draws * N, 3, H, W], draw after draw.
    labels : torch.Tensor
        int64 [N].
    radius : float
        L2 norm of each image's perturbation, pixels in [0, 1].
    autocast : torch.autocast

    Returns
    -------
    torch.Tensor
        float32 [N, 3, H, W], without a graph; the weights' gradients are left alone.
    """
    draws = len(noise) // len(images)
    moved = images.detach().requires_grad_(True)
    with autocast:
        noisy = moved.repeat(draws, 1, 1, 1) + noise
        logits = network(noisy.contiguous(memory_format=torch.channels_last))
    log_p = logits.float().view(draws, len(labels), -1).log_softmax(-1)
    # The mean's logarithm, but for log(draws), which has no gradient.
    loss = functional.nll_loss(log_p.logsumexp(0), labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, moved)
    norm = gradient.flatten(1).norm(dim=1).clamp_min(_LEAST_NORM)
    return gradient * (radius / norm).view(-1, 1, 1, 1)
