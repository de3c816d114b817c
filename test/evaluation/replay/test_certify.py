# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import math

import cv2
import numpy as np
import pytest
from recordings import PERIOD, drive, packed, raw, record
from small_models import solid, write_model

from rs_monitor.bank import CertifierBank
from rs_monitor.certification import Status
from rs_monitor.engines import noise_key
from rs_monitor.evaluation.bags import BagError, read_images
from rs_monitor.evaluation.replay.arrow import unpack
from rs_monitor.evaluation.replay.certify import ReplayWorker
from rs_monitor.evaluation.replay.plan import Part, Plan, find_streams
from rs_monitor.frames import Frame, decode_message
from rs_monitor.sampling import FIXED_CHUNK

STORAGES = [
    ("sqlite3", "none"),
    ("sqlite3", "message"),
    ("sqlite3", "file"),
    ("mcap", "none"),
    ("mcap", "message"),
    ("mcap", "file"),
    ("mcap", "storage"),
]
RNG = np.random.default_rng(5)
RGB = [RNG.integers(0, 256, (6, 8, 3), np.uint8) for _ in range(3)]


def plan_for(bag, model, **changes):
    values = {
        "streams": tuple(find_streams([bag], [])[0]),
        "model": str(model),
        "backend": "openvino",
        "precision": "fp32",
        "ns": (20, 50, 100),
        "sigmas": (0.25,),
        "resolutions": ("full",),
        "alpha": 0.001,
        "procedure": "single_pass",
        "n_selection": 32,
        "seed": 3,
    }
    return Plan(**values | changes)


def rows_of(plan, *parts):
    worker = ReplayWorker(plan)
    try:
        return [row for part in parts for row in unpack(worker.run(part))[0].to_pylist()]
    finally:
        worker.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("procedure", ["single_pass", "two_stage", "runner_up"])
def test_rows_are_what_the_certifier_says_at_each_n(tmp_path, model, procedure):
    plan = plan_for(drive(tmp_path / "bag", 6), model, procedure=procedure, sigmas=(0.25, 1.0))
    rows = rows_of(plan, Part(0, 0, None))
    assert [(row["index"], row["point"]) for row in rows] == [
        (i, p) for i in range(6) for p in range(6)
    ]
    bank = CertifierBank(
        model, backend="openvino", precision="fp32", settings=plan.settings(plan.points[-1]),
        resolution="full", budget=1e-3, chunk=FIXED_CHUNK, threads=1,
    )  # fmt: skip
    bank.table.prefetch(plan.ns, plan.alpha)
    bank.table.wait()
    images = list(read_images(plan.streams[0].bag))
    for row in rows:
        image, point = images[row["index"]], plan.points[row["point"]]
        certifier, _ = bank.select(point.sigma, "full")
        key = noise_key(3, f"/camera {image.log_time}", image.index)
        settings = plan.settings(point)
        direct = certifier.certify(decode_message(image.message), settings, key)
        fields = direct.message_fields()
        fields["status"] = Status(fields["status"]).name
        assert math.isnan(row.pop("randomization")) and math.isnan(fields.pop("randomization"))
        assert {name: row[name] for name in fields} == fields
        assert (row["n"], row["sigma"], row["stamp_ns"]) == (point.n, point.sigma, image.stamp)
        assert (row["votes"] is None) == (point.n < 100)
        assert row["votes"] is None or sum(row["votes"]) == 100
        if fields["status"] == "CERTIFIED":
            assert row["top_class"] == fields["class_id"]
            assert row["reference_stamp_ns"] == image.stamp
            assert row["reference_stamp_nanosec"] == row["stamp_nanosec"]
    assert {row["status"] for row in rows} == {"CERTIFIED", "ABSTAINED"}
    bank.close()


@pytest.mark.parametrize(("storage", "compression"), STORAGES)
def test_every_storage_gives_the_same_frames(tmp_path, model, storage, compression):
    bag = drive(tmp_path / "bag", 7, storage=storage, compression=compression)
    rows = rows_of(plan_for(bag, model, ns=(100,)), Part(0, 0, 3), Part(0, 3, None))
    assert [row["index"] for row in rows] == list(range(7))
    assert [row["log_time_ns"] for row in rows] == [PERIOD * (i + 1) for i in range(7)]
    plain = drive(tmp_path / "plain", 7)
    expected = rows_of(plan_for(plain, model, ns=(100,)), Part(0, 0, None))
    assert [row["votes"] for row in rows] == [row["votes"] for row in expected]


