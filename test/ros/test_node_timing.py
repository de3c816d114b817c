# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the running node does with its time: n, deadlines, many frames, noise."""

import numpy as np
from builtin_interfaces.msg import Time
from image_messages import image, image_of, now
from rosgraph_msgs.msg import Clock

from rs_monitor.certification import Status
from rs_monitor.settings import MAX_N

FRAMES = 200


def test_without_n_as_many_samples_as_the_time_allows(restored):
    chunk = restored.info().chunk_size
    changes = {"certification__n": 0, "timing__frame_period": 0.5}
    assert restored.set(atomically=True, **changes)[0].successful
    certificate = restored.certified(image())
    assert certificate.n_requested == 0
    assert certificate.n_used == certificate.n_drawn > 64
    assert certificate.n_used % chunk == 0 or certificate.n_used == MAX_N
    assert certificate.processing_time.sec == 0
    assert certificate.processing_time.nanosec <= certificate.budget.nanosec == 400_000_000

    assert restored.set(certification__procedure="two_stage")[0].successful
    certificate = restored.certified(image())
    assert certificate.n_selection == 32
    assert certificate.n_used > 0
    assert certificate.n_used % chunk == 0 or certificate.n_used == MAX_N


def test_a_tiny_budget_is_a_missed_deadline_and_never_silence(restored):
    changes = {"timing__frame_period": 0.0102, "timing__budget_fraction": 0.5}
    for n in (0, 100_000):
        assert restored.set(atomically=True, certification__n=n, **changes)[0].successful
        for _ in range(3):
            certificate = restored.certificate_of(image(height=480, width=640))
            assert Status(certificate.status) == Status.DEADLINE_MISSED
            assert (certificate.class_id, certificate.radius) == (-1, 0.0)
            assert certificate.reason


def test_a_cut_n_is_certified_with_what_was_drawn(restored):
    changes = {"certification__n": 100_000, "timing__frame_period": 0.08}
    assert restored.set(atomically=True, **changes)[0].successful
    certificate = restored.certified(image())
    assert 64 <= certificate.n_used < certificate.n_requested == 100_000
    assert f"cut n to {certificate.n_used}" in certificate.reason


def votes_of(monitor):
    """Return the votes of three frames, the first and the last alike; noise decides some."""
    rows = np.full((8, 8, 3), 100, np.uint8)
    rows[..., 0] += 5
    assert monitor.change("configure") and monitor.change("activate")
    monitor.wait(monitor.connected, "connection")
    certificates = [monitor.certificate_of(image_of(rows + i % 2, "rgb8")) for i in range(3)]
    assert monitor.change("deactivate") and monitor.change("cleanup")
    return [(c.votes_top, c.votes_runner_up) for c in certificates]


def test_a_seed_reproduces_the_votes_of_a_topic_in_another_process(start):
    monitors = []
    for _ in range(2):  # one after the other: both have the topic
        values = {"seed": 7, "debug.allow_seed": True, "certification.n": 1024}
        monitor = start(values, image_topic="/camera/image")
        seeded = votes_of(monitor)
        assert monitor.set(seed=-1)[0].successful
        monitors.append((seeded, votes_of(monitor)))
        assert monitor.stop() == 0
    (seeded, fresh), (seeded_too, fresh_too) = monitors
    assert seeded == seeded_too
    assert seeded[0] != seeded[2]  # each frame has noise of its own
    assert fresh not in (seeded, fresh_too)


def test_every_frame_of_a_burst_is_accounted_for(start):
    topic = "/burst/image"
    override = f"qos_overrides.{topic}.subscription"
    monitor = start(
        {
            f"{override}.reliability": "reliable",
            f"{override}.depth": FRAMES,
            "timing.frame_period": 5.0,
        },
        image_topic=topic,
    ).activate()
    for number in range(FRAMES):
        message = image(height=120, width=160)
        message.header.stamp = now()
        message.header.frame_id = str(number)
        monitor.images.publish(message)

    def last_has_come():
        return monitor.certificates and monitor.certificates[-1].header == message.header

    monitor.wait(last_has_come, "certificate of the last frame")
    certificates = monitor.certificates
    assert [c.sequence for c in certificates] == list(range(1, len(certificates) + 1))
    for certificate in certificates:
        received = certificate.sequence + certificate.superseded_total
        assert certificate.header.frame_id == str(received - 1)
        assert certificate.status == Status.CERTIFIED
    assert certificates[-1].superseded_total + len(certificates) == FRAMES


def test_ages_are_read_from_the_simulated_clock(start):
    monitor = start({"use_sim_time": True, "input.max_age": 0.5}).activate()
    clock = monitor.client.create_publisher(Clock, "/clock", 10)
    message = image()
    message.header.stamp = Time(sec=100)
    certificate = monitor.certificate_of(message)
    assert certificate.status == Status.STALE_INPUT
    assert "/clock was not heard" in certificate.reason

    def before_zero():
        clock.publish(Clock(clock=Time(sec=-1)))
        return "/clock ignored" in monitor.output

    monitor.wait(before_zero, "word of a time that cannot be")
    for second, status in ((100, Status.CERTIFIED), (102, Status.STALE_INPUT)):
        time = Time(sec=second, nanosec=100_000_000)

        def clock_has_come(time=time):
            clock.publish(Clock(clock=time))
            certificate = monitor.certificate_of(message)
            return certificate.input_age.sec == time.sec - 100

        monitor.wait(clock_has_come, "simulated time")
        certificate = monitor.certificates[-1]
        assert (certificate.status, certificate.input_age.nanosec) == (status, 100_000_000)
    monitor.client.destroy_publisher(clock)
