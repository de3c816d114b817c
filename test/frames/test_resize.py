# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.certification.geometry import area_weights
from rs_monitor.frames import InvalidFrame, Region, Resizer, decode_image, rounding_bound

sides = st.integers(1, 50)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def definition(rgb: np.ndarray, height: int, width: int) -> np.ndarray:
    """The float64 matrices that the certified radius in the camera frame is computed from."""
    vertical = area_weights(rgb.shape[0], height)
    horizontal = area_weights(rgb.shape[1], width)
    return np.moveaxis(vertical @ np.moveaxis(rgb / 255.0, 2, 0) @ horizontal.T, 0, 2)


def assert_resized(output: np.ndarray, expected: np.ndarray) -> None:
    assert output.dtype == np.float32
    assert output.flags.c_contiguous
    assert output.min() >= 0.0
    assert output.max() <= 1.0
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-6)


def error(rgb: np.ndarray, height: int, width: int) -> float:
    difference = Resizer(height, width)(rgb) - definition(rgb, height, width)
    return float(np.linalg.norm(difference))


@settings(max_examples=150, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 1000))
def test_float32_is_off_by_no_more_than_the_bound(h, w, height, width, seed):
    rgb = picture(h, w, seed)
    for frame in (rgb, np.full_like(rgb, 255), rgb // 128 * 255):
        assert error(frame, height, width) <= rounding_bound(h, w, height, width)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((481, 639), (32, 32)),
        ((1079, 1917), (224, 224)),
        ((4320, 30), (32, 32)),
        ((4097, 5), (32, 9)),  # summed in float64
    ],
)
def test_the_bound_of_large_frames_is_near(size, wanted):
    bound = rounding_bound(*size, *wanted)
    worst = max(error(picture(*size), *wanted), error(np.full((*size, 3), 255, "u1"), *wanted))
    assert bound / 1000 < worst <= bound < 1e-3


@settings(max_examples=150, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 1000))
def test_is_the_linear_map_of_geometry(h, w, height, width, seed):
    rgb = picture(h, w, seed)
    assert_resized(Resizer(height, width)(rgb), definition(rgb, height, width))


@pytest.mark.parametrize("source", [(480, 640), (1080, 1920), (1200, 7), (3, 900), (33, 4097)])
@pytest.mark.parametrize("side", [32, 224])
def test_camera_sizes(source, side):
    rgb = picture(*source)
    assert_resized(Resizer(side, side)(rgb), definition(rgb, side, side))


@pytest.mark.parametrize(
    ("source", "side"), [((480, 640), 32), ((480, 640), 224), ((719, 1279), 97), ((64, 64), 64)]
)
def test_agrees_with_opencv_where_that_is_an_area_filter(source, side):
    rgb = picture(*source)
    theirs = cv2.resize(rgb / np.float32(255), (side, side), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(Resizer(side, side)(rgb), theirs, rtol=0, atol=2e-6)


def test_long_sums_keep_their_precision():
    # float32 sums one by one would be off by percents
    rgb = np.full((1, 3_000_000, 3), 100, np.uint8)
    for source in (rgb, rgb.reshape(-1, 1, 3), rgb.reshape(1500, 2000, 3)):
        np.testing.assert_allclose(Resizer(2, 2)(source), 100 / 255, rtol=0, atol=1e-6)


def test_plain_white_stays_within_one():
    for source in ((480, 640), (7, 5), (1000, 999)):
        assert Resizer(32, 32)(np.full((*source, 3), 255, np.uint8)).max() <= 1.0


def test_frames_of_changing_size_and_fresh_results():
    resizer = Resizer(16, 24)
    pictures = [picture(100, 120, 1), picture(9, 50, 2), picture(100, 120, 3), picture(16, 24, 4)]
    results = [resizer(rgb) for rgb in pictures]
    for rgb, result in zip(pictures, results):
        assert_resized(result, definition(rgb, 16, 24))


@pytest.mark.parametrize("height", [1, 4, 90])
def test_padded_rows_and_read_only_frames(height):
    padded = np.pad(picture(60, 80).reshape(60, -1), ((0, 0), (0, 13)))
    frame = decode_image(padded.tobytes(), encoding="rgb8", height=60, width=80, step=253)
    assert_resized(Resizer(height, 16)(frame.rgb), definition(picture(60, 80), height, 16))


@pytest.mark.parametrize("roi", [(5, 3, 40, 20), Region(0, 0, 80, 60), (79, 59, 1, 1)])
@pytest.mark.parametrize("side", [8, 70])
def test_region(roi, side):
    rgb = picture(60, 80)
    x, y, width, height = roi
    expected = definition(rgb[y : y + height, x : x + width], side, side)
    assert_resized(Resizer(side, side)(rgb, roi), expected)


@pytest.mark.parametrize(
    "roi",
    [(0, 0, 81, 60), (0, 1, 80, 60), (-1, 0, 5, 5), (0, -1, 5, 5), (0, 0, 0, 5), (0, 0, 5, 0)],
)
def test_region_outside(roi):
    with pytest.raises(InvalidFrame, match="60 rows by 80 columns; .* input.roi"):
        Resizer(8, 8)(picture(60, 80), roi)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_not_an_image(array):
    with pytest.raises(InvalidFrame, match="uint8"):
        Resizer(8, 8)(array)


def test_network_size_below_one():
    with pytest.raises(ValueError, match="at least 1"):
        Resizer(0, 8)
