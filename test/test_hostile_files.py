# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Every function that reads a file of others gives its one documented error, and never waits."""

import json

import pytest
from hostile_files import CONTENTS, PLACES

from rs_monitor.datasets import DataError, load_data, load_npz
from rs_monitor.evaluation.batch_times import read_batch_times
from rs_monitor.evaluation.class_probabilities import is_evaluation, read_evaluation
from rs_monitor.evaluation.figures import find_logs, read_benchmark
from rs_monitor.evaluation.logs import read_log
from rs_monitor.evaluation.vote_log import VoteLog, VoteLogError
from rs_monitor.families import load_family
from rs_monitor.files import read_file
from rs_monitor.models import ModelError, load_card
from rs_monitor.scenes.recording import read_labels

CLASSES = ("red", "green", "blue")


def labels_csv(path):
    from rs_monitor.evaluation.replay.labels import LabelError, read_csv

    try:
        return read_csv(path, CLASSES)
    except LabelError as error:
        raise Documented(str(error)) from error


def labels_beside(path):
    path.rename(path.with_name("labels.csv"))
    return read_labels(path.parent)


def report(path):
    from rs_monitor.evaluation.report.results import ReportError, load_results

    path.rename(path.with_name("summary.json"))
    try:
        return load_results(path.parent)
    except ReportError as error:
        raise Documented(str(error)) from error


def replays_settings(path):
    from rs_monitor.evaluation.replay.store import PartStore, StoreError

    class Plan:
        def fingerprint(self):
            return {"n": 3}

    path.rename(path.with_name("settings.json"))
    try:
        with PartStore(path.parent, Plan(), {}):
            pass
    except StoreError as error:
        raise Documented(str(error)) from error


def votes(path):
    path.rename(path.with_name("log.tsv.votes"))
    VoteLog(path.with_name("log.tsv"), {"n": 3}, 3).close()


def recording(path):
    from rs_monitor.evaluation.bags import BagError, read_images

    path.rename(path.with_name("metadata.yaml"))
    try:
        return read_images(path.parent)
    except BagError as error:
        raise Documented(str(error)) from error


def storage(path):
    from rs_monitor.evaluation.bags import BagError, read_images

    moved = path.rename(path.with_suffix(".mcap"))
    try:
        return list(read_images(moved))
    except BagError as error:
        raise Documented(str(error)) from error


def database(path):
    from rs_monitor.evaluation.bags import BagError, read_images

    moved = path.rename(path.with_suffix(".db3"))
    try:
        return list(read_images(moved))
    except BagError as error:
        raise Documented(str(error)) from error


def cifar10(path):
    path.rename(path.with_name("test_batch"))
    return load_data(path.parent)


class Documented(Exception):
    pass


#: The reader, and the errors that its docstring names.
READERS = {
    "read_file": (lambda path: read_file(path, 10_000_000), OSError),
    "read_log": (read_log, (ValueError, OSError)),
    "find_logs": (lambda path: find_logs(path.parent, n=100), (ValueError, OSError)),
    "read_evaluation": (read_evaluation, (ValueError, OSError)),
    "is_evaluation": (is_evaluation, OSError),
    "read_batch_times": (read_batch_times, (ValueError, OSError)),
    "read_benchmark": (read_benchmark, (ValueError, OSError)),
    "load_card": (load_card, ModelError),
    "load_family": (load_family, ModelError),
    "load_npz": (load_npz, DataError),
    "load_data": (load_data, DataError),
    "load_data: batch": (cifar10, DataError),
    "replay: labels": (labels_csv, Documented),
    "replay: settings": (replays_settings, (Documented, OSError)),
    "report: summary": (report, Documented),
    "demo: labels": (labels_beside, (ValueError, OSError)),
    "evaluate: votes": (votes, (VoteLogError, OSError)),
    "bag: metadata": (recording, Documented),
    "bag: mcap": (storage, Documented),
    "bag: sqlite3": (database, Documented),
}


def check(reader, path):
    read, documented = READERS[reader]
    if reader.startswith("bag"):
        pytest.importorskip("rosbags", reason="needs the extra bags")
    if reader.startswith(("replay", "report")):
        pytest.importorskip("pyarrow", reason="needs the extra replay")
    try:
        read(path)
    except documented as error:
        message = error.strerror if isinstance(error, OSError) else str(error)
        assert message and len(message.splitlines()) == 1
        assert len(message) < 10_000
        return True
    return False


@pytest.mark.timeout(120)
@pytest.mark.parametrize("reader", READERS)
def test_contents(tmp_path, monkeypatch, reader):
    monkeypatch.chdir(tmp_path)
    for number, content in enumerate(CONTENTS.values()):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "hostile").write_bytes(content)
        check(reader, tmp_path / str(number) / "hostile")
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("reader", READERS)
def test_places(tmp_path, reader):
    for place, make in PLACES.items():
        if place == "missing" and ":" in reader:
            continue  # it may be, or the test moves it
        (tmp_path / place).mkdir()
        make(tmp_path / place / "hostile")
        refused = check(reader, tmp_path / place / "hostile")
        # What a program writes itself takes the place of what was there.
        own = reader in ("replay: settings", "evaluate: votes")
        assert refused or place == "folder" or own or reader == "demo: labels", place


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reader", ["read_file", "read_log", "load_card", "load_npz", "load_data"])
def test_names_that_no_file_can_have(reader):
    for name in ("zero\0byte", "long" * 2000, "\udcff", ""):
        assert check(reader, name)


def test_limit_of_bytes(tmp_path):
    (tmp_path / "file").write_text(json.dumps([1] * 100))
    assert read_file(tmp_path / "file", 300) == (tmp_path / "file").read_bytes()
    with pytest.raises(OSError, match="it is larger than 299 bytes"):
        read_file(tmp_path / "file", 299)
