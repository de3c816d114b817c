# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A machine that slows down until not one chunk fits into a frame's time."""

from pathlib import Path

from image_messages import image, now

from rs_monitor.certification import Status

FOLDER = Path(__file__).parent


def test_a_node_whose_machine_slows_down_certifies_again(start, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{FOLDER}:{FOLDER.parent}")
    seconds = tmp_path / "seconds"
    seconds.write_text("0")
    values = {"certification.n": 0, "timing.frame_period": 0.2}
    monitor = start(values, module="slowed_node", options=(str(seconds),)).activate()
    before = monitor.info().chunk_size
    monitor.certified(image())

    seconds.write_text(f"{0.17 / before}")  # more than a frame has, less than a hang
    message = image()

    def certified(status):
        message.header.stamp = now()
        certificate = monitor.certificate_of(message)
        return certificate if certificate.status == status else None

    missed = monitor.wait(lambda: certified(Status.DEADLINE_MISSED), "missed deadline")
    assert missed.class_id == -1
    certificate = monitor.wait(lambda: certified(Status.CERTIFIED), "certificate in time")
    after = monitor.info().chunk_size
    assert after < before
    assert certificate.n_used % after == 0
    assert f"chunks of {after} from now on" in monitor.output
