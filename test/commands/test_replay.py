# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from recordings import PERIOD, color_of, drive, label_of, raw, record
from replay_command import (
    COUNT,
    done_parts,
    error_of,
    options,
    replay,
    results,
    rows,
)
from rosbags.highlevel import AnyReader
from small_models import LABELS, solid, write_model

from rs_monitor.cli import main
from rs_monitor.evaluation.replay.columns import MESSAGE, flatten

SHARED = Path(os.environ.get("RS_MONITOR_SHARED", Path(__file__).parents[2].parent / "shared"))


@pytest.fixture(scope="module")
def serial(bag, card, tmp_path_factory):
    out = tmp_path_factory.mktemp("serial") / "out"
    replay(bag, "--sweep", "n=25,100", "sigma=0.25,0.5", card=card, out=out)
    return out


def test_every_frame_at_every_point(serial):
    found, summary = results(serial)
    assert [(row["index"], row["n"], row["sigma"]) for row in found] == [
        (i, n, s) for i in range(COUNT) for s in (0.25, 0.5) for n in (25, 100)
    ]
    assert [row["row"] for row in found] == list(range(4 * COUNT))
    assert all(row["label"] == label_of(row["index"]) for row in found)
    assert all(row["correct"] == (row["class_id"] == row["label"]) for row in found)
    assert summary["frames"] == summary["labelled_frames"] == COUNT
    assert summary["clusters"]["count"] == COUNT // 5
    for number, point in enumerate(summary["points"]):
        mine = [row for row in found if row["point"] == number]
        assert (point["n"], point["sigma"]) == (mine[0]["n"], mine[0]["sigma"])
        certified = [row for row in mine if row["status"] == "CERTIFIED"]
        assert point["certified"] == len(certified) > 0
        assert point["abstained"] == COUNT - len(certified) and point["failures"] == {}
        assert point["certified_right"] + point["certified_wrong"] == len(certified)
        right = [row["top_class"] == row["label"] for row in mine]
        assert point["smoothed_accuracy"] == pytest.approx(np.mean(right))
        if point["n"] == 100:  # of all samples: no expectation to take
            radii = [row["radius"] * row["correct"] for row in mine]
            assert point["average_certified_radius"] == pytest.approx(np.mean(radii))
            assert point["average_radius"] == pytest.approx(np.mean([r["radius"] for r in mine]))
            assert point["certified_accuracy"]["0"] == np.mean([row["correct"] for row in mine])
    assert (
        summary["points"][0]["average_certified_radius"]
        < summary["points"][1]["average_certified_radius"]
    )


def test_with_runner_up_every_n_counts_as_published(bag, card, tmp_path):
    out = tmp_path / "out"
    found, summary = replay(
        bag, "--procedure", "runner_up", "--sweep", "n=25,100", card=card, out=out
    )
    for number, point in enumerate(summary["points"]):
        mine = [row for row in found if row["point"] == number]
        assert {row["procedure"] for row in mine} == {"runner_up"}
        assert any(row["status"] == "CERTIFIED" for row in mine)
        assert point["average_radius"] == pytest.approx(np.mean([r["radius"] for r in mine]))
        radii = np.array([row["radius"] * row["correct"] for row in mine])
        assert point["average_certified_radius"] == pytest.approx(radii.mean())
        cap = max(row["radius_cap"] for row in mine)
        wanted = [r for r in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0) if r < cap]
        assert point["certified_accuracy"] == {
            f"{r:g}": pytest.approx(np.mean((radii > 0) & (radii >= r))) for r in wanted
        }
    report = (out / "report.html").read_text()
    assert "runner_up" in report and "expectations over all sub-draws" not in report


def test_the_certificate_bag_is_the_table_again(serial):
    found = [row for row in rows(serial) if row["point"] == 1]
    with AnyReader([serial / "certificates"]) as reader:
        (connection,) = reader.connections
        assert connection.topic == "/rs/certificate"
        read = [
            (time, flatten(reader.deserialize(content, connection.msgtype)))
            for _, time, content in reader.messages()
        ]
    assert [time for time, _ in read] == [row["log_time_ns"] for row in found]
    for (_, message), row in zip(read, found):
        assert np.isnan(message.pop("randomization"))
        assert message == {name: row[name] for name in MESSAGE if name != "randomization"}


