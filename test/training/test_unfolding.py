# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

onnx = pytest.importorskip("onnx", reason="training needs PyTorch: pip install torch onnx")

from onnx import numpy_helper
from random_statistics import randomise_statistics

from rs_monitor.training.architectures import CompactResNet, Layout
from rs_monitor.training.onnx_export import export_onnx
from rs_monitor.training.unfolding import load_folded

WIDTHS = (4, 6, 8)


def trained(classes=5):
    """A network whose batch normalisations are anything but the identity."""
    torch.manual_seed(0)
    return randomise_statistics(CompactResNet(classes, layout=Layout(WIDTHS))).eval()


def images(count=64):
    return torch.rand((count, 3, 32, 32), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("training", [False, True])
def test_the_loaded_network_computes_what_the_file_does(tmp_path, training):
    source = trained()
    (tmp_path / "model.onnx").write_bytes(export_onnx(source, 32, 32).content)
    loaded = CompactResNet(5, layout=Layout(WIDTHS)).train(not training)
    assert load_folded(loaded, tmp_path / "model.onnx", images())
    assert loaded.training is not training
    with torch.no_grad():
        expected = source(images())
        found = loaded.train(training)(images())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_filters_have_the_scale_of_new_ones(tmp_path):
    (tmp_path / "model.onnx").write_bytes(export_onnx(trained(), 32, 32).content)
    loaded = CompactResNet(5, layout=Layout(WIDTHS))
    load_folded(loaded, tmp_path / "model.onnx", images())
    lengths = loaded.stem[0].weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, 3**-0.5))


def test_a_classifier_of_other_classes_stays_new(tmp_path):
    (tmp_path / "model.onnx").write_bytes(export_onnx(trained(classes=4), 32, 32).content)
    loaded = CompactResNet(5, layout=Layout(WIDTHS))
    before = loaded.classifier.weight.clone()
    assert not load_folded(loaded, tmp_path / "model.onnx", images())
    assert torch.equal(loaded.classifier.weight, before)


def test_other_convolutions_are_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(export_onnx(trained(), 32, 32).content)
    with pytest.raises(ValueError, match=r"model\.onnx holds other convolutions"):
        load_folded(CompactResNet(5, layout=Layout((4, 6, 10))), tmp_path / "model.onnx", images())


@pytest.mark.parametrize(("before", "after", "same"), [(0, 4, True), (4, 4, True), (4, 0, False)])
def test_a_classifier_over_places_starts_as_one_over_their_mean(tmp_path, before, after, same):
    torch.manual_seed(0)
    source = randomise_statistics(CompactResNet(5, layout=Layout(WIDTHS, cells=before))).eval()
    (tmp_path / "model.onnx").write_bytes(export_onnx(source, 32, 32).content)
    loaded = CompactResNet(5, layout=Layout(WIDTHS, cells=after)).eval()
    assert load_folded(loaded, tmp_path / "model.onnx", images()) is same
    with torch.no_grad():
        expected, found = source(images()), loaded(images())
    close = torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert close is same


@pytest.mark.parametrize("shape", [(40,), (5, 8, 1)])
def test_a_classifier_that_is_no_matrix_stays_new(tmp_path, shape):
    graph = onnx.load_from_string(export_onnx(trained(), 32, 32).content)
    (weight,) = (each for each in graph.graph.initializer if each.name == "classifier.weight")
    weight.CopyFrom(
        numpy_helper.from_array(numpy_helper.to_array(weight).reshape(shape), weight.name)
    )
    onnx.save(graph, tmp_path / "model.onnx")
    loaded = CompactResNet(5, layout=Layout(WIDTHS))
    before = loaded.classifier.weight.clone()
    assert not load_folded(loaded, tmp_path / "model.onnx", images())
    assert torch.equal(loaded.classifier.weight, before)
