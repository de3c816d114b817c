# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from rs_monitor.evaluation.demo_summary import summarise, table

PERIOD = 40_000_000
START = 1_000_000_000_000


def sent(count):
    return [{"frame": index, "stamp_ns": START + index * PERIOD} for index in range(count)]


def certificate(frame, sequence, status="CERTIFIED", **fields):
    certified = status == "CERTIFIED"
    return {
        "stamp_ns": START + frame * PERIOD,
        "sequence": sequence,
        "superseded_total": 0,
        "status": status,
        "class_name": "stop" if certified else "",
        "radius": 0.4 if certified else 0.0,
        "n_used": 96,
        "latency": 0.030,
        "safe": certified,
    } | fields


def test_all_is_well():
    run = [certificate(index, index + 1) for index in range(4)]
    summary = summarise(sent(4), run, ["stop", "stop", "yield", "stop"], 100.0)
    assert summary["every_frame_accounted"]
    assert summary["frames_sent"] == summary["certificates_received"] == summary["certified"] == 4
    assert summary["superseded"] == summary["lost_in_transport"] == summary["abstained"] == 0
    assert summary["latency_median_ms"] == pytest.approx(30)
    assert summary["radius_mean"] == pytest.approx(0.4)
    assert (summary["n_median"], summary["n_idle_median"], summary["n_ratio"]) == (96, 100, 0.96)
    assert summary["certified_right_share"] == summary["frames_certified_right_share"] == 0.75
    json.dumps(summary)


def test_superseded_and_lost_frames_are_accounted_for():
    run = [
        certificate(0, 1),
        certificate(3, 2, superseded_total=1),
        certificate(5, 3, "ABSTAINED"),
    ]
    run[2]["superseded_total"] = 1
    summary = summarise(sent(6), run, [], 0.0)
    assert summary["every_frame_accounted"]
    assert (summary["superseded"], summary["lost_in_transport"]) == (1, 2)
    assert (summary["certified"], summary["abstained"], summary["safe"]) == (2, 1, 2)
    assert summary["n_idle_median"] is None and summary["n_ratio"] is None
    assert "certified_right_share" not in summary


@pytest.mark.parametrize(
    "run",
    [
        [],
        [certificate(0, 1), certificate(2, 3)],  # the certificate of sequence 2 is missing
        [certificate(0, 1), certificate(0, 2)],  # one frame answered twice
        [certificate(0, 1), certificate(9, 2)],  # of a frame that was not sent
        [certificate(0, 1, superseded_total=5)],  # more superseded than sent
    ],
)
def test_frames_that_do_not_add_up(run):
    assert not summarise(sent(3), run, [], 0.0)["every_frame_accounted"]


def test_deadline_misses_after_the_first_second_are_counted_apart():
    frames = (0, 24, 25, 40)
    run = [certificate(f, i + 1, "DEADLINE_MISSED", n_used=0) for i, f in enumerate(frames)]
    summary = summarise(sent(41), run, [], 90.0)
    assert summary["deadline_missed"] == 4
    assert summary["deadline_missed_after_first_second"] == 2
    assert summary["n_median"] is None and summary["radius_mean"] is None


def test_other_statuses_are_named():
    run = [certificate(0, 1, "STALE_INPUT"), certificate(1, 2, "INVALID_INPUT")]
    summary = summarise(sent(2), run, ["stop", "stop"], 90.0)
    assert summary["other_statuses"] == {"INVALID_INPUT": 1, "STALE_INPUT": 1}
    assert summary["certified_right_share"] is None
    assert summary["frames_certified_right_share"] == 0


def test_labels_repeat_with_the_recording():
    run = [certificate(index, index + 1) for index in range(4)]
    summary = summarise(sent(4), run, ["stop", "yield"], 0.0)
    assert summary["certified_right_share"] == 0.5


def test_the_table_says_it_all():
    run = [certificate(0, 1), certificate(1, 2, "STALE_INPUT")]
    card = {"smoothed_accuracy": 0.912, "average_certified_radius": 0.3, "n": 200, "images": 1000}
    text = table(summarise(sent(4), run, ["stop"] * 4, 100.0), card)
    rows = dict(line.rsplit("  ", 1) for line in text.splitlines() if "  " in line.strip())
    rows = {name.strip(): value for name, value in rows.items()}
    assert rows["frames sent"] == "4"
    assert rows["lost in transport"] == "2 (50.0%)"
    assert rows["status STALE_INPUT"] == "1 (25.0%)"
    assert rows["certified class is right"] == "100.0%"
    assert rows["on real held-aside tracks"] == "images 1000, n 200"
    assert rows["smoothed accuracy"] == "91.2%"
    assert rows["average certified radius"] == "0.300"
    assert rows["every frame accounted for"] == "yes"
    text = table(summarise(sent(1), [], [], 0.0), {})
    assert text.splitlines()[-1].endswith("NO")
    assert "certified class" not in text
    assert text.count("not in the card") == 2
