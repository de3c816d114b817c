# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

from rs_monitor.certification.expectation import (
    certified_probabilities,
    expected_radii,
    radii_by_votes,
)
from rs_monitor.evaluation.class_probabilities import (
    ClassProbabilities,
    from_log,
    is_evaluation,
    read_evaluation,
)
from rs_monitor.evaluation.logs import read_log

EVALUATION = {"sigma": 0.5, "rows": [{"n": 100}, {"n": 200}], "true_votes": [0, 150, 200]}


def write(folder, value, name="made.json"):
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_evaluation(tmp_path):
    path = write(tmp_path, EVALUATION)
    known = read_evaluation(path)
    assert is_evaluation(path)
    assert (known.name, known.sigma, known.n) == ("made.json", 0.5, 200)
    assert known.p.tolist() == [0.0, 0.75, 1.0]


@pytest.mark.parametrize("n", [50, 100, 150])
def test_expectations_up_to_the_samples_behind_them_have_no_bias(n):
    """The plug-in, which takes shares for probabilities, is off by several standard errors."""
    rng = np.random.default_rng(1)
    p = rng.beta(8, 1, 40_000)
    radii = radii_by_votes(n, 0.25, 0.001, "single_pass")
    true = expected_radii(p, radii)
    known = ClassProbabilities("made", 0.25, rng.binomial(150, p) / 150, 150)
    found, plugged = known.expected_radius(radii), expected_radii(known.p, radii).mean()
    assert found == pytest.approx(true.mean(), rel=3e-3)
    assert abs(found - true.mean()) < abs(plugged - true.mean())
    chances = certified_probabilities(p, radii, 0.1)
    assert known.certified_accuracy(radii, 0.1) == pytest.approx(chances.mean(), rel=3e-3)


def test_more_samples_than_those_behind_them_take_shares_for_probabilities():
    known = ClassProbabilities("made", 0.25, np.array([0.9, 1.0]), 20)
    radii = radii_by_votes(100, 0.25, 0.001, "single_pass")
    assert known.expected_radius(radii) == expected_radii(known.p, radii).mean()


def test_log(tmp_path):
    text = "idx\tlabel\tpredict\tradius\tcorrect\n0\t1\t1\t0.953\t1\n1\t1\t2\t0.953\t0\n"
    path = write(tmp_path, text, "sigma_0.25.tsv")
    assert not is_evaluation(path)
    known = from_log(read_log(path))
    assert (known.sigma, known.n, known.p.tolist()) == (0.25, 100_000, [1.0, 0.0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("{", "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
        ({"sigma": 10**400}, "sigma must be a finite number"),
        ({"true_votes": None}, "no true_votes"),
        ({"rows": []}, "no rows"),
        ({"rows": [{}]}, "a row has no n"),
        ({"rows": [3]}, "a row has no n"),
        ({"sigma": 0}, "sigma must"),
        ({"true_votes": []}, "no images"),
        ({"true_votes": [201]}, r"true_votes must lie in 0\.\.200"),
        ({"true_votes": [1.5]}, "true_votes must be an integer"),
    ],
)
def test_what_is_not_an_evaluation(tmp_path, change, reason):
    path = write(tmp_path, change if isinstance(change, str) else EVALUATION | change)
    with pytest.raises(ValueError, match=reason) as caught:
        read_evaluation(path)
    assert str(path) in str(caught.value)
