# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The certifier as a managed node: image in, certificate out."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleState
from sensor_msgs.msg import CompressedImage, Image

from ..background_build import BackgroundBuild
from ..certifier import Certifier
from ..engine_keeper import EngineKeeper
from ..engine_state import EngineStage, EngineState
from ..engines import Engine, EngineError, EngineNotBuilt, open_engine
from ..models import ModelError
from . import CERTIFIER
from .configuration import Configuration
from .conversions import info_message
from .diagnostics import Diagnostics
from .live_parameters import OVERRIDES, LiveParameters
from .managed_node import ManagedNode, TransitionRefused, transition
from .opening import open_keeper
from .pipeline import Pipeline
from .slot import Received
from .topics import COMPRESSED_IMAGE, IMAGE, INFO, Topic

_DRAIN = 5.0  # seconds beyond its budget that a frame in progress is waited for


class CertifierNode(ManagedNode):
    """Subscribes to `image` and publishes one Certificate per accepted frame.

    Configure loads and checks the model and warms it up; activate subscribes. Callbacks run on
    a single-threaded executor; one worker thread certifies the latest frame. Engines that fail
    are opened again in the background; after too many failures the node deactivates itself.

    Parameters
    ----------
    opener : callable
        `engines.open_engine`, or what stands in its place.

    Raises
    ------
    ValueError
        When an initial parameter is of the wrong type or out of range.
    """

    def __init__(self, opener: Callable[..., Engine] = open_engine, **kwargs: Any) -> None:
        super().__init__(CERTIFIER, **kwargs)
        self._opener = opener
        self._keeper: EngineKeeper | None = None
        self._not_kept = EngineState()  # while no keeper has engines
        self._build: BackgroundBuild | None = None
        self._pipeline: Pipeline | None = None
        self._subscription: Any = None
        self._info: Any = None
        self._parameters_in_force = LiveParameters(
            self,
            overridable=[self._resolved(topic) for topic in (IMAGE, COMPRESSED_IMAGE)],
            configured=lambda: self._keeper is not None,
            check=self._check_configuration,
            apply=self._in_force,
        )
        self._engines_changed = self.create_guard_condition(self._on_engines_changed)
        self._diagnostics = Diagnostics(
            self, lambda: self.configuration, lambda: self.engine_state, self._image_topic
        )

    @property
    def configuration(self) -> Configuration:
        """The parameters in force."""
        return self._parameters_in_force.configuration

    @property
    def engine_state(self) -> EngineState:
        """What the engines are doing."""
        keeper, build = self._keeper, self._build  # once: the diagnostics' thread asks too
        if keeper is not None:
            return keeper.state
        return self._not_kept if build is None else build.state

    def _check_configuration(self, configuration: Configuration) -> None:
        """Refuse what the loaded models cannot do; have ready what the next frame needs."""
        if self._keeper is not None:
            certifier, _ = self._selected(configuration)
            certifier.prefetch(configuration.settings, configuration.budget)

    def _selected(self, configuration: Configuration) -> tuple[Certifier, str]:
        return self._keeper.bank.select(
            configuration.settings.sigma, configuration["input.resolution"]
        )

    def _in_force(self) -> None:
        """Prepare for, and announce, the configuration in force."""
        if self._keeper is None:
            return
        configuration = self.configuration
        certifier, warning = self._selected(configuration)
        if warning:
            self.get_logger().warning(warning)
        certifier.prefetch(configuration.settings, configuration.budget)
        self._tell()

    def _tell(self) -> None:
        now, keeper = self.get_clock().now().to_msg(), self._keeper
        info = info_message(self.configuration, keeper.bank, keeper.state.stage.value, now)
        self._info.publish(info)
        self._diagnostics.loaded(info)

    def _on_engines_changed(self) -> None:
        """Tell of the engines' new state; deactivate when they were given up."""
        if self._build is not None and self._build.ended:
            self._built()
        if self._keeper is None or self._info is None:
            return
        state, log = self._keeper.state, self.get_logger()
        self._tell()
        if state.stage is EngineStage.READY and state.detail:
            log.warning(state.detail)
        elif state.stage is EngineStage.READY:
            log.info("the engines are ready again")
        else:
            log.error(f"engines {state.stage.value}: {state.detail}")
        if state.stage is EngineStage.GIVEN_UP and self._subscription is not None:
            log.fatal("deactivating: clean up and configure to try again")
            self.trigger_deactivate()

    def _built(self) -> None:
        """Configure with the engine that was built, or say why there is none."""
        build, self._build = self._build, None
        if build.failure:
            self._not_kept = EngineState(EngineStage.CLOSED, 1, 1, build.failure)
            self.get_logger().error(f"the engine was not built: {build.failure}")
        else:
            self.get_logger().info("the engine is built: configuring")
            self.trigger_configure()

    # Transitions

    @transition
    def on_configure(self, state: LifecycleState) -> None:
        """Load the family, check it, open the engines and warm them up.

        An engine that has to be built is built in the background; the node configures itself
        after that.
        """
        self.check_alone()
        if self._build is not None:
            raise TransitionRefused(f"an engine is being built ({self._build.state.detail})")
        started = time.monotonic()
        self._not_kept = EngineState(EngineStage.OPENING)
        self._diagnostics.look()
        try:
            self._keeper = open_keeper(
                lambda: self.configuration, self._opener, self._engines_changed.trigger
            )
        except EngineNotBuilt as missing:
            self._build = BackgroundBuild(missing, self._engines_changed.trigger)
            raise TransitionRefused(
                f"{missing}: it is being built, and the node configures itself after that"
            ) from missing
        except (ModelError, EngineError) as error:
            self._not_kept = EngineState(EngineStage.CLOSED, 1, 1, str(error))
            raise TransitionRefused(str(error)) from error
        self._pipeline = Pipeline(
            self,
            self._keeper,
            lambda: self.configuration,
            self._image_topic(),
            self._diagnostics.certified,
        )
        self._info = self.create_publisher(INFO.message, INFO.name, INFO.offered())
        self._in_force()
        # What is loaded now stays: collections while frames wait need not look through it.
        gc.collect()
        gc.freeze()
        engine = self._selected(self.configuration)[0].engine
        identity, model = engine.identity, engine.model
        self.get_logger().info(
            f"{model.card.name} {model.height}x{model.width} on {identity.backend} "
            f"{identity.version}, {identity.device}, {identity.precision}, chunks of "
            f"{engine.max_batch}; ready in {time.monotonic() - started:.1f} s"
        )

    @transition
    def on_activate(self, state: LifecycleState) -> None:
        """Subscribe to the camera."""
        engines = self.engine_state
        if engines.stage is EngineStage.GIVEN_UP:
            raise TransitionRefused(
                f"the engines were given up after {engines.detail}: clean up and configure"
            )
        super().on_activate(state)
        try:
            self._subscription = self.create_subscription(
                self._input().message,
                self._image_topic(),
                self._receive,
                self._input().requested(),
                event_callbacks=self._diagnostics.events(),
                qos_overriding_options=OVERRIDES,
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
        self._forget_build()

    @transition
    def on_error(self, state: LifecycleState) -> None:
        """Close everything after an error; the node can be configured again."""
        self._unsubscribe()
        self._release()
        self._not_kept = EngineState(EngineStage.CLOSED, 1, 1, "an error that the log tells of")

    def _input(self) -> Topic:
        return IMAGE if self.configuration["input.transport"] == "raw" else COMPRESSED_IMAGE

    def _image_topic(self) -> str:
        return self._resolved(self._input())

    def _resolved(self, topic: Topic) -> str:
        # One remapping of `image` goes for both transports, as with image_transport.
        return self.resolve_topic_name(IMAGE.name) + topic.name.removeprefix(IMAGE.name)

    def _receive(self, message: Image | CompressedImage) -> None:
        steady = time.monotonic()
        self._pipeline.put(Received(message, steady, self.get_clock().now().nanoseconds))
        self._diagnostics.received(message, steady)

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._diagnostics.listening(None)
            self.destroy_subscription(self._subscription)
            self._subscription = None
            limit = self.configuration.budget + _DRAIN
            if not self._pipeline.drain(limit):
                self.get_logger().error(f"a frame is still being certified after {limit:g} s")

    def _release(self) -> None:
        if self._pipeline is not None:
            if not self._pipeline.close(_DRAIN):
                self.get_logger().error("a thread of the certifier does not end")
                self.stuck = True
            self._pipeline = None
        if self._info is not None:
            self.destroy_publisher(self._info)
            self._info = None
        if self._keeper is not None:
            closed, log = self._keeper.close(_DRAIN), self.get_logger()
            if self._keeper.hanging:
                log.error("an inference has never returned: its engine stays open")
                self.stuck = True
            elif not closed:
                log.warning("engines are still being opened: they are closed after that")
                self.busy = True
            self._keeper = None
            gc.unfreeze()
        self._not_kept = EngineState()
        self._diagnostics.loaded(None)

    def _forget_build(self) -> None:
        """Leave a build to its end, or to the process': it cannot be stopped."""
        if self._build is not None and not self._build.ended:
            self.busy = True
        self._build = None

    def destroy_node(self) -> None:
        """Stop the thread and release the engines before the node goes."""
        self._diagnostics.close()
        self._unsubscribe()
        self._release()
        self._forget_build()
        super().destroy_node()
