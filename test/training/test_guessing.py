# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

torch = pytest.importorskip("torch", reason="guessing needs PyTorch: pip install torch")

from rs_monitor.models import ModelError
from rs_monitor.training.guessing import RESNETS, count_classes, guess_architecture
from rs_monitor.training.networks import CIFAR, bare_network, import_torchvision


def weights_of(name, classes):
    with torch.device("meta"):
        return bare_network(name, classes).state_dict()


def recognised(name):
    weights = weights_of(name, 7)
    assert guess_architecture(weights, "file") == name
    assert count_classes(name, dict(sorted(weights.items())), "file") == 7


@pytest.mark.parametrize("name", [*CIFAR, *(f"{name}_padded" for name in CIFAR)])
def test_cifars_resnets_are_recognised(name):
    recognised(name)


@pytest.mark.parametrize("name", sorted(set(RESNETS.values())))
def test_torchvisions_resnets_are_recognised(name):
    try:
        import_torchvision()
    except ModelError as error:
        pytest.skip(str(error))
    recognised(name)


@pytest.mark.parametrize(
    ("name", "kind"), [("regnet_x_400mf", "widths as tensors"), ("maxvit_t", "no bias")]
)
def test_classes_of_networks_that_are_special(name, kind):
    try:
        import_torchvision()
    except ModelError as error:
        pytest.skip(str(error))
    assert count_classes(name, bare_network(name, 5).state_dict(), "file") == 5


def test_weights_that_are_not_recognised():
    with pytest.raises(ModelError, match=r"features.0.weight.*--arch"):
        guess_architecture({"features.0.weight": torch.zeros(2, 3, 3, 3)}, "file")


def test_weights_without_a_last_layer():
    weights = weights_of("cifar_resnet20", 10)
    for name in ("fc.weight", "fc.bias"):
        del weights[name]
    with pytest.raises(ModelError, match="file: cifar_resnet20's last layer is not in it"):
        count_classes("cifar_resnet20", weights, "file")
