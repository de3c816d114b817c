# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Measure this machine: `python benchmarks/measure.py FOLDER [NAME...]`.

Runs `rs_monitor benchmark` for each case and keeps its JSON as FOLDER/NAME.json. The machine
should do nothing else meanwhile. `benchmarks/report.py FOLDER` makes tables of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PRECISIONS = ("int8", "bf16", "fp32")
_BOTH = ["--reference", "--resolution", "full"]

# What follows `rs_monitor benchmark`, by name.
CASES = {
    **{
        f"cifar_{name}_{precision}": ["--architecture", name, "--precision", precision, *_BOTH]
        for name in ("resnet20", "resnet110")
        for precision in _PRECISIONS
    },
    **{
        f"{family}_{precision}": [
            "--model", f"models/{family}/family.yaml", "--precision", precision, *_BOTH
        ]
        for family in ("traffic_signs", "cifar10")
        for precision in _PRECISIONS
    },
    **{
        f"resnet50_{precision}": [
            "--architecture", "resnet50", "--precision", precision, "--seconds", "10"
        ]
        for precision in _PRECISIONS
    },
    "node": ["--node", "--rates", "10", "25", "30", "60"],
}  # fmt: skip


def main() -> int:
    """Measure; 1 when a case fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}")
    parser.add_argument("--seconds", default="15", help="of each (default: %(default)s)")
    arguments = parser.parse_intermixed_args()  # options may stand between the names
    unknown = set(arguments.names) - CASES.keys()
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in arguments.names or CASES:
        case = CASES[name]
        time = [] if {"--seconds", "--node"} & set(case) else ["--seconds", arguments.seconds]
        # As others would type it: the result tells its own command.
        out = os.path.relpath(folder / f"{name}.json", ROOT)
        command = ["-m", "rs_monitor", "benchmark", *case, *time, "--json", out]
        print(f"{name}: {' '.join(command)}", flush=True)
        done = subprocess.run([sys.executable, *command], cwd=ROOT)
        failed += [name] if done.returncode else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
