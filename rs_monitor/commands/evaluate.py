# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor evaluate`: certified accuracy on a labelled data set."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import math
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .. import __version__
from ..certification import LEAST_N
from ..datasets import PARTS, LabelledImages, load_data
from ..engines import Engine
from ..evaluation.accuracy import RADII, clustered_error, rows
from ..evaluation.figures import FiguresUnavailable, check_picture
from ..evaluation.measuring import Measured, classify_clean, measure
from ..evaluation.vote_log import TsvStream, VoteLog, VoteLogError, recorder, resumed
from ..models import Model, evaluation_key
from ..program import UsageError, check_output
from ..sampling import FIXED_CHUNK
from ..settings import Settings
from . import (
    add_certification_options,
    add_json_option,
    add_seed_option,
    named_path,
    new_parser,
    open_bank,
    settings_from,
    text_output,
    write_json,
)
from .evaluate_results import plot, print_table, record

_PROCEDURES = ("single_pass", "runner_up")


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "evaluate",
        "certified accuracy and average certified radius of a labelled data set",
        "rs_monitor evaluate --data held.npz --n 100 200 1000 --tsv held.tsv --plot held.svg",
    )
    parser.add_argument(
        "--data", type=named_path, required=True, metavar="DATA",
        help="a folder for each class, with JPEG and PNG images in it; the folder of CIFAR-10's "
        "python batches, or one batch; or .npz: images uint8 [N,H,W,3] RGB, labels, and group "
        "where images depend on each other",
    )  # fmt: skip
    parser.add_argument(
        "--part", choices=PARTS, default="test", help="of CIFAR-10's batches (default: test)"
    )
    parser.add_argument(
        "--at", type=int, nargs="*", default=[], metavar="N", help="smaller n to report as well"
    )
    parser.add_argument(
        "--radii", type=float, nargs="+", default=RADII, metavar="R",
        help="radii for certified accuracy (default: "
        f"{' '.join(f'{r:g}' for r in RADII)})",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="M", help="only the first M images")
    parser.add_argument(
        "--every", type=int, default=1, metavar="K",
        help="only every K-th image: neighbours in a track say little new (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--tsv", metavar="PATH",
        help="write the field's log at the largest n, and the votes beside it: interrupted, the "
        "same command goes on",
    )  # fmt: skip
    parser.add_argument(
        "--plot", type=named_path, metavar="FILE",
        help="draw certified accuracy against radius (.png, .svg, .pdf, ...)",
    )  # fmt: skip
    parser.add_argument(
        "--record", action="store_true",
        help="write the result into the model's card: evaluation, or evaluation_thinned "
        "(--every); evaluation_runner_up and evaluation_runner_up_thinned with that procedure",
    )  # fmt: skip
    add_certification_options(parser, n=[200])
    add_seed_option(parser)
    add_json_option(parser, "the rows")
    parser.set_defaults(run=run)


def _settings(arguments: argparse.Namespace) -> tuple[Settings, list[int]]:
    """Return the settings of the pass, and every n to report, ascending."""
    numbers = sorted({*arguments.n, *arguments.at})
    arguments.n = max(arguments.n)
    settings = settings_from(arguments)
    if settings.n == 0:
        raise UsageError("evaluate needs a fixed --n, not 0, which is as many as a period has")
    if settings.procedure not in _PROCEDURES:
        raise UsageError(
            f"evaluate takes --procedure {' or '.join(_PROCEDURES)}, not {settings.procedure}"
        )
    if len(numbers) > 1 and settings.procedure not in LEAST_N:
        raise UsageError(
            f"evaluate takes one n with --procedure {settings.procedure}, got "
            f"{' '.join(map(str, numbers))}: smaller ones are expectations over the votes of one "
            "class, and here those of the runner-up count too"
        )
    outside = [n for n in numbers if not settings.least_n <= n <= settings.n]
    if outside:
        raise UsageError(
            f"--n and --at must lie in {settings.least_n}..{settings.n}: at most the largest --n, "
            f"at least what certifies at this alpha; got {' '.join(map(str, outside))}"
        )
    return settings, numbers


def _check(arguments: argparse.Namespace) -> None:
    """Refuse what would fail only after the work is done."""
    if not all(math.isfinite(r) and r >= 0 for r in arguments.radii):
        raise UsageError(f"--radii must be finite and 0 or above, got {list(arguments.radii)}")
    for name in ("every", "limit"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} must be at least 1, got {value}")
    for path in (arguments.tsv, arguments.plot):
        check_output(path)
    if arguments.json == arguments.tsv == "-":
        raise UsageError("--json - and --tsv - cannot both be standard output")
    if arguments.plot is not None:
        try:
            check_picture(arguments.plot)
        except (FiguresUnavailable, ValueError) as error:
            raise UsageError(f"--plot: {error}") from error


def _data(arguments: argparse.Namespace, model: Model) -> tuple[LabelledImages, np.ndarray]:
    """Return the images that are asked for, and the number of each in the data set."""
    labels = model.card.labels
    data = load_data(
        arguments.data, part=arguments.part, labels=labels, size=(model.height, model.width)
    )
    if data.label_names and data.label_names != labels:
        print(
            f"rs_monitor evaluate: warning: {arguments.data} names none of the model's classes: "
            f"they are matched by number, {data.label_names[0]} is {labels[0]} and so on",
            file=sys.stderr,
        )
    index = np.arange(len(data))[: arguments.limit][:: arguments.every]
    return (data if len(index) == len(data) else data.subset(index)), index


