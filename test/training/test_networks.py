# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from imports import settled

from rs_monitor.models import ModelError
from rs_monitor.training.cifar_resnet import CifarResNet
from rs_monitor.training.networks import (
    COMPACT,
    NETWORKS,
    TORCHVISION,
    import_torchvision,
    make_network,
    usual_input,
)
from rs_monitor.training.onnx_export import export_onnx


def example(height, width, n=3):
    return torch.rand((n, 3, height, width), generator=torch.Generator().manual_seed(1))


def runtime_logits(content, images):
    openvino = pytest.importorskip("openvino", reason="needs the extra openvino")
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return next(iter(compiled(images.numpy()).values()))


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_cifar_resnets_have_the_layers_of_the_reference(depth):
    network = CifarResNet(depth, 10)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    # The depth counts the 3x3 convolutions and the last layer, not the two shortcuts.
    assert len([m for m in convolutions if m.kernel_size == (3, 3)]) == depth - 1
    names = network.state_dict().keys()
    last = (depth - 2) // 6 - 1
    assert {"conv1.weight", "bn1.running_var", "layer2.0.downsample.0.weight", "fc.bias"} <= names
    assert f"layer3.{last}.bn2.weight" in names and f"layer3.{last + 1}.bn2.weight" not in names
    padded = CifarResNet(depth, 10, padded=True).state_dict().keys()
    assert padded == {name for name in names if "downsample" not in name}


def test_the_papers_network_has_the_published_number_of_weights():
    assert sum(p.numel() for p in CifarResNet(110, 10).parameters()) == 1_730_714
    assert sum(p.numel() for p in CifarResNet(110, 10, padded=True).parameters()) == 1_727_962
    assert sum(p.numel() for p in CifarResNet(20, 10, padded=True).parameters()) == 269_722


def test_padded_shortcuts_take_every_second_pixel_between_channels_of_zeros():
    shortcut = CifarResNet(8, 10, padded=True).layer2[0].downsample
    image = torch.rand(2, 16, 6, 6)
    found = shortcut(image)
    assert torch.equal(found[:, 8:24], image[:, :, ::2, ::2])
    assert not found[:, :8].any() and not found[:, 24:].any()


@pytest.mark.parametrize("name", ["compact", "cifar_resnet20", "cifar_resnet20_padded"])
def test_a_network_and_its_onnx_agree_at_any_size(name):
    torch.manual_seed(0)
    network = settled(make_network(name, 7))
    exported = export_onnx(network, 32, 32)
    assert exported.dynamic_size
    for height, width, n in ((32, 32, 1), (16, 40, 5)):
        images = example(height, width, n)
        found = runtime_logits(exported.content, images)
        expected = network(images).detach().numpy()
        assert found.shape == (n, 7)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize("name", ["compact_placed", "compact_coarse"])
def test_a_classifier_over_places_has_one_size(name):
    torch.manual_seed(0)
    network = settled(make_network(name, 7))
    assert network.layout.side == 32
    exported = export_onnx(network, 32, 32)
    assert not exported.dynamic_size
    images = example(32, 32, 5)
    expected = network(images).detach().numpy()
    found = runtime_logits(exported.content, images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())
    # The logits depend on where something is.
    assert not np.allclose(network(images.roll(8, 3)).detach().numpy(), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("compact", "stages of 32, 64, 128 channels with 3 blocks each, 5x5 stem of stride 2, "
                    "classifier over the mean over places"),
        ("compact_coarse", "stages of 64, 128 channels with 2 blocks each, 8x8 stem of stride 4, "
                           "classifier over 4x4 places"),
    ],
)  # fmt: skip
def test_what_a_layout_says(name, said):
    assert str(COMPACT[name]) == said


def test_normalisation_is_inside():
    torch.manual_seed(0)
    network = make_network("cifar_resnet20", 4, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1.0))
    settled(network)
    images = example(32, 32)
    normalised = images.clone()
    for channel, (mean, std) in enumerate(((0.1, 0.5), (0.2, 0.25), (0.3, 1.0))):
        normalised[:, channel] = (images[:, channel] - mean) / std
    torch.testing.assert_close(network(images), network.network(normalised))


