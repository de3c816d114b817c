# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from rs_monitor.certification import Status
from rs_monitor.evaluation.replay.certificate_bag import TOPIC, CertificateBag, topics_for
from rs_monitor.evaluation.replay.columns import (
    CERTIFICATE,
    MESSAGE,
    certificate_store,
    flatten,
    message_from,
    unanswered,
)

RANGES = {
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**31) * 10**9, 2**31 * 10**9 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "double": st.floats(width=64),
    "bool": st.booleans(),
    "string": st.text(max_size=20),
}
ROWS = st.fixed_dictionaries(
    {name: RANGES[kind] for name, kind in MESSAGE.items()}
    | {"status": st.sampled_from([status.name for status in Status])}
    | {name: st.integers(-(2**31), 2**31 - 1) for name in ("stamp_ns", "reference_stamp_ns")}
).map(
    lambda row: (
        row  # seconds drawn, and any number of nanoseconds
        | {
            f"{name}_ns": row[f"{name}_ns"] * 10**9 + row[f"{name}_nanosec"]
            for name in ("stamp", "reference_stamp")
        }
    )
)


def same(a, b):
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


@given(ROWS)
def test_a_row_becomes_a_message_and_the_same_row(row):
    store = certificate_store()
    content = store.serialize_cdr(message_from(row), CERTIFICATE)
    back = flatten(store.deserialize_cdr(content, CERTIFICATE))
    assert back.keys() == row.keys()
    assert all(same(back[name], row[name]) for name in row)


def test_every_field_of_the_message_has_its_column():
    msg = pytest.importorskip("rs_monitor_msgs.msg", reason="make setup builds it")
    flat = {"header", "reference_stamp", "region", "input_age", "processing_time", "budget"}
    fields = set(msg.Certificate.get_fields_and_field_types())
    assert fields - flat == {name for name in MESSAGE if name in fields}
    row = flatten(msg.Certificate(class_id=-1, radius=0.25, region_id="a"))
    assert (row["status"], row["radius"], row["region_id"]) == ("UNKNOWN", 0.25, "a")
    assert row.keys() == MESSAGE.keys()


def test_a_certificate_bag_opens_with_the_definition_inside(tmp_path):
    rows = [
        unanswered(stamp, "lens") | {"status": "CERTIFIED", "class_id": 2, "topic": "/camera"}
        for stamp in (5, 1_500_000_000)
    ]
    bag = CertificateBag(tmp_path / "certificates", ["/camera", "/camera"])
    for number, row in enumerate(rows):
        bag.add(row | {"log_time_ns": 100 + number})
    bag.close()
    # The reader's own store has never heard of the message.
    with AnyReader(
        [tmp_path / "certificates"], default_typestore=get_typestore(Stores.EMPTY)
    ) as reader:
        (connection,) = reader.connections
        assert (connection.topic, connection.msgtype) == (TOPIC, CERTIFICATE)
        read = list(reader.messages())
        messages = [reader.deserialize(content, CERTIFICATE) for _, _, content in read]
    assert [time for _, time, _ in read] == [100, 101]
    for message, row in zip(messages, rows):
        back = flatten(message)
        assert all(same(back[name], row[name]) for name in MESSAGE)


def test_each_camera_has_a_topic():
    assert topics_for(["/a", "/a"]) == {"/a": "/rs/certificate"}
    assert topics_for(["/a/image", "b"]) == {
        "/a/image": "/rs/a/image/certificate",
        "b": "/rs/b/certificate",
    }
