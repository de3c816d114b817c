# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest
from recordings import PERIOD, raw, record
from small_models import LABELS, color_network, solid, write_model
from test_certify import plan_for, rows_of

from rs_monitor.certification.expectation import radii_by_votes
from rs_monitor.evaluation.replay.expectation import Expectation
from rs_monitor.evaluation.replay.plan import Part
from rs_monitor.evaluation.replay.summary import PointSummary

N, TOTAL, ALPHA = 8, 14, 0.05


@pytest.mark.parametrize(("votes", "invalid", "selection"), [(13, 0, 0), (11, 2, 0), (12, 1, 1)])
@pytest.mark.parametrize("n", [N, TOTAL])
def test_the_expectation_is_the_mean_over_all_sub_draws(n, votes, invalid, selection):
    procedure = "two_stage" if selection else "single_pass"
    radii = radii_by_votes(n, 0.25, ALPHA, procedure)
    kinds = [0] * votes + [1] * invalid + [2] * (TOTAL - votes - invalid)
    each = []
    for drawn in itertools.combinations(kinds, n):
        certified = drawn.count(1) + selection <= 1
        each.append(radii[drawn.count(0)] if certified else 0.0)
    expect = Expectation(n, TOTAL, 0.25, ALPHA, procedure, 4 if selection else 0)
    found = expect(np.array([votes, 0]), invalid, selection)
    assert found[:, 0] == pytest.approx([np.mean(each), 0.0])


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage"])
def test_frames_whose_engine_fails_count_nothing(tmp_path, procedure):
    model = write_model(tmp_path, onnx_bytes=color_network(nan_above=0.455), reference=None)
    images = [raw(solid("red", 8, 8, 110 + 6 * i), "rgb8", PERIOD * (i + 1)) for i in range(6)]
    bag = record(tmp_path / "bag", {"/camera": images})
    plan = plan_for(bag, model, ns=(25, 200), procedure=procedure)
    rows = rows_of(plan, Part(0, 0, None))
    small, large = (PointSummary(plan, point, exact=True) for point in plan.points)
    for first, second in zip(rows[::2], rows[1::2]):
        small.add(first, second, LABELS.index("red"), first["index"])
        large.add(second, second, LABELS.index("red"), first["index"])
    statuses = {row["status"] for row in rows}
    assert "ENGINE_ERROR" in statuses
    result = large.result()
    mean = np.mean([row["radius"] for row in rows[1::2]])
    assert result["average_radius"] == result["average_certified_radius"] == pytest.approx(mean)
    assert small.result()["average_radius"] == small.result()["average_certified_radius"]


def test_without_a_valid_selection_no_class_is_chosen(tmp_path):
    bag = record(tmp_path / "bag", {"/camera": [raw(solid("red", 8, 8), "rgb8", PERIOD)]})
    plan = plan_for(bag, write_model(tmp_path), ns=(200,), procedure="two_stage", n_selection=1)
    (row,) = rows_of(plan, Part(0, 0, None))
    row |= {"status": "ABSTAINED", "n_selection": 0, "top_class": -1, "radius": 0.0}
    summary = PointSummary(plan, plan.points[0], exact=True)
    summary.add(row, row, LABELS.index("red"), 0)
    assert summary.result()["average_radius"] == 0.0
    assert summary.result()["average_certified_radius"] == 0.0
