# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor predict`: from a log at many samples, what fewer would certify."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from ..certification import LEAST_N
from ..certification.checks import check_alpha, check_integer
from ..evaluation.accuracy import RADII
from ..evaluation.logs import MAX_LOG_N, USUAL_N, CertificationLog, read_log
from ..evaluation.prediction import predict
from ..program import UsageError
from ..settings import Settings
from . import add_json_option, check_alpha_option, named_path, new_parser, write_json

_SIGMAS = (1e-6, 1e6)  # of others' logs, in grey levels too
_NS = (15, 25, 50, 100, 200, 1000, 10_000, 100_000)


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a log was made with."""
    parser.add_argument(
        "--log-alpha", type=float, metavar="A",
        help="alpha the log was made with (default: inferred from its largest radius, and said)",
    )  # fmt: skip
    parser.add_argument(
        "--log-n", type=int, default=USUAL_N, metavar="N",
        help="samples behind each radius of the log (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--log-procedure", choices=tuple(LEAST_N), default="two_stage",
        help="bound the log was made with: two_stage, plain Clopper-Pearson, for the field's "
        "logs; single_pass for those of rs_monitor evaluate (default: %(default)s)",
    )  # fmt: skip


def check_log_options(arguments: argparse.Namespace) -> None:
    """Refuse an --log-n or --log-alpha that no log can have been made with.

    Raises
    ------
    UsageError
    """
    try:
        check_integer("n", arguments.log_n, low=1, high=MAX_LOG_N)
        if arguments.log_alpha is not None:
            check_alpha(arguments.log_alpha)
    except ValueError as error:
        raise UsageError(f"--log-{error}") from error


def open_log(arguments: argparse.Namespace, path: Path, sigma: float | None) -> CertificationLog:
    """Read a log as the options say, and tell on standard error what was inferred or odd.

    Raises
    ------
    UsageError
        When it cannot be read, or the options cannot be.
    """
    check_log_options(arguments)
    low, high = _SIGMAS
    if sigma is not None and not low <= sigma <= high:
        raise UsageError(f"--sigma must lie in {low:g} to {high:g}, got {sigma:g}")
    try:
        log = read_log(
            path,
            sigma=sigma,
            n=arguments.log_n,
            alpha=arguments.log_alpha,
            procedure=arguments.log_procedure,
        )
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    for warning in log.warnings:
        print(f"rs_monitor {arguments.command}: {path.name}: {warning}", file=sys.stderr)
    return log


def describe_log(log: CertificationLog) -> dict[str, Any]:
    """Return what a result says of the log it comes from."""
    abstained = int((log.predictions < 0).sum())
    right = int(log.correct.sum())
    return {
        "log": str(log.path),
        "images": len(log),
        "right": right,
        "wrong": len(log) - right - abstained,
        "abstained": abstained,
        "cut_off": log.cut_off,
        "log_n": log.n,
        "log_alpha": log.alpha,
        "log_procedure": log.procedure,
        "warnings": list(log.warnings),
    }


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "predict",
        "average certified radius and certified accuracy to expect at smaller n, from a log",
        "rs_monitor predict sigma_0.25.tsv --n 50 100 200 --procedure single_pass",
    )
    parser.add_argument(
        "log", type=named_path, metavar="LOG",
        help="certification log (TSV: idx label predict radius correct time) at many samples",
    )  # fmt: skip
    parser.add_argument(
        "--n", "--at", type=int, nargs="+", metavar="N", dest="ns",
        help="samples a frame to predict for (default: those of "
        f"{' '.join(map(str, _NS))} that the log and alpha allow)",
    )  # fmt: skip
    parser.add_argument(
        "--sigma", type=float, metavar="S",
        help="noise of the log (default: inferred from its largest radius or its name, and said)",
    )  # fmt: skip
    parser.add_argument(
        "--alpha", type=float, default=Settings.alpha, metavar="A",
        help="alpha of the predicted certificates (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--procedure", choices=tuple(LEAST_N), default="two_stage",
        help="of the predicted certificates; n is that of the bound, without the samples that "
        "select the class (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--radii", type=float, nargs="+", default=RADII, metavar="R",
        help="radii for certified accuracy (default: "
        f"{' '.join(f'{r:g}' for r in RADII)})",
    )  # fmt: skip
    add_log_options(parser)
    add_json_option(parser, "the rows")
    parser.set_defaults(run=run)


def _default_ns(log: CertificationLog, arguments: argparse.Namespace) -> list[int]:
    least = LEAST_N[arguments.procedure](arguments.alpha)
    return [n for n in _NS if least <= n <= log.n] or [log.n]


def run(arguments: argparse.Namespace) -> int:
    """Predict and print a table."""
    if not all(math.isfinite(r) and r >= 0 for r in arguments.radii):
        raise UsageError(f"--radii must be finite and 0 or above, got {list(arguments.radii)}")
    check_alpha_option(arguments.alpha)
    log = open_log(arguments, arguments.log, arguments.sigma)
    try:
        table = predict(
            log,
            ns=sorted(set(arguments.ns)) if arguments.ns else _default_ns(log, arguments),
            alpha=arguments.alpha,
            procedure=arguments.procedure,
            radii=arguments.radii,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    result = describe_log(log) | {
        "sigma": log.sigma,
        "alpha": arguments.alpha,
        "procedure": arguments.procedure,
        "rows": table,
    }
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        print(
            f"{log.path.name}: {len(log)} images, {result['right']} right, {result['wrong']} "
            f"wrong, {result['abstained']} abstained at n {log.n}; sigma {log.sigma:g}, "
            f"alpha {arguments.alpha:g}, {arguments.procedure}"
        )
        print(f"{'n':>7}  average certified radius  certified accuracy at radius")
        print(" " * 33 + "".join(f"{r:>8g}" for r in arguments.radii))
        for row in table:
            accuracies = "".join(f"{a:8.3f}" for a in row["certified_accuracy"].values())
            print(
                f"{row['n']:>7}  {row['average_certified_radius']:.4f} +- "
                f"{row['standard_error']:.4f}         {accuracies}"
            )
    return 0
