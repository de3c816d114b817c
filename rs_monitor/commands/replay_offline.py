# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""`rs_monitor replay` without --live: every frame, as fast as it goes."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import Any

from ..evaluation.replay.environment import describe_machine
from ..evaluation.replay.labels import LABELS_FILE, Labels, read_csv, read_topic
from ..evaluation.replay.plan import Plan
from ..evaluation.replay.results import Results
from ..evaluation.replay.run import certify_all, open_pool
from ..evaluation.replay.store import PartStore
from .replay import _processes, progress_bar


def find_labels(arguments: argparse.Namespace, plan: Plan, classes: list[str]) -> Labels:
    """Read the labels that the options name, or that lie in the recordings.

    Raises
    ------
    LabelError, BagError
    """
    if arguments.labels:
        return Labels(read_csv(arguments.labels, classes))
    if arguments.label_topic:
        from ..evaluation.bags import read_images

        return Labels(
            topic={
                stream: read_topic(
                    read_images(stream.bag, stream.topic), arguments.label_topic, classes
                )
                for stream in plan.streams
            }
        )
    given = []
    for bag in dict.fromkeys(stream.bag for stream in plan.streams):
        path = Path(bag) / LABELS_FILE if Path(bag).is_dir() else Path(bag).parent / LABELS_FILE
        if path.is_file():
            given += read_csv(path, classes, bag)
    return Labels(given)


def run_offline(arguments: argparse.Namespace, plan: Plan, warnings: list[str]) -> dict[str, Any]:
    """Certify what is not done yet, write the results, return the summary."""
    processes = _processes(arguments)
    with contextlib.closing(open_pool(plan, processes, arguments.ray)) as pool:
        identity = pool.identity()
        labels = find_labels(arguments, plan, identity["labels"])
        extra = {name: identity[name] for name in ("engine", "members", "labels")}
        extra["mode"] = "offline"
        with PartStore(arguments.out, plan, extra) as store:
            done = sum(store.has(part) for part in plan.parts())
            with progress_bar(plan) as bar:
                try:
                    progress = certify_all(
                        plan,
                        store,
                        pool,
                        identity["engine"],
                        lambda part, frames: bar.update(frames),
                    )
                except KeyboardInterrupt:
                    print(
                        f"rs_monitor replay: interrupted; what is done is kept in "
                        f"{arguments.out}: the same command goes on from there",
                        file=sys.stderr,
                    )
                    raise
            results = Results(plan, store, labels, identity["labels"], live=False)

            def about(found: dict[str, Any]) -> dict[str, Any]:
                notes = [*warnings, *identity["warnings"], *results.warnings]
                notes += [f"certified on {device}, too" for device in sorted(progress.devices)]
                return {
                    "mode": "offline",
                    "settings": dataclasses.asdict(plan),
                    "model": identity["members"],
                    "classes": identity["labels"],
                    "engine": identity["engine"],
                    "machine": describe_machine(),
                    "processes": processes,
                    "ray": arguments.ray,
                    "seconds": progress.seconds,
                    "frames_in_this_run": progress.frames,
                    "frames_per_second": progress.frames / progress.seconds
                    if progress.seconds
                    else 0.0,
                    "reading_share": progress.reading,
                    "resumed": done > 0,
                    "warnings": list(dict.fromkeys(notes)),
                    **found,
                }

            return results.write(about)
