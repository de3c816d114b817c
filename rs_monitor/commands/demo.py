# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor demo`: camera, certifier and safety monitor, live, as three processes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..evaluation.demo_summary import summarise, table
from ..models import evaluation_key
from ..parameters import BY_NAME
from ..processes import ProcessError, interrupts_raise
from ..program import UsageError
from ..settings import Settings
from ..work_folder import WorkFolder
from . import (
    add_certification_options,
    add_json_option,
    asked_model,
    named_path,
    new_parser,
    open_bank,
    settings_from,
    write_json,
)
from .demo_system import Camera, check_rate, node_parameters, run_live

_BUDGET_FRACTION = BY_NAME["timing.budget_fraction"].default


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "demo",
        "the node, live, on a recorded drive: a camera publishes, the node certifies, a safety "
        "monitor listens",
        "rs_monitor demo --required-radius 0.2\n  rs_monitor demo --bag my_drive --rate 15",
    )
    parser.add_argument(
        "--bag", type=named_path, metavar="PATH",
        help="recording to play, rosbag2 (default: a rendered drive, made on first use)",
    )  # fmt: skip
    parser.add_argument("--topic", help="image topic of the recording, where it has several")
    parser.add_argument(
        "--rate", type=float, default=25.0, metavar="HZ", help="frames a second (default: 25)"
    )
    parser.add_argument(
        "--frames", type=int, metavar="M", help="how many, over and over (default: all, once)"
    )
    parser.add_argument(
        "--required-radius", type=float, default=BY_NAME["certification.required_radius"].default,
        metavar="R", help="the safety monitor asks for (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no line a frame")
    add_certification_options(parser, n=0)
    add_json_option(parser, "the summary")
    parser.set_defaults(run=run)


def _node_parameters(arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Return the node's parameters.

    Raises
    ------
    UsageError
        For a value out of range.
    """
    check_rate(arguments.rate)
    if arguments.frames is not None and arguments.frames < 1:
        raise UsageError(f"--frames must be at least 1, got {arguments.frames}")
    return node_parameters(
        settings,
        model=asked_model(arguments),
        backend=arguments.backend,
        precision=arguments.precision,
        resolution=arguments.resolution,
        frame_period=1 / arguments.rate,
        certification__required_radius=arguments.required_radius,
        timing__budget_fraction=_BUDGET_FRACTION,
    )


def _recording(arguments: argparse.Namespace) -> tuple[Any, list[str]]:
    """Open the recording; returns its images and their labels, if there are any."""
    try:
        from ..evaluation.bags import BagError, read_images
        from ..scenes.recording import RecordingError, read_labels, recorded_drive
    except ImportError as error:
        raise UsageError(
            f"recordings need rosbags ({error}): python -m pip install 'rosbags>=0.11,<0.12'"
        ) from error
    try:
        path = arguments.bag or recorded_drive()
        images = read_images(path, arguments.topic)
        labels = read_labels(path)
    except (BagError, RecordingError, ValueError) as error:
        raise UsageError(str(error)) from error
    if labels and len(labels) != images.count:
        raise UsageError(f"{path} has {images.count} images, but {len(labels)} labels")
    return images, labels


def _prepare(
    arguments: argparse.Namespace, settings: Settings, images: Any
) -> tuple[float, dict[str, Any]]:
    """Return the samples a frame when idle, and the evaluation in the model's card."""
    from ..evaluation.idle import samples_when_idle

    budget = _BUDGET_FRACTION / arguments.rate
    bank = open_bank(arguments, settings, budget)
    try:
        certifier, _ = bank.select(settings.sigma, arguments.resolution)
        model = certifier.engine.model
        n_idle = samples_when_idle(certifier, images, settings, budget)
    finally:
        bank.close()
    evaluation = model.card.details.get(evaluation_key(settings.procedure))
    # One of another model file says nothing about this one, unless it is what this int8 twin was
    # made from: the table names the precision.
    known = {model.model_id, str(model.card.details.get("sha256", ""))[:12]}
    if not isinstance(evaluation, dict) or evaluation.get("model_id") not in known:
        evaluation = {}
    return n_idle, evaluation


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 when every frame is accounted for."""
    settings = settings_from(arguments)
    parameters = _node_parameters(arguments, settings)
    images, labels = _recording(arguments)
    text = sys.stderr if arguments.json == "-" else sys.stdout
    print(f"{images.path}: {images.count} images on {images.topic}", file=text, flush=True)
    with interrupts_raise(), WorkFolder("demo") as folder:
        n_idle, held_aside = _prepare(arguments, settings, images)
        try:
            live = run_live(
                Path(folder),
                parameters,
                Camera(images.path, images.topic, arguments.rate, arguments.frames),
                text,
                quiet=arguments.quiet,
            )
        except ProcessError as error:
            print(f"rs_monitor demo: {error}", file=sys.stderr)
            return 1
    summary = summarise(live.sent, live.certificates, labels, n_idle)
    for complaint in dict.fromkeys([*images.warnings, *live.read["warnings"], *live.complaints]):
        print(f"rs_monitor demo: {complaint}", file=sys.stderr)
    info = live.info
    print(
        f"\n{info['model_name']} ({info['model_id']}) on {info['backend']} "
        f"{info['backend_version']}, {info['device']}, {info['precision']}, chunks of "
        f"{info['chunk_size']}; {arguments.rate:g} Hz, sigma {settings.sigma:g}, alpha "
        f"{settings.alpha:g}, budget {1e3 * _BUDGET_FRACTION / arguments.rate:.0f} ms a frame",
        file=text,
    )
    print(table(summary, held_aside), file=text)
    if arguments.json:
        write_json(arguments.json, summary | {"held_aside": held_aside, "info": info})
    return 0 if summary["every_frame_accounted"] else 1
