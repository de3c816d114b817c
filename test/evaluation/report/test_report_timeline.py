# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What is drawn of a recording, read back from the charts."""

import numpy as np
import pytest
from bokeh.models import GlyphRenderer, Scatter, Span
from replay_folder import column_values, mark, write_folder

from rs_monitor.evaluation.report.results import load_results
from rs_monitor.evaluation.report.timeline import timelines


def drawn(folder, columns, required=0.0):
    """Return the timeline of one recording, and the data of its marks by marker."""
    lines = timelines(load_results(write_folder(folder, [columns])).frames, required)
    marks = {}
    for renderer in lines[0].chart.figure.select(type=GlyphRenderer):
        if isinstance(renderer.glyph, Scatter):
            marks.setdefault(renderer.glyph.marker, []).append(renderer.data_source.data)
    return lines, marks


def certain(frames, **options):
    columns = column_values(frames, **options)
    columns["status"][:] = "CERTIFIED"
    columns["radius"] = 0.3 + 0.1 * np.sin(np.arange(frames) / 7)
    columns["correct"] = [True] * frames
    return columns


def test_a_short_recording_is_drawn_frame_by_frame(tmp_path):
    columns = certain(1000)
    lines, marks = drawn(tmp_path, [columns])
    assert not lines[0].thinned
    assert marks["circle"][0]["high"].tolist() == pytest.approx(columns["radius"], rel=1e-6)
    assert marks["circle"][0]["seconds"][-1] == pytest.approx(999 * 0.04, rel=1e-6)


def test_a_long_one_is_thinned_to_its_extremes(tmp_path):
    columns = certain(20_000)
    columns["radius"][12_345] = 0.001
    columns["radius"][17_000] = 0.9
    lines, marks = drawn(tmp_path, [columns])
    (points,) = marks["circle"]
    assert lines[0].thinned
    assert len(points["mean"]) <= 1200
    assert points["frames"].sum() == 20_000
    assert points["low"].min() == pytest.approx(0.001)
    assert points["high"].max() == pytest.approx(0.9)


def test_every_event_of_a_long_recording_is_marked(tmp_path):
    columns = certain(20_000)
    mark(columns, slice(5, 20_000, 50), "ABSTAINED", "weak")
    mark(columns, slice(7_000, 7_001), "DEADLINE_MISSED", "late")
    mark(columns, slice(19_999, 20_000), "ENGINE_ERROR", "broken")
    lines, marks = drawn(tmp_path, [columns])
    (abstained,), (late,), (broken,) = marks["diamond"], marks["square"], marks["triangle"]
    assert abstained["frames"].sum() == 400
    assert len(abstained["start"]) == 400  # 2 s apart: further than 800 s / 600
    assert late["start"].tolist() == pytest.approx([7_000 * 0.04 / 60], rel=1e-6)
    assert broken["start"].tolist() == pytest.approx([19_999 * 0.04 / 60], rel=1e-6)
    assert len({data["y"][0] for data in (abstained, late, broken)}) == 3
    assert all(data["y"][0] < 0 for data in (abstained, late, broken))
    keys = [key.text for key in lines[0].chart.keys]
    assert "abstained: 400 frames" in keys and "engine error: 1 frame" in keys


def test_close_events_are_one_mark_that_counts_them(tmp_path):
    columns = certain(20_000)
    mark(columns, slice(100, 110, 2), "ABSTAINED", "weak")
    lines, marks = drawn(tmp_path, [columns])
    (abstained,) = marks["diamond"]
    assert abstained["frames"].tolist() == [5]
    assert abstained["of"].tolist() == [9]


def test_the_required_radius_is_drawn_and_frames_below_it_are_marked(tmp_path):
    columns = certain(100)
    lines, marks = drawn(tmp_path, [columns], required=0.25)
    (line,) = lines[0].chart.figure.select(type=Span)
    assert (line.location, line.dimension) == (0.25, "width")
    below = marks["inverted_triangle"][0]
    assert below["frames"].sum() == (columns["radius"] < 0.25).sum() > 0


def test_recordings_with_most_trouble_are_drawn_first_of_many(tmp_path):
    columns = [certain(10, bag=f"bag{i:02}") for i in range(25)]
    mark(columns[22], slice(1), "ABSTAINED", "weak")
    lines, _ = drawn(tmp_path, columns)
    assert [line.source for line in lines] == [*range(19), 22]
