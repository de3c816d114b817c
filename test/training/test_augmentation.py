# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")

from rs_monitor.scenes.signs import TRAFFIC_SIGN_LABELS
from rs_monitor.training.augmentation import MirrorClasses, augment, crop_and_flip
from rs_monitor.training.traffic_signs import mirror_classes, sign_masks

LABELS = ("left", "right", "round", "text")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_images_stay_images_and_differ():
    images = torch.rand((16, 3, 12, 20), generator=generator(1))
    moved = augment(images, generator())
    assert moved.shape == images.shape and moved.dtype == torch.float32
    assert float(moved.min()) >= 0 and float(moved.max()) <= 1
    assert not torch.equal(moved, images)
    assert torch.equal(moved, augment(images, generator()))
    assert not torch.equal(moved, augment(images, generator(2)))


def test_geometry_says_how_far_images_are_moved():
    ramp = torch.linspace(0.2, 0.8, 65).expand(64, 3, 65, 65)

    def moved(geometry):
        # The slope down the image over that across it, whatever gain, tint and offset are.
        level = augment(ramp, generator(), (1.0, 1.0), geometry)[:, 0]
        across = level[:, 32, 36] - level[:, 32, 28]
        return (level[:, 36, 32] - level[:, 28, 32]) / across

    assert float(moved(0.0).abs().max()) < 1e-4
    half, whole = moved(0.5), moved(1.0)
    most = math.tan(math.radians(8)) * 1.13 / 0.87
    assert 0.5 * most < float(whole.abs().max()) <= most
    assert float(half.abs().max()) == pytest.approx(0.5 * float(whole.abs().max()), rel=0.15)


def test_each_image_has_its_own_exposure():
    gray = torch.full((64, 3, 8, 8), 0.5)
    levels = augment(gray, generator())[:, 0, 4, 4]
    assert len(set(levels.tolist())) > 60
    # Gain 0.4 to 1.7, tint 0.85 to 1.15, offset within 0.06.
    assert 0.5 * 0.4 * 0.85 - 0.06 <= float(levels.min()) <= float(levels.max()) <= 1.0


def test_mirroring_swaps_partners_keeps_symmetric_and_leaves_the_rest():
    mirror = MirrorClasses(LABELS, {"left": "right", "right": "left", "round": "round"})
    labels = torch.arange(4).repeat(250)
    images = torch.zeros((1000, 3, 4, 4))
    images[..., 0] = 1.0
    mirrored, changed = mirror(images, labels, generator())
    flipped = mirrored[:, 0, 0, 3] == 1
    assert torch.equal(mirrored[flipped], images[flipped].flip(3))
    assert torch.equal(mirrored[~flipped], images[~flipped])
    for old, new in ((0, 1), (1, 0), (2, 2)):
        of_class = labels == old
        assert 0.3 < float(flipped[of_class].float().mean()) < 0.7
        assert (changed[of_class & flipped] == new).all()
        assert (changed[of_class & ~flipped] == old).all()
    assert not flipped[labels == 3].any() and (changed[labels == 3] == 3).all()


def test_no_sign_with_a_text_or_a_digit_is_mirrored():
    mirror = mirror_classes()
    count = len(TRAFFIC_SIGN_LABELS)
    labels = torch.arange(count).repeat(40)
    _, changed = mirror(torch.zeros((len(labels), 3, 2, 2)), labels, generator())
    images = torch.zeros((len(labels), 3, 2, 2))
    images[..., 0] = 1.0
    flipped = mirror(images, labels, generator())[0][:, 0, 0, 1] == 1
    for index, name in enumerate(TRAFFIC_SIGN_LABELS):
        if "speed_limit" in name or name in ("stop", "no_passing", "roundabout"):
            assert not flipped[labels == index].any()
    partners = {
        TRAFFIC_SIGN_LABELS[int(a)]: TRAFFIC_SIGN_LABELS[int(b)]
        for a, b in zip(labels, changed)
        if a != b
    }
    assert all(partners[partners[name]] == name for name in partners)
    assert partners["keep_right"] == "keep_left"


def test_unknown_class_names_are_refused():
    with pytest.raises(ValueError):
        MirrorClasses(LABELS, {"nonsense": "left"})


def test_crop_and_flip_moves_by_an_eighth_at_most_and_mirrors_half():
    row = torch.arange(16.0).expand(400, 3, 16, 16).contiguous()
    labels = torch.arange(400)
    moved, same = crop_and_flip(row, labels, generator())
    assert torch.equal(same, labels) and moved.shape == row.shape
    assert torch.equal(moved, crop_and_flip(row, labels, generator())[0])
    middle = moved[:, 0, 8, 4:12]
    steps = middle[:, 1:] - middle[:, :-1]
    mirrored = (steps == -1).all(1)
    assert bool((mirrored | (steps == 1).all(1)).all())
    assert 150 < int(mirrored.sum()) < 250
    shift = torch.where(mirrored, 15 - moved[:, 0, 8, 8], moved[:, 0, 8, 8]) - 8
    assert set(shift.tolist()) <= {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0}
    assert len(set(shift.tolist())) >= 5


def test_masks_hold_the_sign_and_leave_the_corners():
    masks = sign_masks(32)
    assert masks.shape == (43, 32, 32)
    assert float(masks[:, 15:17, 15:17].min()) > 0.99
    assert float(masks[:, ::31, ::31].max()) < 0.1
    tip = masks[TRAFFIC_SIGN_LABELS.index("yield")]
    base = masks[TRAFFIC_SIGN_LABELS.index("road_work")]
    torch.testing.assert_close(tip, base.flip(0))
    assert float(base[27].sum()) > 3 * float(base[6].sum())
