# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Replays of recordings of which files are missing or damaged: no label on another frame."""

import pytest
from recordings import PERIOD, STORE, STRING, color_of, label_of, split
from replay_command import error_of, replay

from rs_monitor.evaluation.replay.labels import UNKNOWN


def labels(bag, column, value=int):
    lines = [f"{column},label", *(f"{value(i)},{color_of(i)}" for i in range(30))]
    (bag / "labels.csv").write_text("\n".join(lines))


@pytest.fixture
def holed(tmp_path):
    """A recording of 30 frames whose middle file, with 10 to 16, is missing."""
    bag = split(tmp_path / "bag", [10, 7, 13])
    (bag / "bag_1.mcap").unlink()
    return bag


@pytest.mark.parametrize("processes", [1, 2])
def test_labels_by_index_end_where_frames_are_missing(card, holed, tmp_path, capsys, processes):
    labels(holed, "index")
    places = {"card": card, "out": tmp_path / "out", "processes": processes}
    found, summary = replay(holed, "--n", "25", **places)
    known = [label_of(i) for i in range(10)]
    assert [row["label"] for row in found] == known + [UNKNOWN] * 13
    assert summary["labelled_frames"] == 10
    said = [text for text in summary["warnings"] if "left without" in text]
    assert len(said) == 1
    assert f"{holed}: 13 images from number 10 on" in said[0] and "bag_1.mcap" in said[0]
    assert "label by stamp_ns" in said[0] and said[0] in capsys.readouterr().err


def test_labels_by_stamp_hold_behind_missing_frames(card, holed, tmp_path):
    labels(holed, "stamp_ns", lambda i: PERIOD * (i + 1))
    found, summary = replay(holed, "--n", "25", card=card, out=tmp_path / "out")
    assert [row["label"] for row in found] == [label_of(i) for i in (*range(10), *range(17, 30))]
    assert not any("left without" in text for text in summary["warnings"])


def test_labels_by_index_when_the_first_file_is_missing(card, tmp_path, capsys):
    bag = split(tmp_path / "bag", [5, 5])
    (bag / "bag_0.mcap").unlink()
    labels(bag, "index")
    line = error_of(capsys, bag, "--n", "25", card=card, out=tmp_path / "out")
    assert "none of the 30 labels matches" in line and "bag_0.mcap is missing or damaged" in line


def test_labels_of_a_topic_end_where_they_may_be_missing(card, tmp_path):
    def truth(frames):
        return {"/truth": [(PERIOD * (i + 1), STORE.types[STRING](color_of(i))) for i in frames]}

    bag = split(tmp_path / "bag", [10, 7, 13], topics=truth)
    (bag / "bag_1.mcap").unlink()
    words = (bag, "--label-topic", "/truth", "--n", "25")
    found, summary = replay(*words, card=card, out=tmp_path / "out")
    known = [label_of(i) for i in range(10)]
    assert [row["label"] for row in found] == known + [UNKNOWN] * 13
    assert any("13 images from number 10 on" in text for text in summary["warnings"])


def test_what_is_lost_is_said_once(card, holed, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(holed.parent)
    _, summary = replay("bag", "--n", "25", card=card, out=tmp_path / "out")
    said = f"{holed}: bag_1.mcap, which metadata.yaml names, is missing"
    assert [text for text in summary["warnings"] if "bag_1.mcap" in text] == [said]
    assert capsys.readouterr().err.count("bag_1.mcap") == 1
