# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor figures`: the paper's figures and claims, computed again."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tqdm import tqdm

from ..evaluation.figures import (
    CLAIM_COLUMNS,
    FiguresUnavailable,
    FoundLogs,
    compute_claims,
    compute_curves,
    compute_figures,
    find_logs,
    output_folder,
    read_benchmark,
    require_matplotlib,
    write_csv,
    write_figures,
)
from ..program import UsageError, check_folder
from ..settings import Settings
from . import add_json_option, check_alpha_option, named_path, new_parser, write_json
from .predict import add_log_options, check_log_options, describe_log

# Files of the logs' folder that are listed as not used.
_UNUSED_LINES = 10


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "figures",
        "the paper's figures 1 to 13, its propositions and Lemma C.1, from logs and formulas: "
        "PNG, SVG and CSV each",
        "rs_monitor figures --logs certify_logs --benchmark gpu.json --out figures",
    )
    parser.add_argument(
        "--logs", type=named_path, metavar="DIR",
        help="certification logs, named by data set, recipe and sigma, such as "
        "cifar10-cohen/sigma_0.25.tsv; left out: formulas only",
    )  # fmt: skip
    parser.add_argument(
        "--benchmark", type=named_path, nargs="+", default=[], metavar="FILE",
        help="JSON files of rs_monitor benchmark, for figure 5",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="made where it is missing"
    )
    parser.add_argument(
        "--alpha", type=float, default=Settings.alpha, metavar="A",
        help="error probability of the certificates (default: %(default)s)",
    )  # fmt: skip
    add_log_options(parser)
    add_json_option(parser, "what was drawn from what, what is missing, and the claims")
    parser.set_defaults(run=run)


def _check(arguments: argparse.Namespace) -> None:
    check_alpha_option(arguments.alpha)
    check_log_options(arguments)
    check_folder(arguments.out)
    try:
        require_matplotlib()
    except FiguresUnavailable as error:
        raise UsageError(str(error)) from error


def _read(arguments: argparse.Namespace) -> tuple[FoundLogs, list]:
    try:
        found = FoundLogs()
        if arguments.logs is not None:
            found = find_logs(
                arguments.logs,
                n=arguments.log_n,
                alpha=arguments.log_alpha,
                procedure=arguments.log_procedure,
            )
        return found, [curve for path in arguments.benchmark for curve in read_benchmark(path)]
    except ValueError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        place = error.filename or arguments.logs  # files of /proc fail without a name
        raise UsageError(f"cannot read {place}: {error.strerror or error}") from error


def run(arguments: argparse.Namespace) -> int:
    """Compute, draw, write, and say what was taken for what."""
    _check(arguments)
    found, benchmarks = _read(arguments)
    quiet = not sys.stderr.isatty()
    try:
        with output_folder(arguments.out) as folder:
            with tqdm(total=len(found.logs), unit="log", desc="logs", disable=quiet) as bar:
                curves = compute_curves(found, arguments.alpha, bar.update)
            figures = compute_figures(found, curves, benchmarks, arguments.alpha)
            claims = compute_claims(found, curves, benchmarks, arguments.alpha)
            write_csv(folder / "claims.csv", CLAIM_COLUMNS, claims)
            with tqdm(total=len(figures), unit="figure", desc="figures", disable=quiet) as bar:
                files = write_figures(figures, folder, bar.update)
    except OSError as error:
        raise UsageError(f"cannot write {arguments.out}: {error.strerror or error}") from error
    result = {
        "out": str(arguments.out),
        "alpha": arguments.alpha,
        "logs": [
            {"taken_for": setting, "sigma": log.sigma, **describe_log(log)}
            for setting in found.settings()
            for log in found.of(setting)
        ],
        "unused": list(found.unused),
        "benchmarks": [
            {"path": str(curve.path), "taken_for": curve.label, "points": len(curve.points)}
            for curve in benchmarks
        ],
        "figures": [
            {"name": figure.name, "title": figure.title, "files": files[figure.name]}
            for figure in figures
        ],
        "missing": [
            {"figure": figure.name, "curve": curve}
            for figure in figures
            for curve in figure.missing
        ],
        "claims": [dict(zip(CLAIM_COLUMNS, claim)) for claim in claims],
    }
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        _print(result)
    return 0


def _print(result: dict[str, Any]) -> None:
    for log in result["logs"]:
        print(
            f"{log['log']}: taken for {log['taken_for']}, sigma {log['sigma']:g}, "
            f"{log['images']} images, n {log['log_n']}, alpha {log['log_alpha']:g}"
        )
        for warning in log["warnings"]:
            print(f"  {warning}")
    for line in result["unused"][:_UNUSED_LINES]:
        print(f"not used: {line}")
    if len(result["unused"]) > _UNUSED_LINES:
        print(f"not used: {len(result['unused']) - _UNUSED_LINES} more files")
    for curve in result["benchmarks"]:
        print(f"{curve['path']}: taken for {curve['taken_for']}, {curve['points']} batches")
    for entry in result["missing"]:
        print(f"missing in {entry['figure']}: {entry['curve']}")
    count = sum(len(figure["files"]) for figure in result["figures"])
    print(
        f"{len(result['figures'])} figures ({count} files) and claims.csv with "
        f"{len(result['claims'])} numbers are in {result['out']}"
    )
