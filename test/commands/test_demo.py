# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import csv
import json
import signal
import subprocess
import sys

import psutil
import pytest
from small_models import solid, write_model

from rs_monitor.cli import main
from rs_monitor.evaluation.bags import write_drive

COLORS = ("green", "red", "blue")
LIMIT = 120.0  # seconds after which a test gives up: a busy machine needs some of them


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return str(write_model(tmp_path_factory.mktemp("model")))


def record(path, count):
    """Record plain frames, and what colour they are."""
    labels = [COLORS[index % 3] for index in range(count)]
    stamps = [40_000_000 * (index + 1) for index in range(count)]
    frames = (solid(color, 48, 64)[..., ::-1] for color in labels)  # a drive is BGR
    write_drive(path, zip(stamps, frames))
    with (path / "labels.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("frame", "stamp_ns", "label"))
        rows.writerows(zip(range(count), stamps, labels))
    return path


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    return record(tmp_path_factory.mktemp("drive") / "drive", 10)


def demo(*arguments):
    return [sys.executable, "-m", "rs_monitor", "demo", *map(str, arguments)]


def test_every_frame_of_a_live_run_is_accounted_for(card, drive):
    command = demo("--bag", drive, "--model", card, "--frames", 50, "--json", "-")
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)  # and nothing else
    assert summary["every_frame_accounted"]
    assert summary["frames_sent"] == 50
    received = summary["certificates_received"]
    assert received + summary["superseded"] + summary["lost_in_transport"] == 50
    answers = summary["certified"] + summary["abstained"] + summary["deadline_missed"]
    assert answers + sum(summary["other_statuses"].values()) == received > 0
    assert summary["certified_right_share"] in (None, 1.0)
    assert summary["info"]["model_path"] == card
    lines = done.stderr.splitlines()
    assert sum(" n " in line and " ms  " in line for line in lines) == received
    assert any(line.startswith("every frame accounted for") for line in lines)


def test_each_of_two_images_is_answered(card, tmp_path):
    # 1 Hz: also a busy machine has answered before the next one comes.
    bag, numbers = record(tmp_path / "drive", 2), tmp_path / "summary.json"
    command = demo("--bag", bag, "--model", card, "--rate", 1, "--n", 100, "--quiet")
    done = subprocess.run(
        [*command, "--json", numbers], capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(numbers.read_text())
    assert summary["frames_sent"] == summary["certificates_received"] == 2
    assert summary["superseded"] == summary["lost_in_transport"] == 0
    assert "SAFE" not in done.stdout and "frames sent" in done.stdout


def children(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(card, drive, number):
    process = subprocess.Popen(
        demo("--bag", drive, "--model", card, "--frames", 100_000),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert any(" ms  " in line for line in process.stdout)  # waits for a certificate
        others = children(process)
        assert len(others) == 3
        process.send_signal(number)
        process.communicate(timeout=LIMIT)
        assert process.returncode == 128 + signal.SIGINT
        assert not any(other.is_running() for other in others)
    finally:
        for other in [*children(process), process] if process.poll() is None else []:
            other.kill()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--rate", "0"], "--rate"),
        (["--rate", "1000"], "--rate must lie in 0.017 to 100 Hz"),
        (["--frames", "0"], "--frames"),
        (["--n", "3"], "could never certify"),
        (["--sigma", "0.0001"], "sigma must be in the range"),
        (["--required-radius", "-1"], "certification.required_radius"),
        (["--topic", "/other"], "no images on topic /other"),
        (["--bag", "/nowhere"], "/nowhere does not exist"),
        (["--model", "/nowhere.yaml"], "/nowhere.yaml"),
    ],
)
def test_wrong_usage_is_one_line(card, drive, capsys, options, reason):
    assert main(["demo", "--bag", str(drive), "--model", card, *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and reason in error


def test_labels_of_another_recording(card, tmp_path, capsys):
    bag = record(tmp_path / "drive", 3)
    with (bag / "labels.csv").open("a") as stream:
        stream.write("4,0,green\n")
    assert main(["demo", "--bag", str(bag), "--model", card]) == 2
    assert "3 images, but 4 labels" in capsys.readouterr().err
