# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from rs_monitor.evaluation.figures.latency import figure_5, read_benchmark


def rows(**more):
    return [
        {"batch": 64, "resolution": "full", "median_ms": 50.0, "p99_ms": 55.0} | more,
        {"batch": 1, "resolution": "full", "median_ms": 5.0, "p99_ms": 6.0},
        {"batch": 1, "resolution": "half", "median_ms": 3.0},
    ]


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_benchmark_has_a_curve_for_each_resolution(tmp_path):
    content = {"device": "Some CPU", "backend": "openvino", "precision": "bf16", "rows": rows()}
    full, half = read_benchmark(write(tmp_path / "resnet110.json", content))
    assert full.label == "Some CPU, openvino, bf16, full"
    assert full.points == ((1, 5.0, 6.0), (64, 50.0, 55.0))
    assert half.points == ((1, 3.0, 3.0),)
    assert (full.largest_in_period(), half.largest_in_period()) == (1, 1)
    figure = figure_5([full, half])
    assert [row[2:] for row in figure.rows] == [
        ("full", 1, 5.0, 6.0), ("full", 64, 50.0, 55.0), ("half", 1, 3.0, 3.0),
    ]  # fmt: skip
    assert len(figure.missing) == 3  # the paper's device was another


def test_the_papers_own_benchmark_is_recognised(tmp_path):
    content = {"model": "ResNet-50", "device": "NVIDIA GeForce RTX 3080", "rows": rows()}
    figure = figure_5(read_benchmark(write(tmp_path / "gpu.json", content)))
    assert figure.missing == ("CIFAR-10 ResNet-110, NVIDIA 3080: no benchmark",)


def test_a_benchmark_without_rows_is_refused(tmp_path):
    path = write(tmp_path / "b.json", {"rows": []})
    with pytest.raises(ValueError, match=f"^benchmark {path}: it has no rows"):
        read_benchmark(path)


def test_a_file_without_medians_is_drawn_by_its_99th_percentiles(tmp_path):
    (curve,) = read_benchmark(write(tmp_path / "b.json", {"rows": [{"batch": 2, "p99_ms": 3}]}))
    assert curve.points == ((2, 3.0, 3.0),)
