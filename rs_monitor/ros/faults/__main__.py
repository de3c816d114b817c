# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Every fault, one after the other, against the real processes: `make faults`.

`python -m rs_monitor.ros.faults` prints a table of what was done, what had to be said, and what
was said. Leave the machine alone meanwhile: seconds are part of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image

from ...processes import ProcessError, interrupts_raise, own_domain
from ...work_folder import WorkFolder
from ..lifecycle_client import LifecycleError
from .affliction import Scenario
from .fuzzing import fuzz_name, try_garbage
from .garbage import GarbageError
from .scenarios import SCENARIOS
from .system import Pace, System, shipped_model
from .trial import Row, try_fault

_RECOVERY = 2.0  # seconds
_SLOW = Pace(rate=10.0, frame_period=2.0, max_age=3.0)
_KINDS = (Image, CompressedImage)
_HEAD = "      fault                                          certs  bad   s to    s to\n"
_HEAD += "                                                            SAFE  CERT.    SAFE"


def rows(
    folder: Path,
    scenarios: list[Scenario],
    kinds: list[type[Image] | type[CompressedImage]],
    messages: int,
    pace: Pace,
    recovery_limit: float | None,
) -> Iterator[Row]:
    """Try faults; yields what came of each."""
    model = shipped_model()
    for simulated in (False, True):
        chosen = [scenario for scenario in scenarios if scenario.simulated is simulated]
        if chosen:
            with System(folder, model, pace, simulated=simulated) as system:
                for scenario in chosen:
                    yield try_fault(system, scenario, recovery_limit)
    for kind in kinds:
        with System(folder, model, pace, fed=kind) as system:
            yield try_garbage(system, kind, messages, recovery_limit)


def line(row: Row) -> str:
    """Return a row of the table, with a line of what was expected and seen, and of problems."""
    times = "  ".join(
        "     -" if seconds is None else f"{seconds:6.2f}"
        for seconds in (row.to_certified, row.to_safe)
    )
    text = f"{'FAIL' if row.problems else 'pass'}  {row.fault:45s} {row.certificates:6d} "
    text += f"{row.unfounded:5d}  {times}\n"
    text += f"      expected: {row.expected}\n      seen: {row.seen}\n"
    text += "".join(f"      {note}\n" for note in row.notes)
    return text + "".join(f"      FAIL: {problem}\n" for problem in row.problems)


def parse(args: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m rs_monitor.ros.faults",
        description="Inflicts every fault on camera, certifier and safety monitor over DDS.",
        epilog="example:\n  python -m rs_monitor.ros.faults --only engine --json faults.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[""],
        metavar="TEXT",
        help="faults with one of these in the name",
    )
    parser.add_argument(
        "--slow", action="store_true",
        help="for a busy machine: 10 Hz, generous times, and no limit on --recovery",
    )  # fmt: skip
    parser.add_argument(
        "--messages", type=int, default=10_000, metavar="M",
        help="fuzzed messages of each kind; 0: none (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--recovery", type=float, default=_RECOVERY, metavar="S",
        help="seconds from a fault's end to CERTIFIED and SAFE, at most (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", metavar="PATH", help="write the table as JSON; '-': stdout")
    arguments = parser.parse_args(args)
    if arguments.messages < 0:
        parser.error(f"--messages must be at least 0, got {arguments.messages}")

    def wanted(name: str) -> bool:
        return any(text.lower() in name.lower() for text in arguments.only)

    arguments.scenarios = [scenario for scenario in SCENARIOS if wanted(scenario.name)]
    kinds = _KINDS if arguments.messages else ()
    arguments.kinds = [kind for kind in kinds if wanted(fuzz_name(kind))]
    if not (arguments.scenarios or arguments.kinds):
        parser.error(f"--only {' '.join(arguments.only)}: no fault has this in its name")
    if arguments.json not in (None, "-"):
        try:
            Path(arguments.json).touch()
        except OSError as error:
            parser.error(f"--json {arguments.json}: {error.strerror}")
    return arguments


def main(args: list[str] | None = None) -> int:
    """Try the faults; 0 when all is as it must be, 1 when not, 2 for wrong usage."""
    arguments = parse(args)
    text = sys.stderr if arguments.json == "-" else sys.stdout
    found: list[Row] = []
    print(_HEAD, file=text, flush=True)
    with (
        interrupts_raise(),
        own_domain() as domain,
        WorkFolder("faults") as folder,
    ):
        os.environ |= {
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": folder,
            # No shared memory into this process: one that is killed while it writes there leaves
            # a lock behind, at which Fast DDS 2.14 crashes the reader.
            "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4",
        }
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        try:
            for row in rows(
                Path(folder),
                arguments.scenarios,
                arguments.kinds,
                arguments.messages,
                _SLOW if arguments.slow else Pace(),
                None if arguments.slow else arguments.recovery,
            ):
                found.append(row)
                print(line(row), file=text, flush=True)
        except (ProcessError, LifecycleError, GarbageError) as error:
            print(f"faults: {error}", file=sys.stderr)
            return 1
        finally:
            rclpy.try_shutdown()
    failed = [row.fault for row in found if row.problems]
    print(f"{len(found) - len(failed)} of {len(found)} faults passed", file=text)
    if arguments.json:
        document = {"rows": [dataclasses.asdict(row) for row in found], "failed": failed}
        content = json.dumps(document, indent=2) + "\n"
        if arguments.json == "-":
            sys.stdout.write(content)
        else:
            Path(arguments.json).write_text(content, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
