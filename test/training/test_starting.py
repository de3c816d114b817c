# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.datasets import LabelledImages
from rs_monitor.models import ModelError
from rs_monitor.training.cifar_resnet import CifarResNet
from rs_monitor.training.halving import enlarged
from rs_monitor.training.networks import make_network
from rs_monitor.training.onnx_export import export_onnx
from rs_monitor.training.recipe import Recipe
from rs_monitor.training.starting import start_from, start_from_mean, weights_digest

DATA = LabelledImages(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4) % 3, np.arange(4))
HALF = LabelledImages(np.zeros((4, 16, 16, 3), np.uint8), np.arange(4) % 3, np.arange(4))
LARGE = LabelledImages(np.zeros((4, 32, 32, 3), np.uint8), np.arange(4) % 3, np.arange(4))
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


def test_of_several_files_their_mean(tmp_path):
    sources = [make_network("compact", 3) for _ in range(3)]
    paths = [tmp_path / f"{index}.pt" for index in range(3)]
    for source, path in zip(sources, paths):
        torch.save({"average": source.state_dict()}, path)
    network = make_network("compact", 3)
    start_from_mean(network, paths, DATA, RECIPE)
    stems = torch.stack([source.stem[0].weight for source in sources])
    torch.testing.assert_close(network.stem[0].weight, stems.mean(0))
    alone = make_network("compact", 3)
    start_from_mean(alone, paths[:1], DATA, RECIPE)
    for name, value in sources[0].state_dict().items():
        assert torch.equal(alone.state_dict()[name], value)
    torch.save({"average": make_network("compact_wide", 3).state_dict()}, paths[1])
    with pytest.raises(ModelError, match=r"1\.pt is of another architecture"):
        start_from_mean(make_network("compact", 3), paths, DATA, RECIPE)


def test_other_weights_to_start_from_have_another_digest(tmp_path):
    one, other = tmp_path / "one.pt", tmp_path / "other.pt"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    digests = {weights_digest(paths) for paths in ([], [one], [other], [one, other], [other, one])}
    assert len(digests) == 5 and "" in digests
    with pytest.raises(ModelError, match=r"cannot read .*missing\.pt"):
        weights_digest([one, tmp_path / "missing.pt"])


def saved(network, path):
    """Write a network as a file to start from: a checkpoint or an ONNX file by its name."""
    if path.suffix == ".onnx":
        path.write_bytes(export_onnx(network, 32, 32).content)
    else:
        torch.save({"average": network.state_dict()}, path)
    return path


@pytest.mark.parametrize("suffix", [".pt", ".onnx"])
@pytest.mark.parametrize("name", ["compact_wide", "compact_placed"])
def test_a_narrower_network_is_widened(tmp_path, suffix, name):
    torch.manual_seed(0)
    source, network = make_network("compact", 3).eval(), make_network(name, 3)
    start_from(network, saved(source, tmp_path / f"start{suffix}"), LARGE, RECIPE)
    images = torch.rand((4, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), source(images), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("suffix", [".pt", ".onnx"])
def test_a_network_for_half_the_side_starts_from_one_for_the_whole(tmp_path, suffix):
    torch.manual_seed(0)
    source = make_network("compact_coarse", 3).eval()
    network = make_network("compact_half", 3)
    start_from(network, saved(source, tmp_path / f"start{suffix}"), HALF, RECIPE)
    images = torch.rand((4, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = source(enlarged(images))
        torch.testing.assert_close(network.eval()(images), expected, rtol=1e-3, atol=1e-4)
    with pytest.raises(ModelError, match=r"another architecture|other convolutions"):
        start_from(make_network("compact_placed", 3), tmp_path / f"start{suffix}", LARGE, RECIPE)


@pytest.mark.parametrize("suffix", [".pt", ".onnx"])
def test_a_wider_network_is_refused(tmp_path, suffix):
    path = saved(make_network("compact_wide", 3), tmp_path / f"start{suffix}")
    words = {
        ".pt": r"start\.pt is of another architecture.*blocks\.3",
        ".onnx": "other convolutions",
    }
    with pytest.raises(ModelError, match=words[suffix]):
        start_from(make_network("compact", 3), path, DATA, RECIPE)


def test_onnx_that_nothing_can_start_from(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="only ONNX files of compact"):
        start_from(make_network("cifar_resnet20", 3), tmp_path / "model.onnx", DATA, RECIPE)
    with pytest.raises(ModelError, match="no valid ONNX model"):
        start_from(make_network("compact", 3), tmp_path / "model.onnx", DATA, RECIPE)


@pytest.mark.parametrize(
    ("buffers", "std"), [({"mean": 0.5}, 1.0), ({"mean": 0.5, "std": 0.2}, 0.2)]
)
def test_the_normalisation_that_a_checkpoint_holds_comes_with_it(tmp_path, buffers, std):
    source = CifarResNet(20, 3, padded=True)
    state = {f"1.{name}": value for name, value in source.state_dict().items()}
    state |= {f"0.{name}": torch.full((3,), value) for name, value in buffers.items()}
    torch.save({"state_dict": state}, tmp_path / "front.pth")
    network = make_network("cifar_resnet20_padded", 3)
    start_from(network, tmp_path / "front.pth", DATA, RECIPE)
    assert network.mean.flatten().tolist() == [0.5] * 3
    assert network.std.flatten().tolist() == pytest.approx([std] * 3)
