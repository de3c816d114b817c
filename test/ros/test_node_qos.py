# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the running node offers and asks for, and the debug image."""

import pytest
from image_messages import image
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from rs_monitor.certification import Status
from rs_monitor_msgs.msg import Certificate


def the_only(monitor, endpoints, topic):
    """The QoS of the one endpoint of a topic, once discovery, which takes its time, has it."""
    (found,) = monitor.wait(lambda: endpoints(topic), f"endpoint on {topic}")
    return found.qos_profile


def publisher(monitor, topic):
    endpoints = monitor.client.get_publishers_info_by_topic
    return the_only(monitor, endpoints, f"{monitor.namespace}/{topic}")


def subscription(monitor, topic):
    endpoints = monitor.client.get_subscriptions_info_by_topic
    return the_only(monitor, endpoints, f"{monitor.namespace}/{topic}")


def test_offered_and_requested_qos(active):
    certificate = publisher(active, "certificate")
    assert certificate.reliability == ReliabilityPolicy.RELIABLE
    assert certificate.durability == DurabilityPolicy.VOLATILE
    assert certificate.deadline.nanoseconds == 4_000_000_000  # two frame periods
    assert certificate.liveliness == LivelinessPolicy.AUTOMATIC
    assert 0 < certificate.liveliness_lease_duration.nanoseconds < 10**10
    info = publisher(active, "certifier/info")
    assert info.reliability == ReliabilityPolicy.RELIABLE
    assert info.durability == DurabilityPolicy.TRANSIENT_LOCAL
    found = subscription(active, "image")
    assert found.reliability == ReliabilityPolicy.BEST_EFFORT
    assert found.durability == DurabilityPolicy.VOLATILE


def test_a_late_consumer_gets_no_old_certificate(active):
    active.certificate_of(image())
    known, late = len(active.certificates), []
    latecomer = active.client.create_subscription(
        Certificate, "certificate", late.append, QoSProfile(depth=10)
    )
    while not late:  # until both know of each other
        active.certificate_of(image())
    assert late[0].header in [certificate.header for certificate in active.certificates[known:]]
    active.client.destroy_subscription(latecomer)


def test_qos_by_parameters(start):
    topic = "/camera/image"
    override = f"qos_overrides.{topic}.subscription.reliability"
    monitor = start({"qos.deadline": 0.7, override: "reliable"}, image_topic=topic)
    assert monitor.change("configure")
    for _ in range(2):  # the override's parameters are declared once only
        assert monitor.change("activate")
        profile = the_only(monitor, monitor.client.get_subscriptions_info_by_topic, topic)
        assert profile.reliability == ReliabilityPolicy.RELIABLE
        assert monitor.change("deactivate")
        monitor.wait(
            lambda: not monitor.client.count_subscribers(topic), "end of the subscription"
        )
    assert publisher(monitor, "certificate").deadline.nanoseconds == 700_000_000


def test_an_impossible_override_fails_activating(start):
    topic = "/camera/image"
    override = f"qos_overrides.{topic}.subscription.reliability"
    monitor = start({override: "perhaps"}, image_topic=topic)
    assert monitor.change("configure")
    assert not monitor.change("activate")
    assert monitor.state() == "inactive"
    assert f"cannot subscribe to {topic}" in monitor.output
    assert "perhaps" in monitor.output
    assert monitor.change("cleanup")


@pytest.fixture
def debug_images(active):
    received = []
    listener = active.client.create_subscription(
        Image, f"{active.name}/debug/image", received.append, 10
    )
    yield received
    active.client.destroy_subscription(listener)


def test_debug_images_when_asked_for_and_watched(active, debug_images):
    for _ in range(3):
        active.certificate_of(image())
    assert not debug_images  # nobody asked
    assert active.set(debug__image=True)[0].successful

    def one_has_come():
        active.certificate_of(image(height=480, width=640))
        return debug_images

    active.wait(one_has_come, "debug image")
    shown = debug_images[0]
    assert shown.header in [certificate.header for certificate in active.certificates]
    assert (shown.encoding, shown.width, shown.height) == ("rgb8", 320, 264)
    assert active.certificate_of(image(encoding="32FC3")).status == Status.UNSUPPORTED_ENCODING
    assert active.set(debug__image=False)[0].successful


def test_an_override_of_nothing_is_named_with_those_there_are(start):
    right = "qos_overrides./camera/image/compressed.subscription.reliability"
    misspelt = "qos_overrides./camera/image.subscription.reliabilty"
    elsewhere = "qos_overrides./rs/image.subscription.reliability"
    overrides = dict.fromkeys((right, misspelt, elsewhere), "reliable")
    monitor = start(overrides, image_topic="/camera/image")
    for name in (misspelt, elsewhere):
        assert (
            f"there is no parameter {name}: ignored; only qos_overrides.TOPIC.subscription.POLICY "
            "is one, with TOPIC /camera/image or /camera/image/compressed and POLICY history, "
            "depth, reliability" in monitor.output
        )
    assert right not in monitor.output
