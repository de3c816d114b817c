# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The node's parameters: the one table of names, types, defaults, bounds and descriptions."""

from __future__ import annotations

from .certification import PROCEDURES
from .engines import BACKENDS, PRECISIONS
from .frames import DEFAULT_MAX_PIXELS
from .models import RESOLUTIONS
from .pacing import RESERVE
from .parameter import Parameter
from .settings import ALPHA_RANGE, MAX_N, SIGMA_RANGE, Settings

TRANSPORTS = ("raw", "compressed")
_DEFAULTS = Settings()
_SMALLEST_PERIOD = 2 * RESERVE


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "model.path",
        "",
        "model card or family (YAML); empty: the shipped traffic-sign family",
        runtime=False,
        names_file=True,
    ),
    Parameter(
        "engine.backend",
        "auto",
        "inference runtime; auto is resolved once, when the node is configured, and published",
        runtime=False,
        choices=BACKENDS,
    ),
    Parameter(
        "engine.precision",
        "auto",
        "arithmetic of the network; auto: the fastest that the device and the model have",
        runtime=False,
        choices=PRECISIONS,
    ),
    Parameter(
        "engine.cache_dir",
        "",
        "folder for built engines (TensorRT's); empty: the user's cache folder",
        runtime=False,
        names_file=True,
    ),
    Parameter(
        "engine.build",
        True,
        "build an engine that the folder lacks, in the background: the node configures itself "
        "when it is built; false: refuse to configure",
        runtime=False,
    ),
    Parameter(
        "certification.n",
        _DEFAULTS.n,
        "noisy samples a frame; 0: as many as the frame period allows",
        low=0,
        high=MAX_N,
    ),
    Parameter(
        "certification.sigma",
        _DEFAULTS.sigma,
        "standard deviation of the noise, pixels in [0, 1]; picks the member trained nearest",
        low=SIGMA_RANGE[0],
        high=SIGMA_RANGE[1],
    ),
    Parameter(
        "certification.alpha",
        _DEFAULTS.alpha,
        "accepted probability, per frame, of publishing an over-stated radius",
        low=ALPHA_RANGE[0],
        high=ALPHA_RANGE[1],
    ),
    Parameter(
        "certification.procedure",
        _DEFAULTS.procedure,
        "single_pass: one set of samples; two_stage: n_selection samples choose the class first; "
        "runner_up: as single_pass, the runner-up's probability bounded too",
        choices=tuple(PROCEDURES),
    ),
    Parameter(
        "certification.n_selection",
        _DEFAULTS.n_selection,
        "samples that choose the class in two_stage",
        low=1,
        high=MAX_N,
    ),
    Parameter(
        "certification.required_radius",
        0.0,
        "radius the consumer asks for: for ~/info and the debug image, never changes a status",
        low=0.0,
        high=1e6,
    ),
    Parameter(
        "input.transport",
        "raw",
        "raw: sensor_msgs/Image on image; compressed: CompressedImage on image/compressed",
        runtime=False,
        choices=TRANSPORTS,
    ),
    Parameter(
        "input.resolution",
        "full",
        "network input at its full size or at half its side, among the loaded members",
        choices=RESOLUTIONS,
    ),
    Parameter(
        "input.roi",
        (0, 0, 0, 0),
        "x, y, width, height in camera pixels of the part that is classified; all 0: whole frame",
    ),
    Parameter(
        "input.max_age",
        0.2,
        "seconds after its stamp from which a frame is STALE_INPUT",
        low=1e-3,
        high=3600.0,
    ),
    Parameter(
        "input.max_pixels",
        DEFAULT_MAX_PIXELS,
        "frames with more pixels are INVALID_INPUT and never decoded",
        low=1,
        high=1 << 30,
    ),
    Parameter(
        "timing.frame_period",
        0.040,
        "seconds between frames",
        low=_SMALLEST_PERIOD,
        high=60.0,
    ),
    Parameter(
        "timing.budget_fraction",
        0.8,
        "part of the frame period that a certificate may take from the frame's reception",
        low=0.05,
        high=1.0,
    ),
    Parameter(
        "qos.deadline",
        0.0,
        "offered deadline of certificates in seconds; 0: two frame periods as of configuring",
        runtime=False,
        low=0.0,
        high=3600.0,
    ),
    Parameter(
        "watchdog.max_failures",
        5,
        "failures of the engine, without 100 good frames in a row between, after which the node "
        "deactivates itself; 0: never",
        low=0,
        high=1_000_000,
    ),
    Parameter(
        "diagnostics.period",
        1.0,
        "seconds between messages on /diagnostics; a level that changes is published at once",
        low=0.1,
        high=10.0,
    ),
    Parameter(
        "diagnostics.window",
        5.0,
        "seconds that the rates, shares and percentiles in diagnostics are taken over",
        low=1.0,
        high=60.0,
    ),
    Parameter(
        "diagnostics.silence",
        1.0,
        "Input is ERROR after this many seconds (and two frame periods) without an image",
        low=0.01,
        high=3600.0,
    ),
    Parameter(
        "diagnostics.min_rate_fraction",
        0.8,
        "Input is WARN when images come at less than this part of 1 / timing.frame_period",
        low=0.0,
        high=1.0,
    ),
    Parameter(
        "diagnostics.max_fault_fraction",
        0.05,
        "WARN when a larger part of the frames is lost, superseded, stale, undecodable, late, "
        "or fails in the engine",
        low=0.0,
        high=1.0,
    ),
    Parameter(
        "diagnostics.error_fraction",
        0.5,
        "ERROR instead of WARN when such a part is larger than this",
        low=0.0,
        high=1.0,
    ),
    Parameter(
        "diagnostics.min_certified_fraction",
        0.5,
        "Certification is WARN when a smaller part of the frames is certified",
        low=0.0,
        high=1.0,
    ),
    Parameter(
        "security.model_roots",
        "",
        "folders, separated by :, below which every file must lie that a parameter names; empty: "
        "anywhere",
        runtime=False,
        start_only=True,
    ),
    Parameter(
        "debug.allow_seed",
        False,
        "whether seed may be set",
        runtime=False,
        start_only=True,
    ),
    Parameter(
        "debug.image",
        False,
        "publish a small copy of the frame with its certificate on ~/debug/image when subscribed",
    ),
    Parameter(
        "seed",
        -1,
        "-1: noise from the operating system's entropy; >= 0: reproducible noise, for replay "
        "only, since whoever knows it can predict the noise; refused without debug.allow_seed",
        runtime=False,
        low=-1,
        high=(1 << 63) - 1,
    ),
)
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


TITLE = "Parameters of the certifier; each is shown with its default."
