# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier as a managed node: image in, certificate out."""

from __future__ import annotations

import functools
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import rclpy
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.duration import Duration
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rs_monitor_msgs.msg import Certificate, MonitorInfo
from sensor_msgs.msg import CompressedImage, Image

from .. import __version__
from ..bank import CertifierBank
from ..engines import EngineError
from ..models import ModelError
from .parameters import BY_NAME, PARAMETERS, Configuration, Parameter, make_configuration
from .slot import LatestSlot, Received
from .worker import Outlets, Worker

_IMAGE_QOS = QoSProfile(
    depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT
)
_INFO_QOS = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
_LIVELINESS_LEASE = Duration(seconds=1)
_DRAIN = 5.0  # seconds a frame in progress may take before a transition goes on without it


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=parameter.name,
        description=parameter.description,
        additional_constraints=parameter.range_text,
    )
    if parameter.low is not None:
        if isinstance(parameter.default, int):
            bounds = IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high))
            descriptor.integer_range = [bounds]
        else:
            bounds = FloatingPointRange(from_value=parameter.low, to_value=parameter.high)
            descriptor.floating_point_range = [bounds]
    return descriptor


def _logged(transition: Callable[..., None]) -> Callable[..., TransitionCallbackReturn]:
    """Turn a raising transition into a lifecycle callback: rclpy would swallow the exception."""

    @functools.wraps(transition)
    def callback(self: CertifierNode, state: Any) -> TransitionCallbackReturn:
        try:
            transition(self, state)
        except (ModelError, EngineError, ValueError) as error:
            self.get_logger().error(f"{transition.__name__[3:]} failed: {error}")
            return TransitionCallbackReturn.FAILURE
        except Exception:
            self.get_logger().error(f"{transition.__name__[3:]}: {traceback.format_exc()}")
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS

    return callback


