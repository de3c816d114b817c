# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from replay_folder import column_values, drive, mark, write_folder

from rs_monitor.evaluation.report import ReportError, write_report
from rs_monitor.evaluation.report.frames import Point
from rs_monitor.evaluation.report.results import load_results


def test_the_first_point_of_the_largest_n_is_shown(tmp_path):
    points = [
        [column_values(30, n=n, sigma=sigma, point=2 * i + j)]
        for i, sigma in enumerate((0.25, 0.5))
        for j, n in enumerate((25, 100))
    ]
    results = load_results(write_folder(tmp_path, points))
    assert results.main == Point(100, 0.25, "full")
    assert results.alike(but="n") == [Point(25, 0.25, "full"), Point(100, 0.25, "full")]
    assert results.alike(but="sigma") == [Point(100, 0.25, "full"), Point(100, 0.5, "full")]
    assert len(results.frames) == 30
    assert set(results.frames["n_used"].tolist()) == {100}


def test_the_share_at_a_radius_counts_labelled_frames_certified_right(tmp_path):
    columns = column_values(10)
    columns["status"][:] = ["CERTIFIED"] * 8 + ["ABSTAINED"] * 2
    columns["radius"][:] = [0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0, 0]
    columns["label"] = np.array([1] * 5 + [-1] * 4 + [1])
    columns["correct"] = [True, True, True, False, True, None, None, None, None, False]
    results = load_results(write_folder(tmp_path, [[columns]]))
    curve = results.curves[results.main]
    assert results.labelled
    assert curve.frames == 6
    assert curve.radii.tolist() == [0.1, 0.2, 0.2, 0.4]
    shares = curve.share(np.array([0, 0.1, 0.2, 0.21, 0.4, 0.41]))
    assert shares.tolist() == pytest.approx([4 / 6, 4 / 6, 3 / 6, 1 / 6, 1 / 6, 0])
    assert results.frames.wrong.tolist() == [i == 3 for i in range(10)]


def test_without_labels_every_certified_frame_counts(tmp_path):
    results = load_results(write_folder(tmp_path, [[column_values(50, labels=False)]]))
    curve = results.curves[results.main]
    assert not results.labelled
    assert curve.frames == 50
    assert len(curve.radii) == results.frames.certified.sum()
    assert not results.frames.wrong.any()


def test_frames_are_put_in_the_order_of_time_of_each_recording(tmp_path):
    front, rear = column_values(20, bag="/a/front"), column_values(20, bag="/a/rear")
    front = {name: np.asarray(values)[::-1] for name, values in front.items()}
    frames = load_results(write_folder(tmp_path, [[rear, front]])).frames
    assert [frames.title(i) for i in range(2)] == ["front /camera", "rear /camera"]
    for source in range(2):
        assert frames["index"][frames.of(source)].tolist() == list(range(20))
        assert frames.seconds[frames.of(source)].tolist() == pytest.approx(np.arange(20) * 0.04)
    assert frames.interval() == pytest.approx(0.04)


def test_bags_of_one_name_keep_their_folders(tmp_path):
    columns = [column_values(3, bag=bag) for bag in ("/monday/drive", "/tuesday/drive")]
    frames = load_results(write_folder(tmp_path, [columns])).frames
    assert [frames.title(i) for i in range(2)] == [
        "/monday/drive /camera",
        "/tuesday/drive /camera",
    ]


def test_frames_without_a_certificate_are_told_from_superseded_ones(tmp_path):
    columns = column_values(4)
    mark(columns, slice(2, 4), "MISSING", "")
    columns["missing"] = [False, False, True, True]
    columns["superseded"] = [False, False, False, True]
    frames = load_results(write_folder(tmp_path, [[columns]])).frames
    assert frames.status.tolist()[2:] == ["MISSING", "SUPERSEDED"]
    assert not frames.certified[2:].any()


def test_rows_of_an_older_column_set_are_read(tmp_path):
    needed = ("bag", "topic", "index", "log_time_ns", "status", "radius", "point")
    columns = {name: values for name, values in column_values(5).items() if name in needed}
    folder = drive(tmp_path, 30, ns=(200,))
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({k: pyarrow.array(list(v)) for k, v in columns.items()})
    pyarrow.parquet.write_table(table, folder / "frames.parquet")
    results = load_results(folder)
    assert len(results.frames) == 5
    assert not results.labelled
    assert write_report(folder).stat().st_size > 1000


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("summary.json", None, "cannot read .*summary.json: No such file"),
        ("summary.json", b"{", "summary.json is not JSON"),
        ("summary.json", b"\xff\xfe", "summary.json is not JSON"),
        ("summary.json", b"[]", "names no sweep point"),
        ("summary.json", b'{"points": []}', "names no sweep point"),
        ("summary.json", b'{"points": [{"n": "x"}]}', "no n, sigma and resolution"),
        ("frames.parquet", None, "cannot read .*frames.parquet"),
        ("frames.parquet", b"PAR1", "cannot read .*frames.parquet"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path, name, content, message):
    folder = drive(tmp_path, 30, ns=(200,))
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(ReportError, match=message) as error:
        write_report(folder)
    assert "\n" not in str(error.value)


def test_lacking_columns_are_named(tmp_path):
    columns = column_values(5)
    del columns["radius"]
    folder = drive(tmp_path, 30, ns=(200,))
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({k: pyarrow.array(list(v)) for k, v in columns.items()})
    pyarrow.parquet.write_table(table, folder / "frames.parquet")
    with pytest.raises(ReportError, match="lacks the columns radius"):
        write_report(folder)


def test_points_without_frames_are_told(tmp_path):
    folder = drive(tmp_path, 30, ns=(200,))
    summary = json.loads((folder / "summary.json").read_text())
    summary["points"].append(summary["points"][0] | {"n": 1000})
    (folder / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(ReportError, match="no frame at n 1000"):
        write_report(folder)
