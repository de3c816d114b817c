# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import dataclasses
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.datasets import LabelledImages
from rs_monitor.models import ModelError
from rs_monitor.training.noise_training import Recipe, consistency_loss, move_average, train

RECIPE = Recipe(sigma=0.25, epochs=3, batch=8, learning_rate=0.05, average=0.9)


def logits(*probabilities):
    return torch.log(torch.tensor(probabilities, dtype=torch.float32))


def test_loss_of_agreeing_draws_is_cross_entropy_less_the_entropy():
    draws = logits([[0.7, 0.2, 0.1]], [[0.7, 0.2, 0.1]])
    entropy = -sum(p * math.log(p) for p in (0.7, 0.2, 0.1))
    loss = consistency_loss(draws, torch.tensor([0]), consistency=10.0, entropy=0.5)
    assert float(loss) == pytest.approx(-math.log(0.7) + 0.5 * entropy, rel=1e-5)


def test_loss_of_disagreeing_draws_by_hand():
    first, second = (0.8, 0.2), (0.4, 0.6)
    mean = [(a + b) / 2 for a, b in zip(first, second)]
    divergence = (
        sum(m * math.log(m / p) for draw in (first, second) for m, p in zip(mean, draw)) / 2
    )
    entropy = -sum(m * math.log(m) for m in mean)
    cross = -(math.log(0.2) + math.log(0.6)) / 2
    loss = consistency_loss(logits([first], [second]), torch.tensor([1]), 3.0, 0.5)
    assert float(loss) == pytest.approx(cross + 3 * divergence + 0.5 * entropy, rel=1e-5)


def test_a_certain_network_has_a_finite_loss_and_gradient():
    certain = torch.tensor([[[200.0, -200.0]], [[200.0, -200.0]]], requires_grad=True)
    loss = consistency_loss(certain, torch.tensor([0]), 10.0, 0.5)
    loss.backward()
    assert math.isfinite(loss.item()) and bool(certain.grad.isfinite().all())


def stripes(count=32):
    """Two classes that noise does not hide: the left or the right half is bright."""
    images = np.zeros((count, 8, 8, 3), np.uint8)
    labels = np.arange(count) % 2
    images[labels == 0, :, :4] = 255
    images[labels == 1, :, 4:] = 255
    return LabelledImages(images, labels, np.arange(count))


def network():
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 64, 2),
    )


class Killed(Exception):
    pass


@pytest.mark.parametrize("adversarial", [0.0, 0.5])
@pytest.mark.parametrize("at", [3, 4, 8, 11])  # of 12 steps, 4 an epoch
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, at, adversarial):
    recipe = dataclasses.replace(RECIPE, adversarial=adversarial)
    whole, resumed = network(), network()
    train(whole, stripes(), recipe)

    def kill(progress):
        if progress.step == at:
            raise Killed

    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(Killed):
        train(resumed, stripes(), recipe, checkpoint, report=kill, save_steps=3)
    fresh = network()
    torch.nn.init.zeros_(fresh[4].weight)  # what it starts with does not count: it resumes
    train(fresh, stripes(), recipe, checkpoint)
    for one, other in zip(whole.state_dict().values(), fresh.state_dict().values()):
        assert torch.equal(one, other)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    train(network(), stripes(), RECIPE, checkpoint)
    other = dataclasses.replace(RECIPE, sigma=0.5)
    with pytest.raises(ValueError, match=r"another recipe: sigma 0\.25, not 0\.5; choose"):
        train(network(), stripes(), other, checkpoint)


@pytest.mark.parametrize("steps", range(1, 12))
def test_any_number_of_steps(steps):
    recipe = dataclasses.replace(RECIPE, epochs=steps, batch=32)  # one step an epoch
    rates = []
    train(network(), stripes(), recipe, report=lambda p: rates.append(p.learning_rate))
    assert len(rates) == steps and max(rates) <= recipe.learning_rate
    assert steps < 5 or max(rates) == pytest.approx(recipe.learning_rate, rel=0.1)


