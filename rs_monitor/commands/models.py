# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor models`: list model cards, verify what they vouch for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ..bank import check_reference, shipped_families
from ..engines import BACKENDS, PRECISIONS, EngineError, open_engine
from ..families import load_family
from ..models import ModelCard, ModelError, load_model
from . import add_json_option, new_parser, write_json

_CHUNK = 16


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "models",
        "list models, or verify hash, labels, reference image and that they run",
        "rs_monitor models verify",
    )
    parser.add_argument("action", choices=("list", "verify"))
    parser.add_argument(
        "path",
        nargs="*",
        type=Path,
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
    }


def _verify(card: ModelCard, backend: str, precision: str) -> str:
    """Return what ran, e.g. "openvino bf16"; raises where the card is not kept."""
    with open_engine(
        load_model(card), backend=backend, precision=precision, max_batch=_CHUNK
    ) as engine:
        check_reference(engine)
        return f"{engine.identity.backend} {engine.identity.precision}"


def run(arguments: argparse.Namespace) -> int:
    """List or verify; 1 when a model fails."""
    cards: list[ModelCard] = []
    for path in arguments.path or shipped_families():
        cards += load_family(path).members
    rows, status = [], 0
    for card in cards:
        row = _describe(card)
        if arguments.action == "verify":
            try:
                row["verified"] = f"ok, {_verify(card, arguments.backend, arguments.precision)}"
            except (ModelError, EngineError) as error:
                row["verified"] = f"FAILED: {error}"
                print(f"rs_monitor models: {error}", file=sys.stderr)
                status = 1
        rows.append(row)
    if arguments.json:
        write_json(arguments.json, rows)
    if arguments.json != "-":
        for row in rows:
            line = "  ".join(f"{key} {value}" for key, value in row.items() if key != "name")
            print(f"{row['name']}: {line}")
    return status
