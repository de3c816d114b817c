# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_monitor.evaluation.speed import Speed, constant_speed, read_profile

ROWS = [
    {"batch": 16, "resolution": "full", "median_ms": 4.0, "p95_ms": 4.5, "p99_ms": 5.0},
    {"batch": 64, "resolution": "full", "median_ms": 12.0, "p95_ms": 13.0, "p99_ms": 14.0},
    {"batch": 64, "resolution": "half", "median_ms": 3.0, "p95_ms": 3.0, "p99_ms": 3.5},
]


def write(folder, value):
    path = folder / "profile.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_constant_speed():
    speed = constant_speed(5000.0)
    assert speed.samples(0.8 / 25) == 160
    assert speed.seconds(160) == pytest.approx(0.032)


def test_extremes_are_many_samples():
    assert constant_speed(1e300).samples(1e300) > 1e12
    assert Speed(((1, 5e-324),), "").samples(1.0) > 1e12


def test_profile(tmp_path):
    path = write(tmp_path, {"backend": "openvino", "rows": ROWS})
    full, half = read_profile(path, "full"), read_profile(path, "half")
    # 32 ms: 6 batches of 16 at 5 ms, or 2 of 64 at 14 ms
    assert (full.samples(0.032), half.samples(0.032)) == (128, 576)
    assert full.samples(0.010) == 32
    assert full.samples(0.001) == 0
    assert full.seconds(16) == 0.005
    assert full.seconds(128) == pytest.approx(0.028)
    assert "99th percentile" in full.source


def test_profile_without_p99_or_resolution(tmp_path):
    speed = read_profile(write(tmp_path, {"rows": [{"batch": 10, "median_ms": 1.0}]}), "full")
    assert speed.samples(0.032) == 320
    assert "median" in speed.source


@given(n=st.integers(1, 2000))
def test_what_n_samples_take_is_enough_for_them(n):
    speed = Speed(((16, 0.005), (64, 0.014)), "made")
    assert speed.samples(speed.seconds(n)) >= n
    assert speed.samples(speed.seconds(n) * 0.999) < n


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no json", "not JSON"),
        ("[]", "no list of rows"),
        ({"rows": 3}, "no list of rows"),
        ({"rows": [1]}, "no list of rows"),
        ({"rows": []}, "no rows of resolution full"),
        ({"rows": ROWS[2:]}, r"no rows of resolution full \(half\)"),
        ({"rows": [{"batch": 0, "median_ms": 1.0}]}, "row 0: batch must be an integer"),
        ({"rows": [{"batch": 8}]}, "row 0: median_ms must be a finite number above 0, got None"),
        ({"rows": [{"batch": 8, "median_ms": -1}]}, "row 0: median_ms"),
    ],
)
def test_what_is_not_a_profile(tmp_path, content, reason):
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=reason) as caught:
        read_profile(path, "full")
    assert str(path) in str(caught.value)


def test_wrong_rate():
    with pytest.raises(ValueError, match="samples_per_second"):
        constant_speed(0.0)
