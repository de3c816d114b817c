# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from rs_monitor.families import load_family, shipped_families
from rs_monitor.models import load_reference_image
from rs_monitor.scenes.drawings import draw_ship


@pytest.mark.parametrize("side", [16, 32, 256])
def test_a_ship_is_drawn_on_the_sea(side):
    image = draw_ship(side)
    assert image.shape == (side, side, 3) and image.dtype == np.uint8
    assert (image[0] == (190, 205, 220)).all() and (image[-1] == (60, 90, 120)).all()
    hull = image[side * 158 // 256, side // 2].astype(int)
    assert abs(hull - (40, 40, 60)).max() < 12  # averaged down, its edges mix


def test_every_shipped_model_has_a_reference_image():
    cards = [card for path in shipped_families() for card in load_family(path).members]
    assert len(cards) >= 9
    for card in cards:
        image = load_reference_image(card)
        assert image is not None and card.reference_label in card.labels
        if "ship" in card.labels:
            assert (image == draw_ship(32)).all()