def test_the_safety_monitor_would_hear_the_certificate_bag(serial):
    reason = "needs ROS 2"
    pytest.importorskip("rclpy", reason=reason)
    from rs_monitor.ros.topics import CERTIFICATE

    with AnyReader([serial / "certificates"]) as reader:
        (offered,) = reader.connections[0].ext.offered_qos_profiles
    lease = offered.liveliness_lease_duration
    assert lease.sec + lease.nsec / 1e9 == CERTIFICATE.lease
    assert offered.depth == CERTIFICATE.depth
    assert offered.reliability.name == "RELIABLE"


def test_names_that_are_not_utf_8(bag, card, tmp_path, capsys):
    name = os.fsdecode(b"sch\xfcld")
    named = shutil.copytree(bag, tmp_path / name)
    assert "is not UTF-8" in error_of(capsys, named, card=card, out=tmp_path / "out")
    assert "is not UTF-8" in error_of(capsys, bag, card=card, out=tmp_path / name / "out")


def test_pictures_of_the_worst_frames(serial):
    found = rows(serial)
    for point in range(4):
        mine = [row for row in found if row["point"] == point]
        shown = [row for row in mine if row["thumbnail"]]
        assert len(shown) == 12
        for row in shown:
            picture = cv2.imread(str(serial / row["thumbnail"]))
            assert picture.shape == (24, 32, 3)
            assert LABELS[::-1][picture.mean((0, 1)).argmax()] == color_of(row["index"])
        unseen = [row["radius"] for row in mine if not row["thumbnail"]]
        others = [row["radius"] for row in shown if row["class_id"] in (-1, row["label"])]
        assert max(others, default=0.0) <= min(unseen)
        assert all(row["thumbnail"] for row in mine if row["class_id"] not in (-1, row["label"]))


def test_processes_do_not_change_the_result(bag, card, serial, tmp_path):
    out = tmp_path / "out"
    sweep = ("--sweep", "n=25,100", "sigma=0.25,0.5")
    replay(bag, *sweep, card=card, out=out, processes=2)
    assert (out / "frames.parquet").read_bytes() == (serial / "frames.parquet").read_bytes()


def test_other_settings_are_refused(bag, card, serial, capsys):
    places = {"card": card, "out": serial}
    line = error_of(capsys, bag, "--sweep", "n=25,100", "--sigma", "0.3", **places)
    assert "other settings (sigmas [0.25, 0.5] there, [0.3] now)" in line
    before = done_parts(serial)
    replay(bag, "--sweep", "n=100,25", "sigma=0.25,0.5", **places)  # the same: nothing to do
    assert done_parts(serial) == before


def test_new_labels_need_no_new_votes(bag, card, serial, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(serial, out)
    (tmp_path / "labels.csv").write_text(f"stamp_ns,label\n{PERIOD},blue\n77,red\n")
    sweep = ("--sweep", "n=25,100", "sigma=0.25,0.5")
    labels = ("--labels", tmp_path / "labels.csv")
    found, summary = replay(bag, *sweep, *labels, card=card, out=out)
    assert [row["index"] for row in found if row["label"] == 2] == [0] * 4
    assert summary["frames_in_this_run"] == 0 and summary["labelled_frames"] == 1
    assert "1 of 2 labels match no frame" in summary["warnings"]


def test_labels_that_match_no_frame(bag, card, serial, tmp_path, capsys):
    (tmp_path / "labels.csv").write_text("stamp_ns,label\n77,red\n78,red\n")
    sweep = ("--sweep", "n=25,100", "sigma=0.25,0.5")
    labels = ("--labels", tmp_path / "labels.csv")
    assert "none of the 2 labels matches" in error_of(
        capsys, bag, *sweep, *labels, card=card, out=serial
    )
    assert len(rows(serial)) == 4 * COUNT  # what was there stays


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--topic", "/rear"], "no images on topic /rear; it has /camera (sensor_msgs/msg/Image"),
        (["--n", "0"], "--n must be fixed offline"),
        (["--n", "9"], "n = 9 could never certify"),
        (["--n", "50", "--sweep", "n=25"], "both say n"),
        (["--sweep", "n=25,x"], "'x' is no value of n"),
        (["--sweep", "alpha=1"], "--sweep takes n=..."),
        (["--sweep", "resolution=tiny"], "resolution is full or half"),
        (["--sweep", "n=25,25"], "25 is there twice"),
        (["--labels", "none.csv"], "cannot read none.csv"),
        (["--label-topic", "/truth"], "has no labels on /truth"),
        (["--rate", "5"], "--rate is for --live"),
        (["--live", "--n", "100"], "--processes and --ray are offline"),
    ],
)
def test_wrong_usage(bag, card, tmp_path, capsys, words, reason):
    assert reason in error_of(capsys, bag, *words, card=card, out=tmp_path / "out")


