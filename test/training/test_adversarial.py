# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.training.adversarial import adversarial_perturbation, radius_at

FP32 = torch.autocast("cpu", torch.bfloat16, enabled=False)


def linear(weights):
    """Two classes of images [3, 2, 2] whose logits differ by weights * image."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2, bias=False))
    with torch.no_grad():
        network[1].weight[0], network[1].weight[1] = weights, -weights
    return network


def mean_probability(network, images, noise, labels):
    p = network(images.repeat(2, 1, 1, 1) + noise).softmax(-1).view(2, len(images), -1).mean(0)
    return p[torch.arange(len(labels)), labels]


def test_a_linear_network_is_attacked_along_its_weights():
    weights = torch.arange(12.0)
    images, labels = torch.rand(2, 3, 2, 2), torch.tensor([0, 1])
    found = adversarial_perturbation(
        linear(weights / 100), images, 0.01 * torch.randn(4, 3, 2, 2), labels, 0.5, FP32
    )
    direction = (0.5 * weights / weights.norm()).view(3, 2, 2)
    torch.testing.assert_close(found, torch.stack([-direction, direction]))


def test_the_gradient_is_that_of_the_mean_probability():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(36, 5)
    )
    images, labels = torch.rand(3, 3, 4, 4), torch.tensor([0, 3, 4])
    noise = 0.5 * torch.randn(6, 3, 4, 4)
    found = adversarial_perturbation(network, images, noise, labels, 0.25, FP32)
    moved = images.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(
        -mean_probability(network, moved, noise, labels).log().sum(), moved
    )
    for one, expected in zip(found, gradient):
        torch.testing.assert_close(one, 0.25 * expected / expected.norm())
    before, after = (
        mean_probability(network, x, noise, labels) for x in (images, images + 0.1 * found)
    )
    assert bool((after < before).all())


def test_the_weights_and_their_gradients_are_left_alone():
    network = linear(torch.ones(12))
    before = network[1].weight.clone()
    found = adversarial_perturbation(
        network, torch.rand(2, 3, 2, 2), torch.zeros(4, 3, 2, 2), torch.tensor([0, 1]), 1.0, FP32
    )
    assert network[1].weight.grad is None and torch.equal(network[1].weight, before)
    assert not found.requires_grad


def test_where_there_is_no_gradient_nothing_moves():
    found = adversarial_perturbation(
        linear(torch.zeros(12)), torch.rand(1, 3, 2, 2), torch.zeros(2, 3, 2, 2),
        torch.tensor([1]), 1.0, FP32,
    )  # fmt: skip
    assert float(found.abs().max()) == 0.0


@pytest.mark.parametrize(("done", "share"), [(0.0, 0.0), (0.15, 0.5), (0.3, 1.0), (0.9, 1.0)])
def test_the_radius_grows_at_the_beginning(done, share):
    assert math.isclose(radius_at(0.5, done), 0.5 * share)
