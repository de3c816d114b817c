# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments of the programs beside the nodes that make no sense: one line, and no waiting."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("rosbags", reason="needs the extra bags")

from rs_monitor.ros import camera_publisher, certificate_listener, lifecycle_client  # noqa: E402

CAMERA = (camera_publisher, ["--bag", "missing"])
LISTENER = (certificate_listener, [])
CLIENT = (lifecycle_client, ["/rs/certifier", "configure"])


def refused(program, words, capsys, reason):
    try:
        status = program.main(["program", *words])
    except SystemExit as caught:
        status = caught.code
    line = capsys.readouterr().err.splitlines()[-1]
    assert status == 2 and reason in line, (words, line)


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "-1", "x", ""])
@pytest.mark.parametrize(
    ("program", "options"),
    [
        (CAMERA, ["--timeout"]),
        (LISTENER, ["--timeout", "--idle", "--age"]),
        (CLIENT, ["--timeout"]),
    ],
)
def test_times(capsys, program, options, value):
    for option in options:
        refused(program[0], [*program[1], f"{option}={value}"], capsys, option)


@pytest.mark.parametrize("name", ["", "bad name", "a//b", "/rs/ü", "9", "n\nn", "a" * 5000 + "!"])
def test_names_of_nodes(capsys, name):
    refused(camera_publisher, [*CAMERA[1], f"--certifier={name}"], capsys, "")
    refused(certificate_listener, [f"--node={name}"], capsys, "")
    refused(lifecycle_client, [name, "configure"], capsys, "")


def test_places(tmp_path, capsys):
    for path in (tmp_path / "no" / "such", tmp_path):
        refused(certificate_listener, ["--record", str(path)], capsys, str(path))
    refused(camera_publisher, ["--bag", str(tmp_path / "missing")], capsys, "does not exist")
