# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.datasets import LabelledImages
from rs_monitor.models import ModelError
from rs_monitor.training.cifar_resnet import CifarResNet
from rs_monitor.training.networks import make_network
from rs_monitor.training.recipe import Recipe
from rs_monitor.training.running import start_from

DATA = LabelledImages(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) % 3, np.arange(4))
RECIPE = Recipe(sigma=0.25)


def test_anothers_checkpoint_starts_a_training_of_other_classes(tmp_path):
    source = CifarResNet(20, 10, padded=True)
    weights = {
        f"module.{k}".replace(".fc.", ".linear."): v for k, v in source.state_dict().items()
    }
    torch.save({"state_dict": weights, "best_prec1": 91.7}, tmp_path / "resnet20.th")
    network = make_network("cifar_resnet20_padded", 3)
    fresh = network.network.fc.weight.clone()
    start_from(network, tmp_path / "resnet20.th", DATA, RECIPE)
    assert torch.equal(network.network.layer3[2].conv2.weight, source.layer3[2].conv2.weight)
    assert torch.equal(network.network.fc.weight, fresh)
    same = make_network("cifar_resnet20_padded", 10)
    start_from(same, tmp_path / "resnet20.th", DATA, RECIPE)
    assert torch.equal(same.network.fc.weight, source.fc.weight)


def test_our_own_checkpoint_starts_from_its_average(tmp_path):
    source = make_network("compact", 3)
    torch.save({"average": source.state_dict(), "network": {}}, tmp_path / "checkpoint.pt")
    network = make_network("compact", 3)
    start_from(network, tmp_path / "checkpoint.pt", DATA, RECIPE)
    assert torch.equal(network.stem[0].weight, source.stem[0].weight)
    with pytest.raises(ModelError, match=r"checkpoint\.pt is of another architecture.*blocks\.3"):
        start_from(make_network("compact_wide", 3), tmp_path / "checkpoint.pt", DATA, RECIPE)


def test_onnx_that_nothing_can_start_from(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="only ONNX files of compact"):
        start_from(make_network("cifar_resnet20", 3), tmp_path / "model.onnx", DATA, RECIPE)
    with pytest.raises(ModelError, match="no valid ONNX model"):
        start_from(make_network("compact", 3), tmp_path / "model.onnx", DATA, RECIPE)