def yuv(rgb):
    full = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    height, width = rgb.shape[:2]
    luma, u, v = np.split(full, [height * width, height * width * 5 // 4])
    return np.concatenate([luma, np.stack([u, v], 1).reshape(-1)]).reshape(-1, width)


def messages():
    """Every kind of image with the exact RGB that it stands for, where there is one."""
    a, b, c = RGB
    grey = c[..., 0]
    padded = np.concatenate([a.reshape(6, 24), np.full((6, 5), 99, np.uint8)], 1)
    stamp = PERIOD
    sixteen = (grey.astype(np.uint16) * 257).astype(">u2")
    return [
        (raw(a, "rgb8", stamp), a),
        (raw(np.ascontiguousarray(b[..., ::-1]), "bgr8", stamp), b),
        (raw(np.dstack([a, grey]), "rgba8", stamp), a),
        (raw(np.dstack([b[..., ::-1], grey]), "bgra8", stamp), b),
        (raw(np.ascontiguousarray(b[..., ::-1]), "8UC3", stamp), b),
        (raw(grey, "mono8", stamp), np.dstack([grey] * 3)),
        (raw(grey, "8UC1", stamp), np.dstack([grey] * 3)),
        (raw(sixteen, "mono16", stamp, big=1), np.dstack([grey] * 3)),
        (raw(padded, "rgb8", stamp, step=29), a),
        (packed(c, ".png", stamp), c),
    ]


@pytest.mark.parametrize("number", range(len(messages())))
def test_every_encoding_is_certified_by_its_pixels(tmp_path, model, number):
    message, rgb = messages()[number]
    if number == 8:
        message.width = 8
    (image,) = read_images(record(tmp_path / "bag", {"/camera": [message]}))
    assert np.array_equal(decode_message(image.message).rgb, rgb)


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("nv12", yuv(RGB[0])),
        ("nv21", yuv(RGB[0])),
        ("uyvy", RGB[0][..., :2]),
        ("yuv422", RGB[0][..., :2]),
        ("yuyv", RGB[0][..., :2]),
        ("yuv422_yuy2", RGB[0][..., :2]),
        *((f"bayer_{p}8", RGB[0][..., 0]) for p in ("rggb", "bggr", "gbrg", "grbg")),
    ],
)
def test_encodings_without_one_rgb_are_decoded_as_live(tmp_path, model, encoding, pixels):
    message = raw(pixels, encoding, PERIOD, height=6)
    bag = record(tmp_path / "bag", {"/camera": [message]})
    (row,) = rows_of(plan_for(bag, model, ns=(100,)), Part(0, 0, None))
    assert row["status"] in ("CERTIFIED", "ABSTAINED")
    assert isinstance(decode_message(message), Frame)
    assert math.isnan(row["radius_sensor"])


def test_what_cannot_be_certified_says_why(tmp_path, model):
    good = solid("green", 6, 8)
    images = [
        raw(good, "rgb8", PERIOD),
        raw(good, "32FC3", 2 * PERIOD),
        raw(good[:4], "rgb8", 3 * PERIOD, height=6),
        raw(good, "rgb8", 4 * PERIOD, step=5),
        (5 * PERIOD, raw(good, "rgb8", 0)),
    ]
    bag = record(tmp_path / "bag", {"/camera": images})
    rows = rows_of(plan_for(bag, model), Part(0, 0, None))[::3]
    assert [row["status"] for row in rows] == [
        "CERTIFIED", "UNSUPPORTED_ENCODING", "INVALID_INPUT", "INVALID_INPUT", "STALE_INPUT",
    ]  # fmt: skip
    for row, word in zip(rows[1:], ["32FC3", "bytes of data", "step", "header.stamp is zero"]):
        assert word in row["reason"] and row["abstain"]
        assert (row["class_id"], row["radius"], row["votes"]) == (-1, 0.0, None)


def test_streams(tmp_path):
    both = record(
        tmp_path / "both",
        {f"/{t}": [raw(RGB[0], "rgb8", PERIOD)] for t in ("front", "rear")},
    )
    front = drive(tmp_path / "front", 2, "/front")
    streams, _ = find_streams([both, front], ["/front", "rear"])
    assert [(s.topic, s.count) for s in streams] == [("/front", 1), ("/rear", 1), ("/front", 2)]
    with pytest.raises(BagError, match="no images on topic /rear; it has /front"):
        find_streams([front], ["/rear"])
    with pytest.raises(BagError, match="no recording has images on topic /side"):
        find_streams([both, front], ["/front", "/side"])
    with pytest.raises(BagError, match="choose one"):
        find_streams([both], [])
    with pytest.raises(BagError, match="given twice"):
        find_streams([front, front], [])
