# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.certification.geometry import (
    area_spans,
    area_weights,
    resize_singular_value,
    sensor_radius,
)

sides = st.integers(1, 40)


def overlap(src: int, dst: int, row: int, column: int) -> Fraction:
    """Share of output pixel `row` that source pixel `column` covers, from the definition."""
    low, high = Fraction(row * src, dst), Fraction((row + 1) * src, dst)
    covered = min(high, Fraction(column + 1)) - max(low, Fraction(column))
    return max(covered, Fraction(0)) * dst / src


@settings(max_examples=60, deadline=None)
@given(sides, sides)
def test_weights_are_the_overlaps(src, dst):
    expected = [[float(overlap(src, dst, i, j)) for j in range(src)] for i in range(dst)]
    np.testing.assert_allclose(area_weights(src, dst), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("src", "dst"), [(1920, 32), (1080, 224), (7, 7), (1, 9), (3, 1000)])
def test_rows_sum_to_one_and_columns_share_the_image(src, dst):
    weights = area_weights(src, dst)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=0), dst / src, atol=1e-12)


@settings(max_examples=80, deadline=None)
@given(sides, sides, sides, sides)
def test_singular_value_is_that_of_the_dense_matrices_and_never_below(h, w, dst_h, dst_w):
    dense = math.prod(
        np.linalg.svd(area_weights(a, b), compute_uv=False)[0] for a, b in ((h, dst_h), (w, dst_w))
    )
    value = resize_singular_value(h, w, dst_h, dst_w)
    assert dense * (1 + 1e-12) < value < dense * (1 + 1e-8)


@pytest.mark.parametrize("factor", [1, 2, 3, 15, 20])
def test_whole_factors(factor):
    side = 12 * factor
    shrunk = resize_singular_value(side, side, 12, 12)
    assert shrunk == pytest.approx(1 / factor, rel=2e-9)
    assert shrunk >= 1 / factor
    assert resize_singular_value(12, 12, side, side) == pytest.approx(factor, rel=2e-9)
    assert resize_singular_value(side, 12, 12, 12) == pytest.approx(factor**-0.5, rel=2e-9)


@settings(max_examples=60, deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 2**32 - 1))
def test_no_perturbation_is_stretched_more(h, w, dst_h, dst_w, seed):
    vertical, horizontal = area_weights(h, dst_h), area_weights(w, dst_w)
    value = resize_singular_value(h, w, dst_h, dst_w)
    random = np.random.default_rng(seed).normal(size=(h, w))
    assert np.linalg.norm(vertical @ random @ horizontal.T) <= value * np.linalg.norm(random)
    top = np.outer(np.linalg.svd(vertical)[2][0], np.linalg.svd(horizontal)[2][0])
    assert np.linalg.norm(vertical @ top @ horizontal.T) == pytest.approx(value, rel=1e-6)


def test_crop_keeps_the_bound():
    frame = np.random.default_rng(0).normal(size=(50, 60))
    region = frame[10:31, 5:50]
    resized = area_weights(21, 8) @ region @ area_weights(45, 8).T
    assert np.linalg.norm(resized) <= resize_singular_value(21, 45, 8, 8) * np.linalg.norm(frame)


def test_large_and_lopsided_sizes_take_no_dense_matrix():
    assert resize_singular_value(1, 33_554_432, 32, 32) == pytest.approx(2**-7.5, rel=2e-9)
    assert resize_singular_value(4320, 7680, 224, 224) == pytest.approx(224 / 5760, rel=2e-9)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (-1, 4)])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="at least 1"):
        area_weights(*sizes)
    with pytest.raises(ValueError, match="at least 1"):
        resize_singular_value(*sizes, 4, 4)


def test_sensor_radius():
    assert sensor_radius(0.3, 0.05, 1.0) == pytest.approx(6.0)
    assert sensor_radius(0.3, 0.05, math.sqrt(3)) == pytest.approx(6.0 / math.sqrt(3))
    assert sensor_radius(0.3, 0.05, 1.0, 0.01) == pytest.approx(5.6)
    assert sensor_radius(0.3, 0.05, 1.0, 0.2) == 0.0
    assert sensor_radius(0.0, 0.05, 1.0) == 0.0
    assert math.isnan(sensor_radius(0.3, 0.05, math.nan))
    assert math.isnan(sensor_radius(0.0, 0.05, math.nan))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((-0.1, 1.0, 1.0), "radius"),
        ((math.nan, 1.0, 1.0), "radius"),
        ((0.1, 0.0, 1.0), "singular_value"),
        ((0.1, math.nan, 1.0), "singular_value"),
        ((0.1, math.inf, math.nan), "singular_value"),
        ((0.1, 1.0, 0.0), "gain"),
        ((0.1, 1.0, math.inf), "gain"),
    ],
)
def test_sensor_radius_refuses(arguments, name):
    with pytest.raises(ValueError, match=name):
        sensor_radius(*arguments)


@settings(max_examples=60, deadline=None)
@given(sides, sides)
def test_spans_say_what_each_output_pixel_covers(src, dst):
    spans = area_spans(src, dst)
    for i in range(dst):
        covered = {}
        for pixel in range(src):
            share = overlap(src, dst, i, pixel) * src / dst  # of the source pixel
            if share:
                covered[pixel] = share
        said = dict.fromkeys(range(spans.full_start[i], spans.full_stop[i]), Fraction(1))
        parts = [(spans.head, spans.head_fraction), (spans.tail, spans.tail_fraction)]
        for pixels, fractions in parts:
            assert 0 <= pixels[i] < src and 0 <= fractions[i] < 1
            if fractions[i]:
                assert pixels[i] not in said
                said[int(pixels[i])] = Fraction(round(fractions[i] * dst), dst)
        assert said == covered
        assert 0 <= spans.full_start[i] <= spans.full_stop[i] <= src


def test_spans_are_kept_and_cannot_be_changed():
    spans = area_spans(7, 3)
    assert area_spans(7, 3) is spans
    for array in vars(spans).values():
        assert array.shape == (3,)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: area_spans(0, 4), "src must be at least 1 pixel, got 0"),
        (lambda: area_spans(4, -1), "dst must be at least 1 pixel, got -1"),
        (lambda: resize_singular_value(0, 4, 4, 4), "src_height must be at least 1 pixel, got 0"),
        (lambda: resize_singular_value(4, 0, 4, 4), "src_width must be at least 1 pixel, got 0"),
        (lambda: resize_singular_value(4, 4, 0, 4), "dst_height must be at least 1 pixel, got 0"),
        (lambda: resize_singular_value(4, 4, 4, 0), "dst_width must be at least 1 pixel, got 0"),
        (lambda: sensor_radius(-0.5, 1.0, 1.0), "radius must be at least 0, got -0.5"),
        (
            lambda: sensor_radius(0.5, 0.0, 1.0),
            "singular_value must be finite and above 0, got 0.0",
        ),
        (
            lambda: sensor_radius(0.5, 1.0, 0.0),
            "gain must be above 0 and finite, or NaN, got 0.0",
        ),
        (lambda: sensor_radius(0.5, 1.0, 1.0, -1.0), "rounding must be at least 0, got -1.0"),
        (lambda: sensor_radius(0.5, 1.0, 1.0, math.nan), "rounding must be at least 0, got nan"),
    ],
)
def test_what_is_wrong_is_said_in_full(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