class CertifierNode(LifecycleNode):
    """Subscribes to `image` and publishes one Certificate per accepted frame.

    Configure loads and checks the model and warms it up; activate subscribes. Callbacks run on
    a single-threaded executor; one worker thread certifies the latest frame.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("certifier", **kwargs)
        for parameter in PARAMETERS:
            default = parameter.default
            default = list(default) if isinstance(default, tuple) else default
            self.declare_parameter(parameter.name, default, _descriptor(parameter))
        self._configuration = make_configuration(self._parameter_values(), 1)
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self._bank: CertifierBank | None = None
        self._slot: LatestSlot | None = None
        self._worker: Worker | None = None
        self._subscription: Any = None
        self._certificates: Any = None
        self._debug_images: Any = None
        self._info: Any = None

    # Parameters

    def _parameter_values(self) -> dict[str, Any]:
        values = {name: self.get_parameter(name).value for name in BY_NAME}
        values["input.roi"] = tuple(values["input.roi"])
        return values

    def _check_parameters(self, changes: list[Any]) -> SetParametersResult:
        values = dict(self._configuration.values)
        for change in changes:
            parameter = BY_NAME.get(change.name)
            if parameter is None:
                continue
            value = change.value
            value = tuple(value) if isinstance(parameter.default, tuple) else value
            if self._bank is not None and not parameter.runtime and value != values[change.name]:
                return SetParametersResult(
                    successful=False,
                    reason=f"{change.name} is fixed while the node is configured: clean it up "
                    "first, then set it and configure again",
                )
            values[change.name] = value
        try:
            checked = make_configuration(values, 0)
            if self._bank is not None:
                self._bank.select(checked.settings.sigma, checked["input.resolution"])
        except (ValueError, ModelError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply_parameters(self, changes: list[Any]) -> None:
        if not any(change.name in BY_NAME for change in changes):
            return
        self._configuration = make_configuration(
            self._parameter_values(), self._configuration.config_id + 1
        )
        if self._bank is not None:
            self._in_force()

    def _in_force(self) -> None:
        """Prepare for, and announce, the configuration in force."""
        configuration = self._configuration
        certifier, warning = self._bank.select(
            configuration.settings.sigma, configuration["input.resolution"]
        )
        if warning:
            self.get_logger().warning(warning)
        certifier.prefetch(configuration.settings, configuration.budget)
        self._publish_info(configuration)

    def _publish_info(self, configuration: Configuration) -> None:
        certifier, _ = self._bank.select(
            configuration.settings.sigma, configuration["input.resolution"]
        )
        engine = certifier.engine
        model, identity = engine.model, engine.identity
        region = configuration.settings.roi
        self._info.publish(
            MonitorInfo(
                stamp=self.get_clock().now().to_msg(),
                rs_monitor_version=__version__,
                state="ready",
                config_id=configuration.config_id,
                model_id=model.model_id,
                model_sha256=model.card.sha256,
                model_path=str(model.card.path),
                model_name=model.card.name,
                labels=list(model.card.labels),
                input_height=model.height,
                input_width=model.width,
                pixel_min=0.0,
                pixel_max=1.0,
                preprocessing=("crop, " if region else "") + "area resize in float32",
                color_order="RGB",
                sigma_trained=model.card.sigma,
                family_members=[f"{card.path} ({size})" for card, size in self._bank.loaded],
                backend=identity.backend,
                backend_version=identity.version,
                device=identity.device,
                precision=identity.precision,
                seed_policy="the operating system's entropy, 128 bits a frame"
                if configuration["seed"] < 0
                else f"reproducible, seed {configuration['seed']}: not for operation",
                chunk_size=engine.max_batch,
                parameter_names=list(configuration.values),
                parameter_values=[str(value) for value in configuration.values.values()],
            )
        )

    # Transitions

    @_logged
    def on_configure(self, state: Any) -> None:
        """Load the family, check it, open the engines and warm them up."""
        configuration = self._configuration
        started = time.monotonic()
        bank = CertifierBank(
            configuration["model.path"],
            backend=configuration["engine.backend"],
            precision=configuration["engine.precision"],
            settings=configuration.settings,
            resolution=configuration["input.resolution"],
            budget=configuration.budget,
        )
        try:
            deadline = Duration(nanoseconds=round(configuration.qos_deadline * 1e9))
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
            self._slot = LatestSlot()
            outlets = Outlets(
                certificate=self._certificates.publish,
                debug_image=self._debug_images.publish,
                debug_wanted=lambda: self._debug_images.get_subscription_count() > 0,
                error=self.get_logger().error,
                now=lambda: self.get_clock().now().nanoseconds,
            )
            self._worker = Worker(
                self._slot, bank, lambda: self._configuration, outlets, self._image_topic()
            )
        except BaseException:
            bank.close()
            raise
        self._bank = bank
        self._worker.start()
        self._in_force()
        certifier, _ = bank.select(configuration.settings.sigma, configuration["input.resolution"])
        identity, model = certifier.engine.identity, certifier.engine.model
        self.get_logger().info(
            f"{model.card.name} {model.height}x{model.width} on {identity.backend} "
            f"{identity.version}, {identity.device}, {identity.precision}, chunks of "
            f"{certifier.engine.max_batch}; ready in {time.monotonic() - started:.1f} s"
        )

    @_logged
    def on_activate(self, state: Any) -> None:
        """Subscribe to the camera."""
        super().on_activate(state)
        raw = self._configuration["input.transport"] == "raw"
        self._subscription = self.create_subscription(
            Image if raw else CompressedImage,
            self._image_topic(),
            self._receive,
            _IMAGE_QOS,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    @_logged
    def on_deactivate(self, state: Any) -> None:
        """Leave the camera; the frame in progress still gets its certificate."""
        self._unsubscribe()
        super().on_deactivate(state)

    @_logged
    def on_cleanup(self, state: Any) -> None:
        """Close the engines; the node can be configured again."""
        self._release()

    @_logged
    def on_shutdown(self, state: Any) -> None:
        """Close everything."""
        self._unsubscribe()
        self._release()

    def _image_topic(self) -> str:
        topic = self.resolve_topic_name("image")
        return topic if self._configuration["input.transport"] == "raw" else f"{topic}/compressed"

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None
            if not self._slot.drain(_DRAIN):
                self.get_logger().error(f"a frame is still being certified after {_DRAIN} s")

    def _release(self) -> None:
        if self._slot is not None:
            self._slot.close()
            if not self._worker.join(_DRAIN):
                self.get_logger().error("the certifier's thread does not end")
            self._slot = self._worker = None
        if self._bank is not None:
            self._bank.close()
            self._bank = None
        for publisher in (self._certificates, self._debug_images):
            if publisher is not None:
                self.destroy_lifecycle_publisher(publisher)
        if self._info is not None:
            self.destroy_publisher(self._info)
        self._certificates = self._debug_images = self._info = None

    def _receive(self, message: Image | CompressedImage) -> None:
        steady = time.monotonic()
        self._slot.put(Received(message, steady, self.get_clock().now().nanoseconds))

    def destroy_node(self) -> None:
        """Stop the thread and release the engines before the node goes."""
        self._unsubscribe()
        self._release()
        super().destroy_node()


def main(args: list[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM; exit status 0 for these, 2 for wrong parameters."""
    rclpy.init(args=args)
    try:
        node = CertifierNode()
    except (
        ValueError,
        InvalidParameterTypeException,
        InvalidParameterValueException,
    ) as error:
        print(f"certify_node: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
