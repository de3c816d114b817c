# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""A benchmark for people."""

from __future__ import annotations

from typing import Any


def lines(document: dict[str, Any]) -> list[str]:
    """Return the lines that tell a benchmark's document."""
    machine = document["machine"]
    told = [
        f"{document['model']}; {machine['processor']}, {machine['cores']} cores, load "
        f"{machine['load_average']:.1f}; period {document['settings']['period_ms']:g} ms"
    ]
    for run in (document, *document["others"]):
        told.append("")
        told.append(f"{run['backend']} {run['version']}, {run['device']}, {run['precision']}")
        for size in run["resolutions"]:
            told += _resolution(run, size)
    for entry in document["unavailable"]:
        told.append(f"\nnot here: {entry['backend']} {entry['precision']}: {entry['reason']}")
    return told + [f"note: {note}" for note in document["notes"]]


def _resolution(run: dict[str, Any], size: str) -> list[str]:
    result = run["resolutions"][size]
    side = result["input"]
    told = [
        f"{size} resolution, {side['height']}x{side['width']}, {result['repetitions']} "
        f"repetitions, forward passes of {result['chunk']}:",
        f"{'batch':>8} {'median ms':>10} {'p95':>9} {'p99':>9} {'samples/s':>11}",
    ]
    told += [
        f"{row['batch']:>8} {row['median_ms']:>10.2f} {row['p95_ms']:>9.2f} "
        f"{row['p99_ms']:>9.2f} {row['samples_per_second']:>11.0f}"
        for row in run["rows"]
        if row["resolution"] == size
    ]
    inside, late = result["largest_batch_in_period"], result["largest_batch_in_period_p99"]
    told.append(
        f"  largest batch in the period: {inside or 'none'} (by the p99: {late or 'none'})"
    )
    told.append(
        f"  samples/s at {result['loop_batch']}: {result['loop_samples_per_second']:.0f} from "
        f"frame to counts, {result['raw_samples_per_second']:.0f} the network alone: ratio "
        f"{result['loop_over_raw']:.3f}"
    )
    if result["fixed_cost_ms"] is not None:
        told.append(
            f"  time of a frame: {result['fixed_cost_ms']:.2f} ms and "
            f"{result['ms_per_sample']:.4f} ms a sample"
        )
    if result["reference_samples_per_second"]:
        told.append(
            f"  plain PyTorch loop, fp32, {result['reference_device']}: "
            f"{result['reference_samples_per_second']:.0f} samples/s; ours is "
            f"{result['loop_over_reference']:.2f} times as fast"
        )
    if limit := result["limit"]:
        told.append(
            f"  {limit['raw_fraction']:.0%} (the whole loop {limit['loop_fraction']:.0%}) of the "
            f"{limit['operations_per_second'] / 1e12:.3g} TOP/s of {limit['what']}"
        )
    return [*told, f"  {_radius(result['radius'])}"]


def _radius(radius: dict[str, Any]) -> str:
    cap = f"at most radius {radius['cap']:.3f} from n {radius['n']}"
    if radius["source"] == "cap":
        return f"{cap}; no log or card tells the average"
    at = "" if radius["at_n"] == radius["n"] else f" (told for n {radius['at_n']})"
    return (
        f"average certified radius {radius['average_certified_radius']:.4f} by the "
        f"{radius['source']}{at}; {cap}"
    )