def _digest(data: LabelledImages) -> str:
    digest = hashlib.sha256(repr(data.images.shape).encode())
    for array in (data.labels, data.group):
        digest.update(np.ascontiguousarray(array))
    for image in data.images:
        digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()


@contextlib.contextmanager
def _log(path: str | None, wanted: dict[str, Any], classes: int) -> Iterator[VoteLog | TsvStream]:
    """Open the log that the option asks for; a file can be gone on with."""
    try:
        mode = Path(path or "/dev/null").stat().st_mode
    except OSError:
        mode = stat.S_IFREG  # not there yet
    if path in (None, "-") or not stat.S_ISREG(mode):
        with text_output(path or "/dev/null") as stream:
            yield TsvStream(stream)
        return
    try:
        with contextlib.closing(VoteLog(Path(path), wanted, classes)) as log:
            yield log
    except VoteLogError as error:
        raise UsageError(f"--tsv: {error}") from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _measure(
    arguments: argparse.Namespace,
    settings: Settings,
    ns: list[int],
    engine: Engine,
    data: LabelledImages,
    index: np.ndarray,
) -> list[Measured]:
    """Draw the votes, going on where the log ends."""
    identity = engine.identity
    decisive = {  # all that the votes follow from
        "rs_monitor": __version__,
        "model": engine.model.model_id,
        "backend": identity.backend,
        "version": identity.version,
        "precision": identity.precision,
        "chunk": engine.max_batch,
        "data": _digest(data),
        "images": len(data),
        "n": ns,
        "sigma": settings.sigma,
        "alpha": settings.alpha,
        "seed": arguments.seed,
    }
    if settings.procedure not in LEAST_N:  # logs of before there was another have no procedure
        decisive["procedure"] = settings.procedure
    options = {name: decisive[name] for name in ("sigma", "alpha")}
    options |= {"ns": ns, "procedure": settings.procedure}
    with _log(arguments.tsv, decisive, len(engine.model.card.labels)) as log:
        done = resumed(log, index, data.labels, **options)
        if done:
            print(
                f"rs_monitor evaluate: {len(done)} of {len(data)} images are in {arguments.tsv}",
                file=sys.stderr,
            )
        quiet = not sys.stderr.isatty()
        with tqdm(total=len(data), initial=len(done), unit="image", disable=quiet) as bar:
            each = recorder(log, index, data.labels, bar.update)
            try:
                return measure(engine, data, seed=arguments.seed, each=each, done=done, **options)
            except KeyboardInterrupt:
                bar.close()
                kept = isinstance(log, VoteLog)
                print(
                    "rs_monitor evaluate: interrupted; "
                    + (
                        "the same command goes on"
                        if kept
                        else "without --tsv PATH nothing is kept"
                    ),
                    file=sys.stderr,
                )
                raise


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print a table."""
    settings, ns = _settings(arguments)
    _check(arguments)
    bank = open_bank(arguments, settings, chunk=FIXED_CHUNK)
    try:
        certifier, warning = bank.select(settings.sigma, arguments.resolution)
        if warning:
            print(f"rs_monitor evaluate: warning: {warning}", file=sys.stderr)
        engine = certifier.engine
        identity, card = engine.identity, engine.model.card
        if arguments.record:
            check_output(card.path)
        data, index = _data(arguments, engine.model)
        results = _measure(arguments, settings, ns, engine, data, index)
        clean = (classify_clean(engine, data) == data.labels).astype(float)
    finally:
        bank.close()
    noisy = np.array([result.true_votes for result in results]) / ns[-1]
    table = rows(
        results,
        data,
        ns=ns,
        sigma=settings.sigma,
        alpha=settings.alpha,
        procedure=settings.procedure,
        radii=arguments.radii,
    )
    result = {
        "model": card.name,
        "model_id": engine.model.model_id,
        "data": arguments.data.name,
        "images": len(data),
        "groups": len(set(data.group.tolist())),
        "sigma": settings.sigma,
        "alpha": settings.alpha,
        "procedure": settings.procedure,
        "backend": identity.backend,
        "precision": identity.precision,
        "clean_accuracy": float(clean.mean()),
        "clean_accuracy_standard_error": clustered_error(clean, data.group),
        # The share of single noisy copies that are right.
        "noisy_accuracy": float(noisy.mean()),
        "noisy_accuracy_standard_error": clustered_error(noisy, data.group),
        "rows": table,
        "true_votes": [result.true_votes for result in results],  # of the largest n
    }
    if arguments.record:
        key = evaluation_key(settings.procedure)
        whole = arguments.every == 1 and arguments.limit is None
        record(card, key if whole else f"{key}_thinned", result)
    if arguments.plot is not None:
        plot(arguments.plot, result, data, results, ns)
    if arguments.json:
        write_json(arguments.json, result)
    if "-" not in (arguments.json, arguments.tsv):
        print_table(result)
    return 0
