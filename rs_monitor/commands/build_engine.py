# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor build-engine`: TensorRT engines of a model or family, into the cache."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..engines.builds import Progress
from ..engines.cache import EngineCache
from ..engines.tensorrt_build import (
    PRECISIONS,
    build_engine,
    cannot_build,
    compute_capabilities,
    engine_key,
    import_tensorrt,
)
from ..families import load_family, shipped_family
from ..models import RESOLUTIONS, load_model
from ..program import UsageError
from . import add_json_option, named_path, new_parser, write_json

_MAX_BATCH = 65536


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "build-engine",
        "TensorRT engines for a GPU's compute capability, into the cache; no GPU is needed",
        "rs_monitor build-engine --compute-capability 8.6 8.9 --precision fp16 --batch 64",
    )
    parser.add_argument(
        "model", nargs="?", type=named_path, metavar="CARD",
        help="card or family (default: the shipped traffic signs)",
    )  # fmt: skip
    parser.add_argument(
        "--compute-capability", nargs="+", required=True, metavar="C",
        help="of the GPUs to build for, such as 8.6",
    )  # fmt: skip
    parser.add_argument("--precision", choices=PRECISIONS, default="fp16")
    parser.add_argument(
        "--batch", type=int, default=64, metavar="N",
        help="samples a forward pass (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--resolution", choices=RESOLUTIONS,
        help="the node's input.resolution (default: what each model was made for)",
    )  # fmt: skip
    parser.add_argument(
        "--cache-dir", type=named_path, metavar="DIR", help="default: the user's cache folder"
    )
    add_json_option(parser, "the engines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Build what the cache lacks."""
    if not 1 <= arguments.batch <= _MAX_BATCH:
        raise UsageError(f"--batch must lie in 1 to {_MAX_BATCH}, got {arguments.batch}")
    for text in arguments.compute_capability:
        if not re.fullmatch(r"[0-9]{1,2}\.[0-9]", text):
            raise UsageError(f"--compute-capability is a number such as 8.6, got {text!r}")
    members = load_family(arguments.model or shipped_family()).members
    cache = EngineCache(arguments.cache_dir)
    name, trt = import_tensorrt()
    known = compute_capabilities(trt)
    for text in arguments.compute_capability:
        if text not in known:
            raise UsageError(f"--compute-capability {text}: {cannot_build(name, trt, text)}")
    rows = []
    for card in members:
        model = load_model(card, arguments.resolution)
        if arguments.precision == "int8":
            model = model.twin or model
        for capability in dict.fromkeys(arguments.compute_capability):
            key = engine_key(model, arguments.precision, arguments.batch, capability)
            with tqdm(
                disable=None, file=sys.stderr, leave=False, bar_format="{desc} {n_fmt}/{total_fmt}"
            ) as bar:
                _, built = cache.get(
                    key, lambda m=model, k=key, b=bar: build_engine(m, k, _show(b)),
                    {"model": card.name, "card": str(card.path)}, _tell_of_waiting,
                )  # fmt: skip
            rows.append(
                {
                    "model": card.name,
                    "compute_capability": capability,
                    "precision": key.precision,
                    "batch": key.batch,
                    "runtime": f"{key.runtime} {key.version}",
                    "engine": str(cache.path(key)),
                    "built": built,
                }
            )
            if arguments.json != "-":
                state = "built" if built else "was there"
                print(f"{card.name} {capability} {key.precision}: {state}, {cache.path(key)}")
    if arguments.json:
        write_json(arguments.json, {"engines": rows})
    return 0


def _tell_of_waiting(lock: Path) -> None:
    print(f"another process builds this engine and holds {lock}: waiting", file=sys.stderr)


def _show(bar: Any) -> Progress:
    def progress(phase: str, done: int, steps: int) -> None:
        bar.total = steps
        bar.n = done
        bar.set_description_str(phase)

    return progress
