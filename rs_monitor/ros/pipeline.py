# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From received images to published certificates: slot, watched worker and publishers."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode

from rs_monitor_msgs.msg import Certificate

from ..engine_keeper import EngineKeeper
from ..refitting import Refitter
from .configuration import Configuration
from .slot import LatestSlot, Received
from .topics import CERTIFICATE, DEBUG_IMAGE
from .watchdog import Watchdog
from .worker import Outlets, Worker

_ACKNOWLEDGED = Duration(seconds=1)  # at the end, for subscribers to take the last ones


class Pipeline:
    """Certifies what is put into it, while the node is configured.

    Parameters
    ----------
    node : LifecycleNode
        Publishes: `certificate` and `~/debug/image`, both while it is active.
    keeper : EngineKeeper
        Lends the engines.
    configuration : callable
        Returns the snapshot in force.
    topic : str
        Of the images.
    published : callable
        Called with each Certificate message after it was published.
    """

    def __init__(
        self,
        node: LifecycleNode,
        keeper: EngineKeeper,
        configuration: Callable[[], Configuration],
        topic: str,
        published: Callable[[Certificate], None],
    ) -> None:
        self._node = node
        self._published = published
        self._certificates = node.create_lifecycle_publisher(
            CERTIFICATE.message,
            CERTIFICATE.name,
            CERTIFICATE.offered(configuration().qos_deadline),
        )
        self._debug_images = node.create_lifecycle_publisher(
            DEBUG_IMAGE.message, DEBUG_IMAGE.name, DEBUG_IMAGE.offered()
        )
        outlets = Outlets(
            certificate=self._publish,
            debug_image=self._debug_images.publish,
            debug_wanted=lambda: self._debug_images.get_subscription_count() > 0,
            error=lambda text: node.get_logger().error(text, throttle_duration_sec=1.0),
            now=lambda: node.get_clock().now().nanoseconds,
        )
        self._slot = slot = LatestSlot()
        self._refitter = refitter = Refitter(keeper.remark)
        self._watchdog = Watchdog(
            keeper,
            lambda: Worker(slot, keeper, refitter, configuration, outlets, topic),
            frame_period=lambda: configuration()["timing.frame_period"],
            stop=slot.close,
        )
        self._watchdog.start()

    def put(self, received: Received) -> None:
        """Certify a frame, unless a newer one comes before it is looked at."""
        self._slot.put(received)

    def drain(self, timeout: float) -> bool:
        """Wait until every frame has its certificate; False when the time ran out."""
        return self._slot.drain(timeout)

    def close(self, timeout: float) -> bool:
        """End the threads and the publishers; False when a thread does not end in time."""
        ended = self._watchdog.close(timeout)
        ended = self._refitter.close(timeout) and ended
        # What a subscriber has not taken yet would go with the publisher.
        self._certificates.wait_for_all_acked(_ACKNOWLEDGED)
        for publisher in (self._certificates, self._debug_images):
            self._node.destroy_lifecycle_publisher(publisher)
        return ended

    def _publish(self, certificate: Certificate) -> None:
        self._certificates.publish(certificate)
        self._published(certificate)
