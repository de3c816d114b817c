# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""From a decoded frame to a certificate within a deadline. No ROS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from .certification import (
    SinglePassTable,
    Status,
    prepare,
    runner_up,
    single_pass,
    standin_pair,
    two_stage,
)
from .certification.geometry import resize_singular_value, sensor_radius
from .engines import KEY_BYTES, Engine, EngineError, Votes
from .frame_certificate import FrameCertificate, failure
from .frames import Frame, FrameError, Resizer, rounding_bound
from .pacing import ChunkPace
from .sampling import Draw, too_many_invalid
from .settings import Settings

_WARM_UP_BUDGET = 0.1  # seconds, at most, of each frame that warms the certifier up
_PAIRS_EACH_SIDE = 8  # multiples of the chunk, around the n expected, whose pairs are prefetched
# Above, an n that follows the clock never comes twice, and its stand-in costs next to no radius.
_LARGEST_EXACT_N = 10_000


class Certifier:
    """Certifies frames with one engine. Not thread-safe: one worker owns it.

    Parameters
    ----------
    engine : Engine
        Opened and owned by the caller.
    table : SinglePassTable
        Shared cache of the single pass's (k_min, alpha') pairs.
    clock : callable
        The steady clock, in seconds. Deadlines are read on it.
    """

    def __init__(
        self,
        engine: Engine,
        table: SinglePassTable,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self._table = table
        self._clock = clock
        self._resize = Resizer(engine.model.height, engine.model.width)
        self.pace = ChunkPace(clock)

    def warm_up(self, settings: Settings, budget: float) -> None:
        """Make the first frames as fast as the later ones.

        Runs the engine, measures a chunk, and has the (k_min, alpha') pairs of every n that
        frames may end with computed in the background.

        Parameters
        ----------
        settings : Settings
        budget : float
            Seconds a frame may take.
        """
        self.engine.warm_up()
        shape = (self.engine.model.height, self.engine.model.width, 3)
        frame = Frame(np.full(shape, 128, np.uint8), "rgb8", 1.0)
        image = self._resize(frame.rgb)
        # Without a deadline: a chunk is measured however short a frame's time is.
        Draw(self.engine, self.pace, image, settings.sigma, bytes(KEY_BYTES), None).take(
            self.engine.max_batch
        )
        for index in range(8):
            key = index.to_bytes(16, "little")
            self.certify(frame, settings, key, self._clock() + min(budget, _WARM_UP_BUDGET))
        self.prefetch(settings, budget)

    def prefetch(self, settings: Settings, budget: float) -> None:
        """Have the pairs of the n that `settings` may end with computed in the background."""
        if settings.procedure == "runner_up":
            prepare(settings.alpha)
        if settings.procedure != "single_pass":
            return
        chunk = self.engine.max_batch
        reach = chunk * (1 + int(budget / max(self.pace.typical, 1e-6)))
        expected = min(settings.n or reach, reach)
        middle = expected // chunk
        around = range(max(1, middle - _PAIRS_EACH_SIDE), middle + _PAIRS_EACH_SIDE + 1)
        most = settings.n or _LARGEST_EXACT_N
        wanted = {n for n in (chunk * i for i in around) if settings.least_n <= n <= most}
        if 0 < settings.n <= 2 * reach:  # a larger one is never drawn in time
            wanted.add(settings.n)
        self._table.prefetch(sorted(wanted, key=lambda n: abs(n - expected)), settings.alpha)

    def certify(
        self, frame: Frame, settings: Settings, key: bytes, deadline: float | None = None
    ) -> FrameCertificate:
        """Certify one frame.

        Parameters
        ----------
        frame : Frame
            uint8 RGB of any size.
        settings : Settings
            In force for this frame.
        key : bytes
            16 bytes that decide its noise: fresh from the operating system for every frame, or
            reproducible in replay.
        deadline : float, optional
            On the clock; None for none, which needs a fixed n.

        Returns
        -------
        FrameCertificate
            Never raises for a bad frame or a failing engine: the status says it. Whether it is
            still in time when it is published, the publisher must check.
        """
        if deadline is None and settings.n == 0:
            raise ValueError("n = 0 takes as many samples as fit before a deadline: give one")
        self.pace.begin()
        model_id = self.engine.model.model_id
        try:
            image = self._resize(frame.rgb, settings.roi)
        except FrameError as error:
            return failure(Status.INVALID_INPUT, str(error), settings, model_id=model_id)
        draw = Draw(self.engine, self.pace, image, settings.sigma, key, deadline)
        try:
            if settings.procedure == "two_stage":
                selection = draw.take(settings.n_selection)
                votes = draw.take(settings.n, settings.least_n) if selection is not None else None
            else:
                selection, votes = None, draw.take(settings.n, settings.least_n)
        except EngineError as error:
            return failure(Status.ENGINE_ERROR, str(error), settings, model_id=model_id)
        drawn = 0 if votes is None else votes.n
        if drawn < settings.least_n:
            reason = (
                f"the frame's time was over after {drawn} samples, at least {settings.least_n} "
                f"are needed at alpha = {settings.alpha:g}"
            )
            return failure(
                Status.DEADLINE_MISSED, reason, settings, model_id=model_id, votes=votes
            )
        return self._conclude(frame, settings, selection, votes)

    def certify_prefixes(
        self, frame: Frame, steps: Sequence[Settings], key: bytes
    ) -> Iterator[tuple[FrameCertificate, Votes | None, int]]:
        """Certify one frame at several n, each from the first n of the same samples.

        Parameters
        ----------
        frame : Frame
            uint8 RGB of any size.
        steps : sequence of Settings
            Strictly ascending in n, otherwise alike.
        key : bytes
            16 bytes that decide the noise.

        Yields
        ------
        (FrameCertificate, Votes or None, int)
            For each step: what `certify` returns without a deadline; the votes of the bound, None
            where nothing was counted; and the class that is or would be certified, -1 for none.
        """
        first, reason, status = steps[0], "", Status.ENGINE_ERROR
        selection: Votes | None = None
        votes: Votes | None = None
        try:
            image = self._resize(frame.rgb, first.roi)
            draw = Draw(self.engine, self.pace, image, first.sigma, key, None)
            if first.procedure == "two_stage":
                selection = draw.take(first.n_selection)
        except FrameError as error:
            status, reason = Status.INVALID_INPUT, str(error)
        except EngineError as error:
            reason = str(error)
        for step in steps:
            if not reason:
                try:
                    part = draw.take(step.n - (votes.n if votes else 0))
                    votes = part if votes is None else votes + part
                except EngineError as error:
                    reason = str(error)
            if reason:
                yield failure(status, reason, step, model_id=self.engine.model.model_id), None, -1
            else:
                choosing = (selection or votes).counts
                chosen = int(choosing.argmax()) if choosing.any() else -1
                yield self._conclude(frame, step, selection, votes), votes, chosen

    def _conclude(
        self, frame: Frame, settings: Settings, selection: Votes | None, votes: Votes
    ) -> FrameCertificate:
        together = votes if selection is None else selection + votes
        if reason := too_many_invalid(together):
            return failure(
                Status.ENGINE_ERROR,
                reason,
                settings,
                model_id=self.engine.model.model_id,
                votes=together,
            )
        common = {"sigma": settings.sigma, "alpha": settings.alpha, "invalid": votes.invalid}
        if settings.procedure == "runner_up":
            certificate = runner_up(votes.counts, **common)
        elif selection is None:
            # Which pair is used depends on n and on time, never on the votes.
            if votes.n == settings.n or votes.n <= _LARGEST_EXACT_N:
                pair = self._table.get_nowait(votes.n, settings.alpha)
            else:
                pair = standin_pair(votes.n, settings.alpha)
            certificate = single_pass(votes.counts, pair=pair, **common)
        else:
            certificate = two_stage(selection.counts, votes.counts, **common)
        source, model = settings.roi or frame, self.engine.model
        sizes = source.height, source.width, model.height, model.width
        stretch, rounding = resize_singular_value(*sizes), rounding_bound(*sizes)
        note = certificate.reason or (
            f"{certificate.votes_top} of {certificate.n_used} votes, "
            f"{certificate.votes_required} are required"
        )
        if settings.procedure == "runner_up" and not certificate.abstain:
            note += f" beside {certificate.votes_runner_up} of the runner-up"
        if votes.n < settings.n:
            note += f"; the deadline cut n to {votes.n} of {settings.n}"
        return FrameCertificate(
            certificate,
            class_name="" if certificate.abstain else model.card.labels[certificate.class_id],
            radius_sensor=sensor_radius(certificate.radius, stretch, frame.sensor_gain, rounding),
            n_requested=settings.n,
            model_id=model.model_id,
            note=note,
        )
