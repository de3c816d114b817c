# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor plan`: n, sigma, alpha, radius, frame rate, machine: give some, get the others."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..evaluation.class_probabilities import (
    ClassProbabilities,
    from_log,
    is_evaluation,
    read_evaluation,
)
from ..evaluation.obstacles import at_least, at_most
from ..evaluation.plan import plan
from ..evaluation.speed import Speed, constant_speed, read_profile
from ..evaluation.wish import Wish
from ..models import RESOLUTIONS
from ..parameters import BY_NAME
from ..program import UsageError
from ..settings import MAX_N, Settings
from . import add_json_option, check_alpha_option, named_path, new_parser, write_json
from .predict import add_log_options, open_log

# Inclusive, far beyond what is of use: products and quotients stay finite.
_RANGE = (1e-15, 1e15)

_BUDGET_FRACTION = BY_NAME["timing.budget_fraction"]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "plan",
        "n, sigma, alpha, radius, frame rate and machine: give some, get the others",
        "rs_monitor plan --frame-rate 25 --false-per-hour 1e-3 --samples-per-second 5600 "
        "--radius 0.25 --log sigma_0.25.tsv sigma_0.50.tsv",
    )
    parser.add_argument(
        "--sigma",
        type=float,
        metavar="S",
        help="standard deviation of the noise, pixels in [0, 1]",
    )
    parser.add_argument(
        "--alpha", type=float, metavar="A",
        help="error probability per frame (default: what --false-per-hour leaves at --frame-rate, "
        f"else {Settings.alpha:g})",
    )  # fmt: skip
    parser.add_argument("--n", type=int, metavar="N", help="samples of the bound")
    parser.add_argument("--radius", type=float, metavar="R", help="wanted certified radius")
    parser.add_argument("--frame-rate", type=float, metavar="HZ", help="frames a second")
    parser.add_argument(
        "--false-per-hour", type=float, metavar="F",
        help="over-stated radii tolerated in an hour, on average",
    )  # fmt: skip
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument(
        "--latency",
        type=named_path,
        metavar="JSON",
        help="profile of rs_monitor benchmark",
    )
    speed.add_argument(
        "--samples-per-second", type=float, metavar="X", help="instead: how fast samples are drawn"
    )
    parser.add_argument(
        "--resolution", choices=RESOLUTIONS, default=RESOLUTIONS[0],
        help="rows of the profile to use (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--budget-fraction", type=float, default=_BUDGET_FRACTION.default, metavar="B",
        help="part of the frame period that sampling may take (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--n-selection", type=int, default=Settings.n_selection, metavar="N0",
        help="samples that two_stage draws besides (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--log", type=named_path, nargs="+", default=[], metavar="PATH",
        help="certification logs (TSV), or JSON of rs_monitor evaluate, one or more for each "
        "sigma: they tell what radius to expect",
    )  # fmt: skip
    add_log_options(parser)
    add_json_option(parser, "the plan")
    parser.set_defaults(run=run)


def _check(arguments: argparse.Namespace) -> None:
    given = ("sigma", "alpha", "n", "radius", "frame_rate", "false_per_hour", "log")
    if not any(getattr(arguments, name) not in (None, []) for name in given):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"nothing to plan from: give one or more of {options}")
    for option in ("sigma", "radius", "frame_rate", "false_per_hour", "samples_per_second"):
        value = getattr(arguments, option)
        low, high = (0.0 if option == "radius" else _RANGE[0]), _RANGE[1]
        if value is not None and not low <= value <= high:
            name = option.replace("_", "-")
            raise UsageError(f"--{name} must lie in {low:g} to {high:g}, got {value:g}")
    if arguments.alpha is not None:
        check_alpha_option(arguments.alpha)
    for option, low in (("n", 1), ("n_selection", 1)):
        value = getattr(arguments, option)
        if value is not None and not low <= value <= MAX_N:
            name = option.replace("_", "-")
            raise UsageError(f"--{name} must lie in {low} to {MAX_N}, got {value}")
    low, high = _BUDGET_FRACTION.low, _BUDGET_FRACTION.high
    if not low <= arguments.budget_fraction <= high:
        raise UsageError(
            f"--budget-fraction must lie in {low:g} to {high:g}, got {arguments.budget_fraction:g}"
        )
    if (
        arguments.false_per_hour is not None
        and arguments.frame_rate is None
        and arguments.alpha is None
    ):
        raise UsageError("--false-per-hour needs --frame-rate, or --alpha to tell the frame rate")


