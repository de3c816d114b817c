# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from random_statistics import randomise_statistics

from rs_monitor.training.architectures import CompactResNet, Layout
from rs_monitor.training.halving import enlarged, halve, may_halve

WHOLE = Layout((4, 6), 1, (8, 4), 4)
HALF = Layout((4, 6), 1, (4, 2), 4)


def test_enlarged_repeats_each_pixel():
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    rows = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert enlarged(image)[0, 0].tolist() == rows


@pytest.mark.parametrize("stem", [(4, 2), (3, 1), (2, 2), (6, 2)])
def test_the_half_network_computes_what_the_whole_one_does_on_enlarged_images(stem):
    torch.manual_seed(0)
    kernel, stride = stem
    whole = Layout((4, 6), 1, (2 * kernel, 2 * stride), 0)
    assert may_halve(whole, half := Layout((4, 6), 1, stem, 0))
    source = randomise_statistics(CompactResNet(5, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), whole))
    network = CompactResNet(5, layout=half)
    before = source.stem[0].weight.clone()
    halve(source, network)
    images = torch.rand((8, 3, 16, 16), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = source.eval()(enlarged(images))
        torch.testing.assert_close(network.eval()(images), expected, rtol=1e-4, atol=1e-5)
    assert float(expected.std()) > 0.01
    assert torch.equal(source.stem[0].weight, before)


@pytest.mark.parametrize(
    ("whole", "half", "may"),
    [
        (WHOLE, HALF, True),
        (HALF, WHOLE, False),
        (WHOLE, WHOLE, False),
        (WHOLE, Layout((4, 6), 1, (4, 2), 2), False),
        (WHOLE, Layout((4, 8), 1, (4, 2), 4), False),
        (WHOLE, Layout((4, 6), 1, (8, 2), 4), False),
        (Layout(stem=(10, 4)), Layout(stem=(5, 2)), False),  # their windows lie half a pixel apart
    ],
)
def test_which_layouts_may_be_halved_to_which(whole, half, may):
    assert may_halve(whole, half) is may


def test_what_cannot_be_halved():
    with pytest.raises(ValueError, match=r"8x8 stem .* is not for half the side of .* 4x4 stem"):
        halve(CompactResNet(5, layout=HALF), CompactResNet(5, layout=WHOLE))
    with pytest.raises(ValueError, match=r"classifier\.weight"):
        halve(CompactResNet(5, layout=WHOLE), CompactResNet(4, layout=HALF))
