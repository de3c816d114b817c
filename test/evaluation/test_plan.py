# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_monitor.certification.expectation import expected_radii, radii_by_votes
from rs_monitor.evaluation.class_probabilities import ClassProbabilities
from rs_monitor.evaluation.obstacles import at_least, at_most
from rs_monitor.evaluation.plan import plan
from rs_monitor.evaluation.speed import constant_speed
from rs_monitor.evaluation.wish import Wish

NOTHING = {
    "sigma": None,
    "alpha": None,
    "n": None,
    "radius": None,
    "frame_rate": None,
    "false_per_hour": None,
    "speed": None,
    "probabilities": (),
    "budget_fraction": 0.8,
    "n_selection": 32,
}
BOTH = ("single_pass", "two_stage")
SHARP = ClassProbabilities("sharp.tsv", 0.25, np.array([1.0, 0.99, 0.9, 0.0]), 100_000)
BLUNT = ClassProbabilities("blunt.tsv", 0.5, np.array([0.99, 0.95, 0.7, 0.0]), 100_000)


def planned(**given):
    return plan(Wish(**NOTHING | given))


def row_of(result, procedure, index=0):
    return result["procedures"][procedure]["sigmas"][index]


def test_cap():
    result = planned(sigma=0.25, alpha=0.001, n=100)
    assert row_of(result, "two_stage")["cap"] == pytest.approx(0.37512, abs=1e-5)
    assert row_of(result, "single_pass")["cap"] == pytest.approx(0.37446, abs=1e-5)
    assert result["alpha_from"] == "given"
    assert all(result["procedures"][name]["possible"] for name in BOTH)
    assert "not the share" in result["notes"][0]


def test_stream():
    result = planned(frame_rate=25.0, false_per_hour=1e-3)
    assert f"{result['alpha']:.2g}" == "1.1e-08" and result["alpha_from"] == "stream"
    assert result["procedures"]["single_pass"]["least_n"] == 28
    assert result["procedures"]["two_stage"]["least_n"] == 27
    assert result["false_certificates_per_hour"] == pytest.approx(1e-3)


def test_least_n():
    result = planned(radius=0.5, sigma=0.25, alpha=0.001)
    for name in BOTH:
        row = row_of(result, name)
        assert row["least_n_for_radius"] == row["n"] == 301
        assert row["cap"] >= 0.5


def test_default_alpha_and_frame_rate_of_a_tolerance():
    result = planned(sigma=0.25, n=100)
    assert (result["alpha"], result["alpha_from"]) == (0.001, "default")
    result = planned(alpha=0.001, false_per_hour=90.0)
    assert result["frame_rate_for_false_certificates"] == pytest.approx(25)


def test_machine():
    result = planned(sigma=0.25, frame_rate=25.0, speed=constant_speed(5600.0))
    assert result["samples_in_period"] == 179
    assert result["procedures"]["single_pass"]["n"] == 179
    assert result["procedures"]["two_stage"]["n"] == 147
    result = planned(sigma=0.25, n=100, speed=constant_speed(5600.0))
    rates = [result["procedures"][name]["frame_rate_at_most"] for name in BOTH]
    assert rates == pytest.approx([0.8 * 5600 / 100, 0.8 * 5600 / 132])


def test_least_sigma_without_any():
    result = planned(radius=0.5, n=100)
    assert result["procedures"]["two_stage"]["least_sigma"] == pytest.approx(0.33323, abs=1e-5)
    assert result["procedures"]["two_stage"]["sigmas"] == []


def test_expected_radius_and_best_sigma():
    given = {"probabilities": (BLUNT, SHARP), "n": 100, "alpha": 0.001}
    small = planned(**given, radius=0.2)
    for name in BOTH:
        rows = small["procedures"][name]["sigmas"]
        assert [row["sigma"] for row in rows] == [0.25, 0.5]
        radii = radii_by_votes(100, 0.25, 0.001, name)
        assert rows[0]["expected_radius"] == pytest.approx(expected_radii(SHARP.p, radii).mean())
        accuracies = [row["certified_accuracy"] for row in rows]
        assert small["procedures"][name]["best_sigma"] == [0.25, 0.5][np.argmax(accuracies)]
    # Only the larger sigma reaches this radius with 100 samples.
    large = planned(**given, radius=0.5)
    assert large["procedures"]["two_stage"]["best_sigma"] == 0.5
    assert row_of(large, "two_stage", 0)["certified_accuracy"] == 0.0
    assert large["procedures"]["two_stage"]["possible"]
    by_radius = planned(**given)["procedures"]["two_stage"]
    means = [row["expected_radius"] for row in by_radius["sigmas"]]
    assert by_radius["best_sigma"] == [0.25, 0.5][np.argmax(means)]


