# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor models`: list model cards, verify what they vouch for."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..bank import check_reference
from ..engines import BACKENDS, PRECISIONS, EngineError, available_precisions, open_engine
from ..evaluation.parity import TOLERATED_FLIPS, flip_rate, patchwork
from ..families import load_family, shipped_families
from ..frames import Resizer
from ..models import Model, ModelCard, ModelError, load_model, load_reference_image
from . import add_json_option, named_path, new_parser, write_json

_CHUNK = 16
_PATCHWORKS, _SAMPLES = 8, 32


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "models",
        "list models, or verify hash, labels, reference image and the parity of their precisions",
        "rs_monitor models verify",
    )
    parser.add_argument("action", choices=("list", "verify"))
    parser.add_argument(
        "path",
        nargs="*",
        type=named_path,
        metavar="CARD",
        help="cards or families (default: all that are shipped)",
    )
    parser.add_argument("--backend", choices=BACKENDS, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    add_json_option(parser, "the table")
    parser.set_defaults(run=run)


def _describe(card: ModelCard) -> dict[str, Any]:
    return {
        "name": card.name,
        "card": str(card.path),
        "input": f"{card.height}x{card.width}{' dynamic' if card.dynamic_size else ''}",
        "resolution": card.resolution,
        "sigma": card.sigma,
        "classes": len(card.labels),
        "model_id": card.sha256[:12],
        "int8": card.int8.sha256[:12] if card.int8 else "no twin",
    }


def _verify(card: ModelCard, backend: str, precision: str) -> str:
    """Return what ran, e.g. "openvino bf16", and parity; raises where the card is not kept."""
    model = load_model(card)
    ran = []
    for wanted in ("auto", *_others(model, backend)) if precision == "auto" else (precision,):
        with open_engine(model, backend=backend, precision=wanted, max_batch=_CHUNK) as engine:
            check_reference(engine)
            identity = engine.identity
        if identity.precision == "int8" and model.twin is None:
            return f"{identity.backend} int8: the network itself is quantised{_shown(card)}"
        if identity.precision not in ran:
            ran.append(identity.precision)
    return f"{identity.backend} {', '.join(ran)}{_parity(model, backend, ran)}{_shown(card)}"


def _shown(card: ModelCard) -> str:
    return "" if card.reference_image else "; no reference image, so that labels go unchecked"


def _others(model: Model, backend: str) -> list[str]:
    """Return the precisions that this machine offers for this model."""
    return [
        name for name in available_precisions(backend) if name != "int8" or model.twin is not None
    ]


def _parity(model: Model, backend: str, precisions: list[str]) -> str:
    """Return how many votes differ from fp32's.

    Raises
    ------
    ModelError
        When more do than the tolerance.
    """
    card, compared = model.card, [name for name in precisions if name in TOLERATED_FLIPS]
    images = patchwork(model.height, model.width, _PATCHWORKS)
    reference = load_reference_image(card)
    if reference is not None:
        images.append(Resizer(model.height, model.width)(reference))
    if not compared:
        return ""
    shares = []
    with open_engine(model, backend=backend, precision="fp32", max_batch=1) as fp32:
        for name in compared:
            with open_engine(model, backend=backend, precision=name, max_batch=1) as engine:
                share = flip_rate(fp32, engine, images, card.sigma, _SAMPLES)
            allowed = TOLERATED_FLIPS[name]
            if share > allowed:
                raise ModelError(
                    f"{card.path}: {share:.1%} of the votes in {name} differ from fp32 on the "
                    f"same noise, {allowed:.0%} may"
                )
            shares.append(f"{name} {share:.1%} (of at most {allowed:.0%})")
    return f"; votes that differ from fp32: {', '.join(shares)}"


def run(arguments: argparse.Namespace) -> int:
    """List or verify; 1 when a model fails, 2 when a card cannot be read; it goes on."""
    cards: list[ModelCard] = []
    rows, status = [], 0
    for path in arguments.path or shipped_families():
        try:
            cards += load_family(path).members
        except ModelError as error:
            print(f"rs_monitor models: {error}", file=sys.stderr)
            status = 2
    for card in cards:
        row = _describe(card)
        if arguments.action == "verify":
            try:
                row["verified"] = f"ok, {_verify(card, arguments.backend, arguments.precision)}"
            except (ModelError, EngineError) as error:
                row["verified"] = f"FAILED: {error}"
                print(f"rs_monitor models: {error}", file=sys.stderr)
                status = max(status, 1)
        rows.append(row)
    if arguments.json:
        write_json(arguments.json, rows)
    if arguments.json != "-":
        for row in rows:
            line = "  ".join(f"{key} {value}" for key, value in row.items() if key != "name")
            print(f"{row['name']}: {line}")
    return status