def test_a_checkpoint_of_other_conditions_is_refused(tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    train(network(), stripes(), RECIPE, checkpoint, conditions={"augmentation": "none"})
    with pytest.raises(ModelError, match="another augmentation: none"):
        train(network(), stripes(), RECIPE, checkpoint, conditions={"augmentation": "geometry"})
    train(network(), stripes(), RECIPE, checkpoint, conditions={"augmentation": "none"})


@pytest.mark.parametrize(
    "change", [{"optimizer": None}, {"step": "3"}, {"generator": torch.zeros(3)}, {"schedule": 1}]
)
def test_a_damaged_checkpoint_is_one_error(tmp_path, change):
    checkpoint = tmp_path / "checkpoint.pt"
    train(network(), stripes(), RECIPE, checkpoint)
    state = torch.load(checkpoint, weights_only=True) | change
    torch.save(state, checkpoint)
    with pytest.raises(ModelError, match=r"checkpoint\.pt is damaged.*remove it to begin anew"):
        train(network(), stripes(), RECIPE, checkpoint)


def test_the_result_is_the_average_and_the_training_goes_on_from_the_last_weights(tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1, batch=16)  # 2 steps
    train(averaged := network(), stripes(), recipe, tmp_path / "checkpoint.pt")
    train(last := network(), stripes(), dataclasses.replace(recipe, average=0.0))
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert torch.equal(state["network"]["0.weight"], last.state_dict()["0.weight"])
    assert torch.equal(state["average"]["0.weight"], averaged.state_dict()["0.weight"])
    assert not torch.equal(state["average"]["0.weight"], state["network"]["0.weight"])


def test_the_average_by_hand():
    average, current = {"w": torch.tensor([1.0])}, {"w": torch.tensor([2.0])}
    move_average(average, current, 0.75)
    assert average["w"].tolist() == [1.25]
    counts = {"seen": torch.tensor(3)}
    move_average(counts, {"seen": torch.tensor(9)}, 0.75)
    assert counts["seen"].item() == 9


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine"])
def test_the_schedule_ends_near_zero(schedule):
    rates = []
    recipe = dataclasses.replace(RECIPE, schedule=schedule, precision="fp32")
    train(network(), stripes(), recipe, report=lambda p: rates.append(p.learning_rate))
    assert len(rates) == 12 and rates[-1] < 0.1 * max(rates) <= 0.1 * RECIPE.learning_rate
    assert (rates[0] == max(rates)) is (schedule == "cosine")


def test_a_training_that_diverges_says_so_and_keeps_the_checkpoint_before(tmp_path):
    checkpoint = tmp_path / "checkpoint.pt"
    recipe = dataclasses.replace(RECIPE, learning_rate=1e30, precision="fp32")
    with pytest.raises(ModelError, match=r"the loss is (nan|inf) .*lower the learning rate"):
        train(network(), stripes(), recipe, checkpoint, save_steps=1)
    state = torch.load(checkpoint, weights_only=True)
    assert state["step"] >= 1 and math.isfinite(state["total"])


def test_progress_names_every_step():
    seen = []
    train(network(), stripes(), RECIPE, report=seen.append)
    assert [p.step for p in seen] == list(range(1, 13))
    assert [p.epoch for p in seen if p.ends_epoch] == [1, 2, 3]
    assert seen[-1].left == 0 and seen[0].left > 0


def test_it_learns():
    trained = network()
    train(trained, stripes(), Recipe(sigma=0.25, epochs=10, batch=8, learning_rate=0.05))
    data = stripes()
    images = torch.from_numpy(data.images).permute(0, 3, 1, 2).float() / 255
    noisy = images + 0.25 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    assert (trained(noisy).argmax(1).numpy() == data.labels).mean() > 0.9


def test_adversarial_images_change_what_is_learnt_after_the_first_step():
    weights = {}
    for radius in (0.0, 0.5):
        for epochs, batch in ((1, 32), (2, 32)):  # one step, two steps
            recipe = dataclasses.replace(RECIPE, epochs=epochs, batch=batch, average=0.0)
            trained = network()
            train(trained, stripes(), dataclasses.replace(recipe, adversarial=radius))
            weights[radius, epochs] = trained.state_dict()["0.weight"]
    assert torch.equal(weights[0.0, 1], weights[0.5, 1])  # the radius begins at 0
    assert not torch.equal(weights[0.0, 2], weights[0.5, 2])