def test_no_ray_cluster(bag, card, tmp_path, capsys):
    pytest.importorskip("ray", reason="needs the extra ray")
    words = (bag, "--ray", "127.0.0.1:1")
    line = error_of(capsys, *words, card=card, out=tmp_path / "out", status=1)
    assert "--ray 127.0.0.1:1: no cluster there" in line


def test_wrong_places(bag, card, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no metadata.yaml" in error_of(capsys, empty, card=card, out=tmp_path / "out")
    (tmp_path / "file").write_text("mine")
    line = error_of(capsys, bag, card=card, out=tmp_path)
    assert "holds something else" in line
    assert "Not a directory" in error_of(capsys, bag, card=card, out=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_left_of_a_cut_recording(card, tmp_path):
    bag = drive(tmp_path / "drive", 200)
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: -file.stat().st_size // 4])
    found, summary = replay(bag, "--n", "25", card=card, out=tmp_path / "out")
    assert 100 < len(found) == summary["frames"] < 200
    assert any("is damaged" in text for text in summary["warnings"])
    listed = f"metadata.yaml lists 200 images on /camera, {len(found)} are there"
    assert any(text.endswith(listed) for text in summary["warnings"])


def test_an_image_that_cannot_be_used_has_its_row(card, tmp_path):
    images = [
        raw(solid("red", 8, 8), code, PERIOD * (i + 1)) for i, code in enumerate(["rgb8", "32FC3"])
    ]
    bag = record(tmp_path / "bag", {"/camera": images})
    found, summary = replay(bag, card=card, out=tmp_path / "out")
    assert [row["status"] for row in found] == ["CERTIFIED", "UNSUPPORTED_ENCODING"]
    assert "32FC3" in found[1]["reason"] and found[1]["thumbnail"] == ""
    assert summary["points"][0]["failures"] == {"UNSUPPORTED_ENCODING": 1}


def test_stamps_that_are_no_times_come_back_as_they_were(card, tmp_path):
    stamps = [(0, 1_000_000_000), (-5, 7), (2**31 - 1, 2**32 - 1), (-(2**31), 0)]
    images = []
    for number, (seconds, nanoseconds) in enumerate(stamps):
        image = raw(solid("red", 8, 8), "rgb8", 0)
        image.header.stamp.sec, image.header.stamp.nanosec = seconds, nanoseconds
        images.append((number, image))
    bag = record(tmp_path / "bag", {"/camera": images})
    found, _ = replay(bag, "--n", "25", card=card, out=tmp_path / "out")
    assert [row["stamp_ns"] for row in found] == [s * 10**9 + ns for s, ns in stamps]
    with AnyReader([tmp_path / "out" / "certificates"]) as reader:
        for (_, _, content), stamp in zip(reader.messages(), stamps):
            message = reader.deserialize(content, "rs_monitor_msgs/msg/Certificate")
            for at in (message.header.stamp, message.reference_stamp):
                assert (at.sec, at.nanosec) == stamp


def test_classes_that_were_renamed_do_not_mix(bag, tmp_path, capsys):
    card = write_model(tmp_path)
    replay(bag, "--n", "25", card=card, out=tmp_path / "out")
    capsys.readouterr()
    write_model(tmp_path, labels=["go", "stop", "blue"], reference=None)
    (bag / "labels.csv").rename(bag / "hidden")
    try:
        line = error_of(capsys, bag, "--n", "25", card=card, out=tmp_path / "out")
    finally:
        (bag / "hidden").rename(bag / "labels.csv")
    assert "other settings (labels" in line


def test_no_image_that_can_be_read(card, tmp_path, capsys):
    bag = drive(tmp_path / "bag", 2, storage="sqlite3")
    with sqlite3.connect(next(bag.glob("*.db3"))) as database:
        database.execute("UPDATE messages SET data = x'00010000'")
    line = error_of(capsys, bag, card=card, out=tmp_path / "out")
    assert "no image could be read" in line and "message 0 of /camera is unreadable" in line


def test_several_recordings_and_topics(bag, card, tmp_path):
    images = [raw(solid("blue", 8, 8), "rgb8", PERIOD * (i + 1)) for i in range(2)]
    other = record(tmp_path / "other", {"/rear": images, "/front": images[:1]})
    words = [bag, other, "--topic", "/camera", "--topic", "/rear", "--n", "25"]
    found, summary = replay(*words, card=card, out=tmp_path / "out")
    places = [(Path(row["bag"]).name, row["topic"]) for row in found]
    assert places == [("drive", "/camera")] * COUNT + [("other", "/rear")] * 2
    assert [row["label"] for row in found[-2:]] == [-1, -1]
    assert [row["correct"] for row in found[-2:]] == [None, None]
    assert summary["labelled_frames"] == COUNT
    with AnyReader([tmp_path / "out" / "certificates"]) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts == {"/rs/camera/certificate": COUNT, "/rs/rear/certificate": 2}


def test_labels_from_a_topic(card, tmp_path):
    from recordings import STORE, STRING

    images = [raw(solid(color_of(i), 8, 8), "rgb8", PERIOD * (i + 1)) for i in range(10)]
    truth = [(PERIOD * (i + 1), STORE.types[STRING](color_of(i))) for i in (0, 5)]
    bag = record(tmp_path / "bag", {"/camera": images, "/truth": truth})
    words = [bag, "--label-topic", "/truth", "--n", "100"]
    found, summary = replay(*words, card=card, out=tmp_path / "out")
    assert [row["label"] for row in found] == [label_of(i) for i in range(10)]
    assert summary["points"][0]["certified_right"] == 10


def test_a_label_topic_that_begins_after_all_images(card, tmp_path, capsys):
    from recordings import STORE, STRING

    images = [raw(solid("red", 8, 8), "rgb8", PERIOD)]
    truth = [(2 * PERIOD, STORE.types[STRING]("red"))]
    bag = record(tmp_path / "bag", {"/camera": images, "/truth": truth})
    line = error_of(capsys, bag, "--label-topic", "/truth", card=card, out=tmp_path / "out")
    assert "no image was recorded while a label of the topic was in force" in line


@pytest.mark.parametrize(("name", "count"), [("soccer_goal", 2), ("ait_images", 3)])
def test_recordings_of_others(name, count, tmp_path):
    path = SHARED / "data" / "bags" / name
    if not path.exists():
        pytest.skip(f"{path} is not there (RS_MONITOR_SHARED names the folder it is in)")
    out = tmp_path / "out"
    assert main(["replay", str(path), "--out", str(out), "--n", "25", "--processes", "1"]) == 0
    found = rows(out)
    assert len(found) == count
    assert all(row["reason"] or row["status"] == "CERTIFIED" for row in found)


def test_json_on_standard_output_is_alone(bag, card, tmp_path, capsys):
    words = (bag, "--n", "25", "--json", "-")
    assert main(options(*words, card=card, out=tmp_path / "out")) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == COUNT


def test_live(card, tmp_path):
    pytest.importorskip("rclpy", reason="needs ROS 2")
    bag = drive(tmp_path / "drive", 6, storage="sqlite3")
    out = tmp_path / "out"
    # 2 Hz: also a busy machine has answered before the next frame comes.
    words = (bag, "--live", "--rate", 2, "--n", 100)
    assert main(options(*words, card=card, out=out, processes=None)) == 0
    found, summary = results(out)
    assert [row["index"] for row in found] == list(range(6))
    assert [row["stamp_ns"] for row in found] == [PERIOD * (i + 1) for i in range(6)]
    assert not any(row["missing"] or row["superseded"] for row in found)
    assert {row["status"] for row in found} <= {"CERTIFIED", "ABSTAINED"}
    assert all(row["latency_ms"] > 0 and row["processing_time_ns"] > 0 for row in found)
    assert all(abs(row["input_age_ns"]) < 100_000_000 for row in found)
    timing = summary["timing"]
    assert (timing["frames_sent"], timing["certificates_received"]) == (6, 6)
    assert summary["classes"] == list(LABELS)
    with AnyReader([out / "certificates"]) as reader:
        assert reader.message_count == 6