def _speed(arguments: argparse.Namespace) -> Speed | None:
    try:
        if arguments.latency is not None:
            return read_profile(arguments.latency, arguments.resolution)
        if arguments.samples_per_second is not None:
            return constant_speed(arguments.samples_per_second)
    except OSError as error:
        raise UsageError(f"cannot read {arguments.latency}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    return None


def _probabilities(arguments: argparse.Namespace, path: Path) -> ClassProbabilities:
    try:
        if is_evaluation(path):
            return read_evaluation(path)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    try:
        return from_log(open_log(arguments, path, None))
    except UsageError:
        if arguments.sigma is None:
            raise
    return from_log(open_log(arguments, path, arguments.sigma))


def run(arguments: argparse.Namespace) -> int:
    """Plan and print."""
    _check(arguments)
    known = tuple(_probabilities(arguments, path) for path in arguments.log)
    if arguments.sigma is not None and known and arguments.sigma not in {k.sigma for k in known}:
        there = ", ".join(f"{k.name}: {k.sigma:g}" for k in known)
        raise UsageError(f"no --log is for --sigma {arguments.sigma:g} ({there})")
    wish = Wish(
        sigma=arguments.sigma,
        alpha=arguments.alpha,
        n=arguments.n,
        radius=arguments.radius,
        frame_rate=arguments.frame_rate,
        false_per_hour=arguments.false_per_hour,
        speed=_speed(arguments),
        probabilities=known,
        budget_fraction=arguments.budget_fraction,
        n_selection=arguments.n_selection,
    )
    try:
        result = plan(wish)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        print("\n".join(_lines(result)))
    return 0


def _lines(result: dict[str, Any]) -> list[str]:
    """Return the plan for people."""
    source = {
        "given": "as given",
        "default": "the default",
        "stream": "what the tolerated false certificates leave for a frame",
    }[result["alpha_from"]]
    lines = [f"alpha {result['alpha']:.3g} per frame: {source}"]
    if result["frame_rate"]:
        lines.append(
            f"at {result['frame_rate']:g} frames/s at most "
            f"{result['false_certificates_per_hour']:.3g} false certificates an hour, on average"
        )
    if result["frame_rate_for_false_certificates"]:
        lines.append(
            f"at most {at_most(result['frame_rate_for_false_certificates'])} frames/s keep to the "
            "tolerated false certificates"
        )
    if result["samples_in_period"] is not None:
        lines.append(f"{result['samples_in_period']} samples a frame ({result['speed']})")
    lines += _impossible(result)
    for procedure, answer in result["procedures"].items():
        n = "" if answer["n"] is None else f", n {answer['n']}"
        lines.append(f"{procedure}: at least n {answer['least_n']} to certify at all{n}")
        if answer["cap_per_sigma"] and not answer["sigmas"]:
            lines.append(f"  largest radius {answer['cap_per_sigma']:.4g} sigma")
        if answer["least_sigma"] and not answer["sigmas"]:
            lines.append(
                f"  radius {result['radius']:g} takes a sigma of at least "
                f"{at_least(answer['least_sigma'])}"
            )
        if answer["frame_rate_at_most"] and not result["frame_rate"]:
            lines.append(f"  at most {at_most(answer['frame_rate_at_most'])} frames/s")
        known = [row for row in answer["sigmas"] if row["cap"] is not None]
        lines += [f"  {_sigma_line(row, result['radius'])}" for row in known]
        if answer["best_sigma"] and len(answer["sigmas"]) > 1:
            what = "average certified radius"
            if result["radius"] is not None:
                what = f"certified accuracy at radius {result['radius']:g}"
            lines.append(f"  sigma {answer['best_sigma']:g} gives the most {what}")
        lines += [f"  {line}" for line in _impossible(answer)]
    return lines + [f"note: {note}" for note in result["notes"]]


def _sigma_line(row: dict[str, Any], radius: float | None) -> str:
    parts = [f"n {row['n']} has cap {row['cap']:.4g}"]
    if row["least_n_for_radius"]:
        part = f"radius {radius:g} takes n {row['least_n_for_radius']}"
        if row["frame_rate_for_radius"]:
            part += f", at most {at_most(row['frame_rate_for_radius'])} frames/s"
        parts.append(part)
    if row["expected_radius"] is not None:
        parts.append(
            f"expected radius {row['expected_radius']:.4f}, certified accuracy at "
            f"{radius or 0:g} {row['certified_accuracy']:.4f} ({row['log']})"
        )
    return f"sigma {row['sigma']:g}: " + "; ".join(parts)


def _impossible(part: dict[str, Any]) -> list[str]:
    lines = []
    for obstacle in part["obstacles"]:
        lines.append(f"impossible: {obstacle['why']}")
        if obstacle["remedies"]:
            lines.append("  possible with: " + "; or ".join(obstacle["remedies"]))
    return lines
