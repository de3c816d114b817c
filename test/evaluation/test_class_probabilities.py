# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from rs_monitor.evaluation.class_probabilities import from_log, is_evaluation, read_evaluation
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
