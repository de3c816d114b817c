# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings and results that were damaged at random: images, warnings or one documented error."""

import contextlib
import random
import sqlite3

import numpy as np
import pytest

pytest.importorskip("rosbags", reason="needs the extra bags")

from recordings import raw, record  # noqa: E402
from small_models import solid  # noqa: E402

from rs_monitor.evaluation.bags import BagError, read_images  # noqa: E402

TRIALS = 60


def damaged(content, seed):
    """Return the bytes with some of them changed, or cut off, or repeated."""
    chance = random.Random(seed)
    content = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(content))
        what = chance.randrange(4)
        if what == 0:
            content[at] = chance.randrange(256)
        elif what == 1:
            content[at : at + 8] = chance.choice([b"\xff" * 8, bytes(8), b"\x7f" + b"\xff" * 7])
        elif what == 2:
            del content[at : at + chance.randint(1, 100)]
        else:
            content[at:at] = content[at : at + chance.randint(1, 100)]
        if not content:
            break
    return bytes(content)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("compression", ["none", "message"])
def test_damaged_recordings(tmp_path, storage, compression):
    if (storage, compression) == ("sqlite3", "message"):
        pytest.skip("rosbags cannot write it")
    images = [raw(solid("green", 6, 8), "rgb8", stamp) for stamp in range(1, 40, 10)]
    bag = record(tmp_path / "bag", {"/camera": images}, storage, compression)
    (path,) = [file for file in bag.iterdir() if file.suffix in (".mcap", ".db3")]
    whole = path.read_bytes()
    for seed in range(TRIALS):
        path.write_bytes(damaged(whole, seed))
        try:
            recording = read_images(bag)
            found = list(recording)
        except BagError as error:
            assert len(str(error).splitlines()) == 1, seed
        else:
            assert len(found) <= 2 * len(images), seed
            assert all(image.message.data.dtype == np.uint8 for image in found)


TOPICS = "(id INTEGER PRIMARY KEY, name, type, serialization_format, offered_qos_profiles)"
ENDLESS = "WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r) SELECT id, "


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "topics",
    [
        f"VIEW topics AS {ENDLESS} '/a' AS name, 'sensor_msgs/msg/Image' AS type, "
        "'cdr' AS serialization_format, '' AS offered_qos_profiles FROM r",
        f"TABLE topics {TOPICS}; INSERT INTO topics VALUES (1, NULL, NULL, NULL, NULL)",
        f"TABLE topics {TOPICS}; INSERT INTO topics VALUES (1, '/a', x'ff', 'cdr', 3)",
    ],
)
@pytest.mark.parametrize(
    "messages",
    [
        "TABLE messages(id INTEGER PRIMARY KEY, topic_id, timestamp, data)",
        f"VIEW messages AS {ENDLESS} 1 AS topic_id, id AS timestamp, x'00' AS data FROM r",
    ],
)
@pytest.mark.parametrize("name", ["a.db3", "a?b%41.db3"])
def test_databases_made_to_harm(tmp_path, topics, messages, name):
    with contextlib.closing(sqlite3.connect(tmp_path / name)) as database, database:
        database.executescript(f"CREATE {topics}; CREATE {messages}")
    with pytest.raises(BagError, match="no camera images") as error:
        list(read_images(tmp_path / name))
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.timeout(120)
def test_damaged_parts(tmp_path):
    pytest.importorskip("pyarrow", reason="needs the extra replay")
    from rs_monitor.evaluation.replay.arrow import pack, unpack

    rows = [{"n": n, "name": "red"} for n in range(50)]
    whole = pack(rows, {"n": "int64", "name": "string"}, {"reading": 0.1})
    assert unpack(whole)[1] == {"reading": 0.1}
    for seed in range(TRIALS):
        try:
            unpack(damaged(whole, seed))
        except (ValueError, KeyError, TypeError, OSError) as error:
            assert str(error) or isinstance(error, KeyError)
