# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Tables of a machine's results: `python benchmarks/report.py FOLDER > FOLDER/README.md`.

`make docs` writes those that compare the machines into README.md here.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_COMPARED = ("cifar_resnet20_int8", "cifar_resnet110_int8", "traffic_signs_int8")
_SOAK = re.compile(
    r"warm-up: (\d+) of (\d+) deadlines missed .*median n ([\d.]+)\n"
    r"reception to certificate: .*p99\.9 ([\d.]+) ms.*\n(?:.*\n)*?node: .*, range ([\d.]+) MB"
)


def _number(value: Any, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines] + [""]


def speed_rows(results: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return a row for each run and resolution."""
    rows = []
    for document in results.values():
        for run in (document, *document["others"]):
            for size, found in run["resolutions"].items():
                limit = found["limit"] or {}
                side = found["input"]
                rows.append(
                    [
                        document["model"], f"{side['height']}x{side['width']} ({size})",
                        f"{run['backend']} {run['precision']}", str(found["chunk"]),
                        _number(found["largest_batch_in_period"], "d"),
                        _number(found["loop_samples_per_second"], ".0f"),
                        _number(found["raw_samples_per_second"], ".0f"),
                        _number(found["loop_over_raw"], ".3f"),
                        _number(found["reference_samples_per_second"], ".0f"),
                        _number(found["loop_over_reference"], ".1f"),
                        _number(found["fixed_cost_ms"], ".2f"),
                        _number(limit.get("loop_fraction"), ".0%"),
                    ]
                )  # fmt: skip
    return rows


def radius_rows(results: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Return what radius the samples of one period buy, for models with an evaluation."""
    rows = []
    for document in results.values():
        for run in (document, *document["others"]):
            for size, found in run["resolutions"].items():
                radius, inside = found["radius"], found["largest_batch_in_period"]
                if radius["source"] == "cap":
                    continue
                rows.append(
                    [
                        document["model"], size, f"{run['backend']} {run['precision']}",
                        _number(inside, "d"), f"{radius['average_certified_radius']:.4f}",
                        str(radius["at_n"]), f"{radius['cap']:.3f}",
                    ]
                )  # fmt: skip
    return sorted(rows, key=lambda row: -float(row[4]))


def node_rows(document: dict[str, Any]) -> list[list[str]]:
    """Return a row for each camera rate."""
    columns = (
        ("rate", ".1f"), ("frames_sent", "d"), ("certificates", "d"), ("superseded", "d"),
        ("lost_in_transport", "d"), ("deadline_missed", "d"), ("latency_median_ms", ".1f"),
        ("latency_p99_ms", ".1f"), ("latency_largest_ms", ".1f"), ("n_median", ".0f"),
        ("cpu_seconds_per_second", ".2f"), ("resident_mb", ".0f"),
    )  # fmt: skip
    rows = sorted([*document["node"], *document["peak_search"]], key=lambda row: row["rate"])
    return [[_number(row[name], form) for name, form in columns] for row in rows]


def machines_table(folder: Path) -> str:
    """Return a row for each machine below a folder and each model that is compared in int8."""
    rows = []
    for name in _COMPARED:
        for path in sorted(folder.glob(f"*/{name}.json")):
            document = json.loads(path.read_text())
            found = document["resolutions"]["full"]
            limit = found["limit"]
            rows.append(
                [
                    document["model"], _link(path.parent),
                    _number(limit["operations_per_second"] / 1e12, ".2f"),
                    _number(found["largest_batch_in_period"], "d"),
                    _number(found["loop_over_raw"], ".3f"),
                    _number(found["loop_over_reference"], ".1f"),
                    _number(found["fixed_cost_ms"], ".2f"), f"{limit['loop_fraction']:.0%}",
                ]
            )  # fmt: skip
    header = [
        "model", "machine", "TOP/s", "n in period", "loop / raw", "loop / reference",
        "fixed cost, ms", "of limit",
    ]  # fmt: skip
    return "\n".join(_table(header, rows))


def soaks_table(folder: Path) -> str:
    """Return a row for each run of `soak.py` whose log is kept below a folder."""
    rows = []
    for path in sorted(folder.glob("*/soak_*.log")):
        values = _SOAK.search(path.read_text())
        if values is None:
            raise ValueError(f"{path}: no log of soak.py")
        log = f"[{path.stem}]({path.parent.name}/{path.name})"
        rows.append([_link(path.parent), log, *values.groups()])
    header = ["machine", "log", "late", "of frames", "median n", "p99.9, ms", "memory within, MB"]
    return "\n".join(_table(header, rows))


def _link(folder: Path) -> str:
    return f"[{folder.name}]({folder.name})"


def main() -> int:
    """Print the tables of a folder."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    files = sorted(Path(sys.argv[1]).glob("*.json"))
    if not files:
        print(f"{sys.argv[1]} has no results of benchmarks/measure.py (*.json)", file=sys.stderr)
        return 2
    documents = {path.stem: json.loads(path.read_text()) for path in files}
    nodes = {name: d for name, d in documents.items() if "node" in d}
    results = {name: d for name, d in documents.items() if name not in nodes}
    first = next(iter(documents.values()))
    machine = first["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    lines = [
        f"# {machine['processor']}, {machine['cores']} cores", "",
        f"{', '.join(machine['instructions'])}; {machine['memory_mb']} MB; {machine['system']}; "
        f"Python {machine['python']}; {versions}.", "",
        "Times are medians of interleaved repetitions, otherwise idle. The loop is from a uint8 "
        "frame of 640x480 to counts; raw is the network alone, as many full batches; the "
        "reference is a plain PyTorch fp32 loop in batches of 100 on all cores; the fixed cost is "
        "the line's value at n = 0; the last column is the loop's operations as a part of what "
        "3x3 convolutions of 256 channels reach with the same backend and precision.", "",
    ]  # fmt: skip
    if results:
        lines += _table(
            [
                "model", "input", "engine", "chunk", "n in period", "loop /s", "raw /s",
                "loop / raw", "reference /s", "loop / reference", "fixed cost, ms", "of limit",
            ],
            speed_rows(results),
        )  # fmt: skip
    bought = radius_rows(results)
    if bought:
        lines += ["## The radius bought inside the period", ""]
        lines += [
            "From the evaluation in the model's card, at the largest n it tells that is not above "
            "the n in the period: a lower bound.", "",
        ]  # fmt: skip
        lines += _table(
            [
                "model",
                "resolution",
                "engine",
                "n",
                "average certified radius",
                "told for n",
                "cap",
            ],
            bought,
        )
    for name, document in nodes.items():
        peak = _number(document["peak_rate"], ".1f")
        lines += [f"## The node over DDS: {name}", ""]
        lines += [
            f"{document['model']}, {document['backend']} {document['precision']}, camera "
            f"{document['settings']['frame']['width']}x{document['settings']['frame']['height']}, "
            f"n = {document['settings']['n']} (0: as many as fit); latencies from the image's "
            f"stamp to the certificate. Peak with under 5 % unanswered in time: {peak} Hz.", "",
        ]  # fmt: skip
        lines += _table(
            [
                "Hz", "sent", "answered", "superseded", "lost", "missed", "median ms", "p99 ms",
                "largest ms", "n", "CPU s/s", "MB",
            ],
            node_rows(document),
        )  # fmt: skip
    lines += ["## Commands", ""]
    lines += [f"    {d['settings']['command']}" for d in documents.values()]
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
