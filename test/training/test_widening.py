# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from random_statistics import randomise_statistics

from rs_monitor.training.architectures import CompactResNet, Layout
from rs_monitor.training.widening import may_widen, widen

NARROW = (4, 6, 8)


def images(count=16):
    return torch.rand((count, 3, 32, 32), generator=torch.Generator().manual_seed(1))


def narrow(cells=0):
    """A network with statistics, means and scales of its own."""
    torch.manual_seed(0)
    return randomise_statistics(
        CompactResNet(5, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3), Layout(NARROW, cells=cells))
    )


@pytest.mark.parametrize("widths", [NARROW, (4, 6, 9), (4, 10, 16), (9, 13, 31)])
@pytest.mark.parametrize("cells", [(0, 0), (0, 4), (4, 4)])
@pytest.mark.parametrize("training", [False, True])
def test_the_wide_network_computes_what_the_narrow_one_does(widths, cells, training):
    source, network = narrow(cells[0]), CompactResNet(5, layout=Layout(widths, cells=cells[1]))
    widen(source, network, torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = source.train(training)(images())
        found = network.train(training)(images())
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert float(expected.std()) > 0.01


def test_copies_of_a_channel_do_not_stay_alike():
    source, network = narrow(), CompactResNet(5, layout=Layout((4, 6, 16)))
    widen(source, network, torch.Generator().manual_seed(2))
    labels = torch.arange(16) % 5
    torch.nn.functional.cross_entropy(network(images()), labels).backward()
    gradients = network.blocks[8].conv1.weight.grad.flatten(1)
    alike = torch.cdist(gradients, gradients) + torch.eye(16)
    assert float(alike.min()) > 1e-7 * float(gradients.norm(dim=1).max())
    assert len(torch.unique(network.blocks[8].bn1.weight)) == 8  # yet they are copies


def test_the_narrow_network_is_left_as_it_was():
    source = narrow()
    before = {name: value.clone() for name, value in source.state_dict().items()}
    widen(source, CompactResNet(5, layout=Layout((8, 8, 8))), torch.Generator())
    assert all(torch.equal(value, before[name]) for name, value in source.state_dict().items())


def test_what_cannot_be_widened():
    with pytest.raises(ValueError, match="5 channels are fewer than the 6"):
        widen(narrow(), CompactResNet(5, layout=Layout((4, 5, 8))), torch.Generator())
    with pytest.raises(ValueError, match="it has 5 classes, the network to train 4"):
        widen(narrow(), CompactResNet(4, layout=Layout((4, 6, 8))), torch.Generator())


@pytest.mark.parametrize(
    ("narrow", "wide", "may"),
    [
        (Layout(), Layout(), True),
        (Layout(), Layout((32, 80, 160), cells=4), True),
        (Layout((32, 80, 160)), Layout(), False),
        (Layout(cells=4), Layout(), False),
        (Layout(cells=4), Layout(cells=8), False),
        (Layout(), Layout(blocks=2), False),
        (Layout(), Layout(stem=(8, 4)), False),
        (Layout((32, 64)), Layout(), False),
    ],
)
def test_which_layouts_may_be_widened_to_which(narrow, wide, may):
    assert may_widen(narrow, wide) is may
