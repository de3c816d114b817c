# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Camera, certifier, safety monitor and a listener over DDS, for as long as wanted.

    python benchmarks/soak.py --minutes 30

Plays the rendered drive (640x480) over and over at 25 Hz, writes benchmarks/soak.log and
benchmarks/soak.json, and says whether every requirement was met. Leave the machine alone
meanwhile.
"""

import argparse
import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from rs_monitor.commands import add_certification_options, settings_from, write_json
from rs_monitor.commands.demo_system import Camera, node_parameters, run_live
from rs_monitor.evaluation.bags import read_images
from rs_monitor.evaluation.machine import describe_machine
from rs_monitor.evaluation.soak import Sample, soak_text, summarise_soak
from rs_monitor.processes import ProcessError, interrupts_raise
from rs_monitor.program import UsageError
from rs_monitor.scenes.recording import recorded_drive

HERE = Path(__file__).resolve().parent
INTERVAL = 5.0  # seconds between two looks at the processes
WATCHED = ("node", "safety monitor", "camera", "listener")


@contextlib.contextmanager
def resources(pids, samples, stolen):
    """Append a Sample of every process to `samples`, again and again, until the end.

    And to `stolen`, the seconds that a hypervisor has taken from the cores until then.
    """
    ended = threading.Event()
    watched = {name: psutil.Process(pid) for name, pid in pids.items()}

    def look():
        while not ended.wait(INTERVAL):
            stolen.append((time.time_ns(), getattr(psutil.cpu_times(), "steal", 0.0)))
            for name in WATCHED:
                with contextlib.suppress(psutil.Error):  # it has just ended
                    resident = watched[name].memory_info().rss
                    files = watched[name].num_fds()
                    samples.append(Sample(name, time.time_ns(), resident, files))

    thread = threading.Thread(target=look, name="resources")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def parse():
    """Return the options."""
    parser = argparse.ArgumentParser(
        description="A long run at the frame rate: every frame, deadline and byte accounted for.",
        epilog="example:\n  python benchmarks/soak.py --minutes 30",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="(default: %(default)s)")
    parser.add_argument("--rate", type=float, default=25.0, help="Hz (default: %(default)s)")
    parser.add_argument(
        "--warm-up", type=float, default=60.0, metavar="S", help="seconds (default: %(default)s)"
    )
    parser.add_argument("--bag", type=Path, help="recording to play (default: a rendered drive)")
    parser.add_argument(
        "--out", type=Path, default=HERE / "soak", metavar="NAME",
        help="writes NAME.log and NAME.json (default: %(default)s)",
    )  # fmt: skip
    add_certification_options(parser, n=0)
    arguments = parser.parse_args()
    if not 0 < arguments.rate <= 1000:
        parser.error(f"--rate must be in (0, 1000] Hz, got {arguments.rate:g}")
    if not 60 * arguments.minutes > arguments.warm_up + 2 * INTERVAL:
        parser.error(
            f"--minutes {arguments.minutes:g} is not longer than the warm-up, "
            f"{arguments.warm_up:g} s"
        )
    return arguments


def run(arguments):
    """Run the soak; returns the summary."""
    settings = settings_from(arguments)
    period = 1 / arguments.rate
    parameters = node_parameters(
        settings,
        model=arguments.model,
        backend=arguments.backend,
        precision=arguments.precision,
        resolution=arguments.resolution,
        frame_period=period,
    )
    images = read_images(arguments.bag or recorded_drive(), None)
    frames = round(60 * arguments.minutes * arguments.rate)
    camera = Camera(images.path, images.topic, arguments.rate, frames)
    samples, stolen = [], []
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    with tempfile.TemporaryDirectory(prefix="rs_monitor_soak_") as folder:
        live = run_live(
            Path(folder),
            parameters,
            camera,
            sys.stderr,
            quiet=True,
            safety_monitor={"expected.model_id": "first"},
            watching=lambda pids: resources(pids, samples, stolen),
        )
    summary = summarise_soak(
        live.sent, live.certificates, samples, period=period, warm_up=arguments.warm_up,
        stolen=stolen,
    )  # fmt: skip
    about = {name: value for name, value in live.info.items() if name != "labels"}
    return {
        "started": started,
        "machine": describe_machine(),
        "node": about,
        "parameters": parameters | {"model.path": about["model_name"]},
        "complaints": live.complaints,
    } | summary


def describe(summary):
    """Return the log: what ran where, and what came of it."""
    node, machine = summary["node"], summary["machine"]
    head = (
        f"{summary['started']}: {machine['cores']} cores of {machine['processor']}, "
        f"{machine['system']}\n{node['model_name']} ({node['model_id']}) on {node['backend']} "
        f"{node['backend_version']}, {node['device']}, {node['precision']}, chunks of "
        f"{node['chunk_size']}, {1e3 / summary['period_ms']:g} Hz\n"
    )
    complaints = "".join(f"{line}\n" for line in summary["complaints"])
    return f"{head}{complaints}\n{soak_text(summary)}\n"


def main():
    """Run; 0 when every requirement is met, 1 when one is not or a process fails, 2 for usage."""
    arguments = parse()
    log, document = (Path(f"{arguments.out}.{suffix}") for suffix in ("log", "json"))
    try:
        log.touch()  # not after half an hour
        with interrupts_raise():
            summary = run(arguments)
    except (UsageError, OSError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    except (ProcessError, ValueError) as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    text = describe(summary)
    print(text, end="")
    log.write_text(text, encoding="utf-8")
    write_json(str(document), summary)
    return 0 if all(summary["verdicts"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
