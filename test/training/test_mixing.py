# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.training.mixing import SameClassBlend, SurroundingsSwap, exchange_exposures


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_surroundings_are_those_of_other_images_and_the_sign_stays():
    masks = torch.zeros(2, 4, 4)
    masks[0, :, :2], masks[1, :2] = 1.0, 1.0
    images = torch.arange(64.0).view(64, 1, 1, 1).expand(64, 3, 4, 4) / 64
    labels = torch.arange(64) % 2
    swapped = SurroundingsSwap(masks, 1.0)(images, labels, generator())
    inside = masks[labels].bool()[:, None].expand_as(images)
    assert torch.equal(swapped[inside], images[inside])
    assert float((swapped[~inside] != images[~inside]).float().mean()) > 0.9
    assert set(swapped.unique().tolist()) <= set(images.unique().tolist())


def test_the_share_of_swapped_surroundings():
    masks = torch.zeros(1, 4, 4)
    images = torch.rand((400, 3, 4, 4), generator=generator(1))
    labels = torch.zeros(400, dtype=torch.int64)
    swapped = SurroundingsSwap(masks, 0.25)(images, labels, generator())
    share = (swapped != images).flatten(1).any(1).float().mean()
    assert 0.18 < float(share) < 0.32
    assert torch.equal(SurroundingsSwap(masks, 0.0)(images, labels, generator()), images)


def test_blends_stay_in_their_class():
    # Classes 0 and 2, none of class 1: images of one are below 100, of the other above 200.
    labels = torch.tensor([0, 2, 0, 2, 2, 0])
    values = torch.tensor([0, 220, 50, 240, 255, 100], dtype=torch.uint8)
    stock = values.view(6, 1, 1, 1).expand(6, 3, 2, 2)
    wanted = torch.tensor([0, 2]).repeat(200)
    images = torch.where(wanted == 0, 0.2, 0.9).view(400, 1, 1, 1).expand(400, 3, 2, 2)
    blended = SameClassBlend(stock, labels, 1.0, most=1.0)(images, wanted, generator())
    low, high = blended[wanted == 0], blended[wanted == 2]
    assert float(low.max()) <= 100 / 255 + 1e-6
    assert float(high.min()) >= 220 / 255 - 1e-6
    # All of the class take part, with every weight.
    assert float(low.min()) < 0.02 and float(low.max()) > 0.36
    assert float(high.max()) > 0.97


def test_the_share_and_the_weight_of_blends():
    stock = torch.full((3, 3, 2, 2), 255, dtype=torch.uint8)
    labels = torch.zeros(600, dtype=torch.int64)
    images = torch.zeros(600, 3, 2, 2)
    blend = SameClassBlend(stock, torch.zeros(3, dtype=torch.int64), 0.3, most=0.5)
    blended = blend(images, labels, generator())[:, 0, 0, 0]
    assert 0.2 < float((blended > 0).float().mean()) < 0.4
    assert 0.45 < float(blended.max()) <= 0.5
    assert torch.equal(blended, blend(images, labels, generator())[:, 0, 0, 0])


def test_exposures_are_those_of_other_images():
    shape = torch.rand((64, 3, 8, 8), generator=generator(1)) - 0.5
    levels = torch.linspace(0.3, 0.7, 64).view(64, 1, 1, 1)
    contrasts = torch.linspace(0.2, 0.4, 64).flip(0).view(64, 1, 1, 1)
    images = levels + contrasts * shape
    exposed = exchange_exposures(images, 1.0, generator())
    order = exposed.mean((1, 2, 3)).argsort()
    torch.testing.assert_close(
        exposed.mean((1, 2, 3))[order], images.mean((1, 2, 3)).sort().values, atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        exposed.std((1, 2, 3)).sort().values,
        images.std((1, 2, 3)).sort().values,
        atol=1e-4,
        rtol=0,
    )
    # What an image shows stays: it is one linear map of what it was.
    for image, new in zip(images, exposed):
        both = torch.stack([image.flatten(), new.flatten()])
        assert float(torch.corrcoef(both)[0, 1]) > 0.9999
    assert torch.equal(exchange_exposures(images, 0.0, generator()), images)


def test_flat_and_dark_images_stay_images():
    images = torch.rand((32, 3, 8, 8), generator=generator(1))
    images[0], images[1], images[2] = 0.0, 1.0, images[2] / 500
    exposed = exchange_exposures(images, 1.0, generator())
    assert bool(torch.isfinite(exposed).all())
    assert float(exposed.min()) >= 0 and float(exposed.max()) <= 1
    assert float(exposed[0].std()) < 1e-6  # nothing is made of nothing
    assert float(exposed[2].std()) < 0.01
