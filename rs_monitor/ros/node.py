# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier as a managed node: image in, certificate out."""

from __future__ import annotations

import gc
import sys
import time
from typing import Any

from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from rs_monitor_msgs.msg import Certificate, MonitorInfo

from ..bank import CertifierBank
from ..engines import EngineError
from ..models import ModelError
from .configuration import Configuration
from .conversions import info_message
from .diagnostics import Diagnostics
from .engine_state import EngineStage, EngineState
from .live_parameters import LiveParameters
from .managed_node import ManagedNode, TransitionRefused, run, transition
from .slot import LatestSlot, Received
from .worker import Outlets, Worker

_INFO_QOS = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_LIVELINESS_LEASE = Duration(seconds=1)
_DRAIN = 5.0  # seconds beyond its budget that a frame in progress is waited for


class CertifierNode(ManagedNode):
    """Subscribes to `image` and publishes one Certificate per accepted frame.

    Configure loads and checks the model and warms it up; activate subscribes. Callbacks run on
    a single-threaded executor; one worker thread certifies the latest frame.

    Raises
    ------
    ValueError
        When an initial parameter is of the wrong type or out of range.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("certifier", **kwargs)
        self._bank: CertifierBank | None = None
        self._slot: LatestSlot | None = None
        self._worker: Worker | None = None
        self._subscription: Any = None
        self._certificates: Any = None
        self._debug_images: Any = None
        self._info: Any = None
        self._engine_state = EngineState()
        self._parameters_in_force = LiveParameters(
            self,
            configured=lambda: self._bank is not None,
            check=self._check_configuration,
            apply=self._in_force,
        )
        self._diagnostics = Diagnostics(
            self, lambda: self.configuration, lambda: self._engine_state, self._image_topic
        )

    @property
    def configuration(self) -> Configuration:
        """The parameters in force."""
        return self._parameters_in_force.configuration

    def _check_configuration(self, configuration: Configuration) -> None:
        """Refuse what the loaded models cannot do."""
        if self._bank is not None:
            self._bank.select(configuration.settings.sigma, configuration["input.resolution"])

    def _in_force(self) -> None:
        """Prepare for, and announce, the configuration in force."""
        if self._bank is None:
            return
        configuration = self.configuration
        certifier, warning = self._bank.select(
            configuration.settings.sigma, configuration["input.resolution"]
        )
        if warning:
            self.get_logger().warning(warning)
        certifier.prefetch(configuration.settings, configuration.budget)
        now = self.get_clock().now().to_msg()
        info = info_message(configuration, self._bank, now)
        self._info.publish(info)
        self._diagnostics.loaded(info)

    # Transitions

    @transition
    def on_configure(self, state: LifecycleState) -> None:
        """Load the family, check it, open the engines and warm them up."""
        configuration, started = self.configuration, time.monotonic()
        self._engine_state = EngineState(EngineStage.OPENING)
        self._diagnostics.look()
        try:
            self._bank = CertifierBank(
                configuration["model.path"],
                backend=configuration["engine.backend"],
                precision=configuration["engine.precision"],
                settings=configuration.settings,
                resolution=configuration["input.resolution"],
                budget=configuration.budget,
            )
        except (ModelError, EngineError) as error:
            self._engine_state = EngineState(EngineStage.CLOSED, 1, 1, str(error))
            raise TransitionRefused(str(error)) from error
        self._open_outlets()
        self._in_force()
        self._engine_state = EngineState(EngineStage.READY)
        # What is loaded now stays: collections while frames wait need not look through it.
        gc.collect()
        gc.freeze()
        certifier, _ = self._bank.select(
            configuration.settings.sigma, configuration["input.resolution"]
        )
        identity, model = certifier.engine.identity, certifier.engine.model
        self.get_logger().info(
            f"{model.card.name} {model.height}x{model.width} on {identity.backend} "
            f"{identity.version}, {identity.device}, {identity.precision}, chunks of "
            f"{certifier.engine.max_batch}; ready in {time.monotonic() - started:.1f} s"
        )

    def _open_outlets(self) -> None:
        """Create the publishers and start the worker that uses them."""
        deadline = Duration(nanoseconds=round(self.configuration.qos_deadline * 1e9))
        certificate_qos = QoSProfile(
            depth=10,
            reliability=ReliabilityPolicy.RELIABLE,
            durability=DurabilityPolicy.VOLATILE,
            deadline=deadline,
            liveliness=LivelinessPolicy.AUTOMATIC,
            liveliness_lease_duration=_LIVELINESS_LEASE,
        )
        self._certificates = self.create_lifecycle_publisher(
            Certificate, "certificate", certificate_qos
        )
        self._debug_images = self.create_lifecycle_publisher(Image, "~/debug/image", 1)
        self._info = self.create_publisher(MonitorInfo, "~/info", _INFO_QOS)
        outlets = Outlets(
            certificate=self._publish,
            debug_image=self._debug_images.publish,
            debug_wanted=lambda: self._debug_images.get_subscription_count() > 0,
            error=lambda text: self.get_logger().error(text, throttle_duration_sec=1.0),
            now=lambda: self.get_clock().now().nanoseconds,
        )
        self._slot = LatestSlot()
        self._worker = Worker(
            self._slot, self._bank, lambda: self.configuration, outlets, self._image_topic()
        )
        self._worker.start()

    def _publish(self, certificate: Certificate) -> None:
        self._certificates.publish(certificate)
        self._diagnostics.certified(certificate)

    @transition
    def on_activate(self, state: LifecycleState) -> None:
        """Subscribe to the camera."""
        super().on_activate(state)
        try:
            self._subscription = self.create_subscription(
                Image if self._raw() else CompressedImage,
                self._image_topic(),
                self._receive,
                QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
                event_callbacks=self._diagnostics.events(),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
        except Exception as error:  # rclpy has no one type for a QoS override it cannot use
            super().on_deactivate(state)
            topic = self._image_topic()
            raise TransitionRefused(f"cannot subscribe to {topic}: {error}") from error
        self._diagnostics.listening(self._subscription)

    @transition
    def on_deactivate(self, state: LifecycleState) -> None:
        """Leave the camera; frames that were received still get their certificates."""
        self._unsubscribe()
        super().on_deactivate(state)

    @transition
    def on_cleanup(self, state: LifecycleState) -> None:
        """Close the engines; the node can be configured again."""
        self._release()

    @transition
    def on_shutdown(self, state: LifecycleState) -> None:
        """Close everything."""
        self._unsubscribe()
        self._release()

    @transition
    def on_error(self, state: LifecycleState) -> None:
        """Close everything after an error; the node can be configured again."""
        self._unsubscribe()
        self._release()

    def _raw(self) -> bool:
        return self.configuration["input.transport"] == "raw"

    def _image_topic(self) -> str:
        topic = self.resolve_topic_name("image")
        return topic if self._raw() else f"{topic}/compressed"

    def _receive(self, message: Image | CompressedImage) -> None:
        steady = time.monotonic()
        self._slot.put(Received(message, steady, self.get_clock().now().nanoseconds))
        self._diagnostics.received(message, steady)

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._diagnostics.listening(None)
            self.destroy_subscription(self._subscription)
            self._subscription = None
            limit = self.configuration.budget + _DRAIN
            if not self._slot.drain(limit):
                self.get_logger().error(f"a frame is still being certified after {limit:g} s")

    def _release(self) -> None:
        if self._worker is not None:
            self._slot.close()
            if not self._worker.join(_DRAIN):
                self.get_logger().error("the certifier's thread does not end")
            self._slot = self._worker = None
        for publisher in (self._certificates, self._debug_images):
            if publisher is not None:
                self.destroy_lifecycle_publisher(publisher)
        if self._info is not None:
            self.destroy_publisher(self._info)
        self._certificates = self._debug_images = self._info = None
        if self._bank is not None:
            self._bank.close()
            self._bank = None
            self._engine_state = EngineState()
            self._diagnostics.loaded(None)
            gc.unfreeze()

    def destroy_node(self) -> None:
        """Stop the thread and release the engines before the node goes."""
        self._diagnostics.close()
        self._unsubscribe()
        self._release()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until a signal; exit status 0, or 2 for wrong arguments or parameters."""
    return run(CertifierNode, args)


if __name__ == "__main__":
    sys.exit(main())
