# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import pytest
from recordings import INTEGER, PERIOD, STORE, STRING, drive, raw, record
from small_models import LABELS, solid

from rs_monitor.evaluation.bags import read_images
from rs_monitor.evaluation.replay.labels import UNKNOWN, LabelError, Labels, read_csv, read_topic
from rs_monitor.evaluation.replay.plan import Stream

STREAM = Stream("/data/drive", "/camera", 9)
OTHER = Stream("/data/night", "/rear", 9)


def labels_of(tmp_path, text, bag=None):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return Labels(read_csv(path, LABELS, bag))


def test_by_number_name_or_index(tmp_path):
    labels = labels_of(tmp_path, "index,label\n0,green\n1,2\n2,\n3,-1\n7,red\n")
    found = [labels.of(STREAM, number, 0, 0) for number in range(5)]
    assert found == [1, 2, UNKNOWN, UNKNOWN, UNKNOWN]
    assert labels and labels.unused == (1, 3)


@pytest.mark.parametrize(
    ("column", "text", "stamps"),
    [
        ("stamp_ns", "1500000001", {1500000001: 1, 1500000002: UNKNOWN}),
        ("stamp", "1500000001", {1500000001: 1, 1500000002: UNKNOWN}),
        ("stamp", "1.5", {1500000001: 1, 1500400000: 1, 1500600000: UNKNOWN}),
        ("stamp_s", "1", {1000000000: 1, 1100000000: UNKNOWN}),
        ("stamp_s", "1700000000.123457", {1700000000123456789: 1}),
    ],
)
def test_by_stamp(tmp_path, column, text, stamps):
    labels = labels_of(tmp_path, f"{column},label\n{text},green\n")
    assert {stamp: labels.of(STREAM, 0, stamp, 0) for stamp in stamps} == stamps


def test_lines_for_one_recording_or_topic(tmp_path):
    labels = labels_of(
        tmp_path,
        "bag,topic,index,label\n,,0,red\ndrive,,0,green\nx/night,rear,0,blue\n,/camera,1,blue\n",
    )
    assert [labels.of(stream, 0, 0, 0) for stream in (STREAM, OTHER)] == [1, 2]
    assert labels.of(Stream("/data/night", "/front", 1), 0, 0, 0) == 0
    assert [labels.of(stream, 1, 0, 0) for stream in (STREAM, OTHER)] == [2, UNKNOWN]


def test_a_file_for_one_recording_alone(tmp_path):
    labels = labels_of(tmp_path, "frame,stamp_ns,label\n0,5,green\n", bag="/data/drive")
    assert [labels.of(stream, 0, 0, 0) for stream in (STREAM, OTHER)] == [1, UNKNOWN]
    assert labels.of(Stream("/elsewhere/drive", "/camera", 1), 0, 0, 0) == UNKNOWN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must have the columns"),
        ("index,label\n3,red\n4,red\n3,blue\n", "line 4: index 3 is labelled 'red' in line 2 and"),
        (
            "stamp_s,label\n1.5,red\n1.5,blue\n",
            "stamp_s 1.5 is labelled 'red' in line 2 and 'blue'",
        ),
        ("label\ngreen\n", "must have the columns label and index"),
        ("index,label\n0,yellow\n", "line 2: label 'yellow' is no class of the model"),
        ("index,label\n0,3\n", "line 2: label '3' is no class"),
        ("index,label\n-1,red\n", "line 2: index must be an integer >= 0, got '-1'"),
        ("stamp_ns,label\n1.5,red\n", "stamp_ns must be an integer"),
        ("stamp_s,label\nnoon,red\n", "stamp_s must be a time in seconds, got 'noon'"),
        ("stamp_s,label\ninf,red\n", "stamp_s must be a time in seconds, got 'inf'"),
        ("index,label\n0,\n", "holds no labels"),
    ],
)
def test_wrong_files(tmp_path, text, reason):
    with pytest.raises(LabelError, match=reason) as error:
        labels_of(tmp_path, text)
    assert "labels.csv" in str(error.value)


def test_a_frame_may_be_labelled_twice_alike(tmp_path):
    (tmp_path / "labels.csv").write_text("index,topic,label\n3,,red\n3,,red\n3,/rear,blue\n")
    assert len(read_csv(tmp_path / "labels.csv", LABELS)) == 3


def test_not_a_text_file(tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelError, match="is not a CSV file"):
        read_csv(tmp_path / "labels.csv", LABELS)
    with pytest.raises(LabelError, match="cannot read"):
        read_csv(tmp_path / "none.csv", LABELS)


@pytest.mark.parametrize(("kind", "said"), [(STRING, ["red", "blue"]), (INTEGER, [0, 2])])
def test_a_topic_labels_what_is_recorded_from_then_on(tmp_path, kind, said):
    images = [raw(solid("red", 4, 4), "rgb8", PERIOD * (i + 1)) for i in range(4)]
    times = (2 * PERIOD, 3 * PERIOD + 1)
    texts = [(time, STORE.types[kind](text)) for time, text in zip(times, said)]
    bag = record(tmp_path / "bag", {"/camera": images, "/truth": texts})
    found = read_images(bag)
    stream = Stream(str(bag), "/camera", 4)
    labels = Labels(topic={stream: read_topic(found, "truth", LABELS)})
    read = [labels.of(stream, image.index, image.stamp, image.log_time) for image in found]
    assert read == [UNKNOWN, 0, 0, 2]


def test_no_such_label_topic(tmp_path):
    images = read_images(drive(tmp_path / "bag", 1))
    for topic in ("/truth", "/camera"):
        with pytest.raises(LabelError, match=r"no labels on .*it has /camera \(sensor_msgs"):
            read_topic(images, topic, LABELS)


def test_labels_that_turn_out_to_be_damaged_are_refused(tmp_path):
    images = [raw(solid("red", 300, 400), "rgb8", PERIOD * (i + 1)) for i in range(12)]
    texts = [(PERIOD * 5, STORE.types[STRING]("red")), (PERIOD * 11, STORE.types[STRING]("blue"))]
    bag = record(tmp_path / "bag", {"/camera": images, "/truth": texts})
    (file,) = bag.glob("*.mcap")
    content = bytearray(file.read_bytes())
    at = content.index(b"\x04\0\0\0red\0")  # in its chunk: the index of the file is sound
    content[at - 35 : at] = b"\xff" * 35
    file.write_bytes(content)
    with pytest.raises(LabelError, match=r"bag.mcap is damaged .* labels on /truth are lost"):
        read_topic(read_images(bag), "/truth", LABELS)
