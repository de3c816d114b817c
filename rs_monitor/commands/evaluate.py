# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor evaluate`: certified accuracy on a labelled data set."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from ..datasets import LabelledImages, load_data
from ..evaluation.accuracy import Measured, measure, rows
from ..models import Model, save_card
from . import (
    UsageError,
    add_certification_options,
    add_json_option,
    add_seed_option,
    new_parser,
    open_bank,
    settings_from,
    text_output,
    write_json,
)

_CARD_N = 200  # about what a small CPU draws in a frame period of 40 ms


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "evaluate",
        "certified accuracy and average certified radius of a labelled data set",
        "rs_monitor evaluate --data held.npz --n 1000 --at 100 200 --tsv held.tsv",
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DATA",
        help="a folder for each class, with JPEG and PNG images in it; the folder of CIFAR-10's "
        "python batches (its test batch) or one batch; or .npz: images uint8 [N,H,W,3] RGB, "
        "labels, and group where images depend on each other",
    )  # fmt: skip
    parser.add_argument(
        "--at", type=int, nargs="*", default=[], metavar="N", help="smaller n to report as well"
    )
    parser.add_argument("--limit", type=int, metavar="M", help="only the first M images")
    parser.add_argument(
        "--every", type=int, default=1, metavar="K",
        help="only every K-th image: neighbours in a track say little new (default: 1)",
    )  # fmt: skip
    parser.add_argument("--tsv", metavar="PATH", help="write the field's log at --n")
    parser.add_argument(
        "--record", action="store_true",
        help="write the result into the model's card: evaluation, or evaluation_thinned (--every)",
    )  # fmt: skip
    add_certification_options(parser, n=200)
    add_seed_option(parser)
    add_json_option(parser, "the rows")
    parser.set_defaults(run=run)


def _data(arguments: argparse.Namespace, model: Model) -> LabelledImages:
    labels = model.card.labels
    data = load_data(arguments.data, labels=labels, size=(model.height, model.width))
    if arguments.limit is not None:
        if arguments.limit < 1:
            raise UsageError(f"--limit must be at least 1, got {arguments.limit}")
        data = data.subset(slice(arguments.limit))
    if arguments.every < 1:
        raise UsageError(f"--every must be at least 1, got {arguments.every}")
    return data.subset(slice(None, None, arguments.every))


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print a table."""
    settings = settings_from(arguments)
    if settings.n == 0 or settings.procedure != "single_pass":
        raise UsageError("evaluate needs a fixed --n and --procedure single_pass")
    ns = sorted({*arguments.at, settings.n})
    if ns[0] < settings.least_n or ns[-1] != settings.n:
        raise UsageError(
            f"--at must lie in {settings.least_n}..--n ({settings.n}) at this alpha, got {ns[:-1]}"
        )
    bank = open_bank(arguments, settings)
    try:
        certifier, warning = bank.select(settings.sigma, arguments.resolution)
        if warning:
            print(f"rs_monitor evaluate: warning: {warning}", file=sys.stderr)
        engine = certifier.engine
        data = _data(arguments, engine.model)
        with text_output(arguments.tsv or "/dev/null") as log, _Log(log, data) as each:
            results = measure(
                engine,
                data,
                ns=ns,
                sigma=settings.sigma,
                alpha=settings.alpha,
                seed=arguments.seed,
                each=each,
            )
        table = rows(results, data, ns=ns, sigma=settings.sigma, alpha=settings.alpha)
        identity = engine.identity
    finally:
        bank.close()
    result = {
        "model": engine.model.card.name,
        "model_id": engine.model.model_id,
        "data": arguments.data.name,
        "images": len(data),
        "groups": len(set(data.group.tolist())),
        "sigma": settings.sigma,
        "alpha": settings.alpha,
        "procedure": settings.procedure,
        "backend": identity.backend,
        "precision": identity.precision,
        "rows": table,
        "true_votes": [result.true_votes for result in results],  # of the largest n
    }
    if arguments.record:
        key = "evaluation" if arguments.every == 1 else "evaluation_thinned"
        card, recorded = engine.model.card, {key: _for_card(result)}
        if card.is_twin:
            recorded = {"int8": card.details["int8"] | recorded}
        save_card(card.path, card.details | recorded)
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.json != "-":
        print(
            f"{engine.model.card.name} on {identity.backend} {identity.precision}: {len(data)} "
            f"images, sigma {settings.sigma:g}, alpha {settings.alpha:g}, {settings.procedure}"
        )
        for row in table:
            accuracy = ", ".join(f"{r}: {a:.3f}" for r, a in row["certified_accuracy"].items())
            print(
                f"n {row['n']:>6}  average certified radius {row['average_certified_radius']:.4f} "
                f"+- {row['standard_error']:.4f}  smoothed accuracy "
                f"{row['smoothed_accuracy']:.4f} +- {row['smoothed_accuracy_standard_error']:.4f}"
                f"  certified accuracy at {accuracy}"
            )
    return 0


def _for_card(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a card keeps: the figures at the n of `_CARD_N`, or the largest, in front."""
    rows_by_n = {row["n"]: row for row in result["rows"]}
    row = rows_by_n.get(_CARD_N, result["rows"][-1])
    left_out = ("model", "rows", "true_votes")
    return {key: value for key, value in result.items() if key not in left_out} | {
        **row,
        "rows": result["rows"],
    }


class _Log:
    """Writes the field's TSV log (Cohen et al. 2019) and shows progress."""

    def __init__(self, stream: TextIO, data: LabelledImages) -> None:
        self._stream, self._data = stream, data
        self._bar = tqdm(total=len(data), unit="image", disable=not sys.stderr.isatty())
        self._last = time.monotonic()

    def __enter__(self) -> _Log:
        print("idx", "label", "predict", "radius", "correct", "time", sep="\t", file=self._stream)
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def __call__(self, index: int, measured: Measured) -> None:
        now = time.monotonic()
        certificate, label = measured.certificate, int(self._data.labels[index])
        print(
            index,
            label,
            certificate.class_id,
            f"{certificate.radius:.6f}",
            int(certificate.class_id == label),
            f"{now - self._last:.6f}",
            sep="\t",
            file=self._stream,
            flush=True,
        )
        self._last = now
        self._bar.update()
