# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor certify`: certify image files."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from ..bank import CertifierBank
from ..certification import Status
from ..engines import noise_key
from ..files import read_file
from ..frame_certificate import FrameCertificate, undecodable
from ..frames import FrameError, decode_compressed
from ..program import UsageError
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
    without_nan,
)

_MOST_BYTES = 1 << 28  # of one file


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = new_parser(
        subparsers,
        "certify",
        "certify JPEG and PNG files; a JSON line each",
        "rs_monitor certify sign.png --sigma 0.25 --n 1000",
    )
    parser.add_argument("image", nargs="+", type=named_path, metavar="IMAGE")
    add_certification_options(parser, n=1000)
    add_seed_option(parser)
    add_json_option(parser, "the lines instead of printing them")
    parser.set_defaults(run=run)


def json_line(path: Path, result: FrameCertificate) -> dict[str, Any]:
    """Return the certificate's fields, named as in Certificate.msg; NaN becomes null."""
    certificate = result.certificate
    fields = dataclasses.asdict(certificate)
    fields |= {
        "image": str(path),
        "status": certificate.status.name,
        "abstain": certificate.abstain,
        "class_name": result.class_name,
        "radius_sensor": result.radius_sensor,
        "n_requested": result.n_requested,
        "model_id": result.model_id,
        "reason": result.note,
    }
    return without_nan(fields)


def _certify(
    bank: CertifierBank, path: Path, content: bytes, settings: Settings, arguments: Any, index: int
) -> FrameCertificate:
    certifier, _ = bank.select(settings.sigma, arguments.resolution)
    try:
        frame = decode_compressed(content, format="")
    except FrameError as error:
        return undecodable(error, settings)
    return certifier.certify(frame, settings, noise_key(arguments.seed, path.name, index))


def run(arguments: argparse.Namespace) -> int:
    """Certify the files; 0 when each could be looked at, 1 when an engine failed."""
    settings = settings_from(arguments)
    if settings.n == 0:
        raise UsageError("--n must be fixed: files have no frame period")
    contents = []
    for path in arguments.image:
        try:
            contents.append(read_file(path, _MOST_BYTES))
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    bank = open_bank(arguments, settings)
    status = 0
    try:
        warning = bank.select(settings.sigma, arguments.resolution)[1]
        if warning:
            print(f"rs_monitor certify: warning: {warning}", file=sys.stderr)
        with text_output(arguments.json or "-") as stream:
            for index, (path, content) in enumerate(zip(arguments.image, contents)):
                result = _certify(bank, path, content, settings, arguments, index)
                print(json.dumps(json_line(path, result)), file=stream, flush=True)
                kind = result.certificate.status
                if kind is Status.ENGINE_ERROR:
                    status = max(status, 1)
                elif kind in (Status.INVALID_INPUT, Status.UNSUPPORTED_ENCODING):
                    print(f"rs_monitor certify: {path}: {result.note}", file=sys.stderr)
                    status = 2
    finally:
        bank.close()
    return status