def test_a_network_of_one_size_is_exported_with_that_size():
    class OneSize(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3 * 8 * 8, 2)

        def forward(self, x):
            return self.linear(x.flatten(1))

    network = OneSize()
    exported = export_onnx(network, 8, 8)
    assert not exported.dynamic_size
    images = example(8, 8, 4)
    np.testing.assert_allclose(
        runtime_logits(exported.content, images), network(images).detach().numpy(), atol=1e-5
    )


@pytest.fixture
def torchvision():
    try:
        return import_torchvision()
    except ModelError as error:
        pytest.skip(str(error))


def test_attention_is_exported_in_plain_operations(capfd):
    class Attentive(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.TransformerEncoderLayer(12, 2, 16, batch_first=True)

        def forward(self, x):
            return self.layer(x.flatten(2).transpose(1, 2).repeat(1, 1, 4)).mean(1)

    network = Attentive().eval()
    fast = torch.backends.mha.get_fastpath_enabled()
    content = export_onnx(network, 8, 8).content
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert capfd.readouterr().out == ""
    images = torch.rand(3, 3, 8, 8)
    with torch.no_grad():
        expected = network(images).numpy()
    assert np.allclose(runtime_logits(content, images), expected, rtol=1e-3, atol=1e-4)


def test_torchvisions_resnet50(torchvision):
    assert import_torchvision() is torchvision
    network = settled(make_network("resnet50", 5))
    assert "layer4.2.conv3.weight" in network.network.state_dict()
    exported = export_onnx(network, 64, 64)
    assert exported.dynamic_size
    images = example(64, 96, 2)
    expected = network(images).detach().numpy()
    found = runtime_logits(exported.content, images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())


def test_every_other_network_is_made(torchvision):
    for name in set(NETWORKS) - set(TORCHVISION[1:]):
        assert make_network(name, 3).state_dict()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nonsense", "no network 'nonsense'.*compact"),
        ("timm/nonsense", "timm"),
        ("fasterrcnn_resnet50_fpn", "no network 'fasterrcnn_resnet50_fpn'.*classifiers"),
    ],
)
def test_unknown_networks_are_refused(torchvision, name, reason):
    with pytest.raises(ModelError, match=reason):
        make_network(name, 10)


def test_timms_networks(torchvision):
    pytest.importorskip("timm", reason="pip install timm", exc_type=ImportError)
    assert make_network("timm/resnet18", 3).network.fc.out_features == 3
    usual = usual_input("timm/vit_tiny_patch16_224")
    assert (usual.mean, usual.std, usual.side) == ((0.5,) * 3, (0.5,) * 3, 224)


def test_what_torchvisions_weights_were_trained_on(torchvision):
    sides = {name: usual_input(name).side for name in ("resnet50", "inception_v3", "swin_v2_t")}
    assert sides == {"resnet50": 224, "inception_v3": 299, "swin_v2_t": 256}
    assert usual_input("vit_h_14").side == 224  # its weights for 518 fit another network only


def test_one_class_is_refused():
    with pytest.raises(ModelError, match="at least 2 classes, got 1"):
        make_network("compact", 1)


@pytest.mark.parametrize(("kernel", "dynamic"), [(4, True), (8, False)])
def test_a_dynamic_size_includes_half_resolution(kernel, dynamic):
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, kernel), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    assert export_onnx(network, 8, 8).dynamic_size == dynamic


def test_what_is_exported_at_one_size_only_has_that_size():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1),
        torch.nn.AdaptiveAvgPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(16, 5),
    )
    exported = export_onnx(network, 8, 8)
    assert not exported.dynamic_size
    (image,) = onnx.load_from_string(exported.content).graph.input
    sides = [dim.dim_value for dim in image.type.tensor_type.shape.dim]
    assert sides == [0, 3, 8, 8]