def test_only_the_logs_of_the_sigma_that_is_given():
    result = planned(probabilities=(BLUNT, SHARP), n=100, sigma=0.5)
    assert [row["log"] for row in result["procedures"]["two_stage"]["sigmas"]] == ["blunt.tsv"]


def test_what_a_wish_lacks_is_said():
    assert "radius 0.5 takes depends on sigma" in planned(radius=0.5)["notes"][-1]
    for enough in ({"sigma": 0.25}, {"n": 100}):
        assert not any("depends on" in note for note in planned(radius=0.5, **enough)["notes"])
    assert "radius to expect depends on n" in planned(probabilities=(SHARP,))["notes"][-1]
    notes = planned(probabilities=(SHARP,), n=100)["notes"]
    assert not any("depends on" in note for note in notes)


def test_few_samples_behind_the_probabilities_are_said():
    few = ClassProbabilities("few.json", 0.25, np.array([1.0]), 50)
    assert any("from 50 samples" in note for note in planned(probabilities=(few,), n=100)["notes"])
    assert not any("samples," in note for note in planned(probabilities=(few,), n=50)["notes"])


def test_few_samples_for_the_n_that_a_radius_takes_are_said():
    few = ClassProbabilities("few.json", 0.25, np.array([1.0]), 200)
    assert any(
        "fewer than n=301" in note for note in planned(radius=0.5, probabilities=(few,))["notes"]
    )


def test_no_remedy_is_a_sigma_that_the_monitor_refuses():
    result = planned(sigma=0.25, n=100, radius=100.0)
    for name in BOTH:
        (found,) = result["procedures"][name]["obstacles"]
        assert not any("sigma" in remedy for remedy in found["remedies"])


def test_alpha_that_the_stream_does_not_allow():
    result = planned(alpha=0.001, frame_rate=25.0, false_per_hour=1e-3)
    (obstacle,) = result["obstacles"]
    assert "allows 90 false certificates an hour, 0.001 are tolerated" in obstacle["why"]
    assert "an alpha of at most 1.11e-08" in obstacle["remedies"]
    assert not result["procedures"]["two_stage"]["possible"]


def test_streams_beyond_the_monitors_alpha():
    (obstacle,) = planned(frame_rate=25.0, false_per_hour=1e-9)["obstacles"]
    assert obstacle["remedies"] == ["tolerating 9e-08 false certificates an hour"]
    result = planned(frame_rate=1.0, false_per_hour=1e9)
    assert result["alpha"] == 0.5 and any("any alpha" in note for note in result["notes"])


def test_radius_that_no_n_reaches():
    answer = planned(sigma=0.25, radius=2.0)["procedures"]["single_pass"]
    (obstacle,) = answer["obstacles"]
    assert obstacle["why"] == "radius 2 takes more than 100000 samples at sigma 0.25"
    assert obstacle["remedies"] == [
        "a sigma of at least 0.525 with n=100000, and a model trained for it"
    ]


@settings(max_examples=40, deadline=None)
@given(
    n=st.one_of(st.none(), st.integers(1, 400)),
    radius=st.one_of(st.none(), st.floats(0.05, 0.6)),
    alpha=st.sampled_from([0.001, 1e-6]),
    rate=st.sampled_from([10.0, 25.0, 100.0]),
    draws=st.sampled_from([500.0, 4000.0, 20_000.0]),
    procedure=st.sampled_from(BOTH),
)
def test_a_remedy_removes_its_obstacle(n, radius, alpha, rate, draws, procedure):
    wish = {
        "sigma": 0.25, "n": n, "radius": radius, "alpha": alpha, "frame_rate": rate,
        "speed": constant_speed(draws),
    }  # fmt: skip
    obstacles = planned(**wish)["procedures"][procedure]["obstacles"]
    for index, obstacle in enumerate(obstacles):
        kind = re.search(r"never certify|is above|take longer", obstacle["why"]).group()
        assert obstacle["remedies"], obstacle
        for remedy in obstacle["remedies"]:
            value = float(re.search(r"[0-9][0-9.e+-]*", remedy).group())
            change = {}
            if remedy.startswith("n of at"):
                change["n"] = int(value)
                if slower := re.search(r"no more than ([0-9.e+-]+) frames", remedy):
                    change["frame_rate"] = float(slower.group(1))
            elif "frames/s" in remedy:
                change["frame_rate"] = value
            elif remedy.startswith("a machine that draws"):
                change["speed"] = constant_speed((value + 1e-6) * rate / 0.8)
            elif remedy.startswith("an alpha"):
                change["alpha"] = value
            else:
                change["sigma"] = value
            after = planned(**wish | change)["procedures"][procedure]["obstacles"]
            assert not any(kind in other["why"] for other in after), (index, remedy, after)


@given(value=st.floats(1e-12, 1e6))
def test_rounding_of_limits(value):
    assert (
        value * 0.99 <= float(at_most(value)) <= value <= float(at_least(value)) <= value * 1.011
    )
