# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What a long run at the frame rate shows: accounts, latencies and resources over time."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..certification import Status
from .demo_summary import summarise

NANOSECONDS = 1_000_000_000
MEGABYTE = 1e6  # bytes
PERCENTILES = (50.0, 99.0, 99.9)
MOST_GROWTH = 20.0  # megabytes that resident memory may change by after the warm-up
MOST_MISSED = 0.001  # of the frames after the warm-up
LEAST_N = 150.0  # median samples a frame
_ANSWERS = (Status.CERTIFIED.name, Status.ABSTAINED.name)


@dataclasses.dataclass(frozen=True)
class Sample:
    """A process at one moment.

    Attributes
    ----------
    process : str
        Its name.
    stamp_ns : int
        On the clock that stamps the frames.
    resident : int
        Resident memory, bytes; shared memory that it has touched is part of it.
    files : int
        Open file descriptors.
    """

    process: str
    stamp_ns: int
    resident: int
    files: int


def summarise_soak(
    sent: Sequence[dict[str, Any]],
    certificates: Sequence[dict[str, Any]],
    samples: Sequence[Sample],
    *,
    period: float,
    warm_up: float,
    stolen: Sequence[tuple[int, float]] = (),
) -> dict[str, Any]:
    """Summarise a run.

    Parameters
    ----------
    sent, certificates : sequence of dict
        The records of the camera and of the listener.
    samples : sequence of Sample
    period : float
        The frame period, seconds.
    warm_up : float
        Seconds after the first frame that the verdicts leave out.
    stolen : sequence of (int, float)
        Stamps (ns), ascending, and the seconds of all cores that a hypervisor had given to others
        until then.

    Returns
    -------
    dict
        Times in ms, memory in MB. `verdicts` maps each requirement to whether it is met.

    Raises
    ------
    ValueError
        When nothing is left after the warm-up.
    """
    start = min((frame["stamp_ns"] for frame in sent), default=0)
    warm = start + round(warm_up * NANOSECONDS)
    late = [c for c in certificates if c["stamp_ns"] >= warm]
    if not late or not any(sample.stamp_ns >= warm for sample in samples):
        raise ValueError(f"nothing was recorded after the warm-up of {warm_up:g} s")
    whole = summarise(sent, certificates, (), 0.0)
    after = _distribution(late) | {"frames_sent": sum(f["stamp_ns"] >= warm for f in sent)}
    after["missed_share"] = after["deadline_missed"] / max(1, after["frames_sent"])
    resources = {
        name: _resources([s for s in samples if s.process == name], warm)
        for name in dict.fromkeys(sample.process for sample in samples)
    }
    after["unanswered_share"] = 1 - after["certificates"] / max(1, after["frames_sent"])
    flat = all(r["memory_range_mb"] <= MOST_GROWTH for r in resources.values())
    verdicts = {
        "every frame accounted for": whole["every_frame_accounted"],
        "deadline misses in at most 0.1 % of the frames": after["missed_share"] <= MOST_MISSED,
        "median n at least 150": (after["n_median"] or 0.0) >= LEAST_N,
        "p99.9 of reception to certificate inside the period": (
            after["processing_ms"]["p99.9"] <= 1e3 * period
        ),
        "resident memory of every process within 20 MB": flat,
        "open files of every process flat": all(
            r["files_last"] <= r["files_first"] for r in resources.values()
        ),
    }
    statuses = Counter(c["status"] for c in certificates)
    return {
        "seconds": (max(f["stamp_ns"] for f in sent) - start) / NANOSECONDS + period,
        "period_ms": 1e3 * period,
        "warm_up_s": warm_up,
        "frames_sent": len(sent),
        "certificates": len(certificates),
        "superseded": whole["superseded"],
        "lost_in_transport": whole["lost_in_transport"],
        "statuses": dict(sorted(statuses.items())),
        "after_warm_up": after,
        "resources": resources,
        "minutes": _minutes(sent, certificates, samples, stolen, start),
        "verdicts": verdicts,
    }


def _distribution(certificates: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return counts, latencies and n of some certificates."""
    answers = [c["n_used"] for c in certificates if c["status"] in _ANSWERS]
    return {
        "certificates": len(certificates),
        "deadline_missed": sum(
            c["status"] == Status.DEADLINE_MISSED.name or c["processing_time_ns"] > c["budget_ns"]
            for c in certificates
        ),
        "n_median": float(np.median(answers)) if answers else None,
        "processing_ms": _percentiles([c["processing_time_ns"] / 1e6 for c in certificates]),
        "image_to_certificate_ms": _percentiles([1e3 * c["latency"] for c in certificates]),
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    found = {f"p{q:g}": float(v) for q, v in zip(PERCENTILES, np.percentile(values, PERCENTILES))}
    return found | {"max": float(max(values))}


def _resources(samples: Sequence[Sample], warm: int) -> dict[str, float]:
    """Return how the memory and files of one process went on after the warm-up."""
    samples = [sample for sample in samples if sample.stamp_ns >= warm]
    memory = np.array([sample.resident / MEGABYTE for sample in samples])
    hours = np.array([(sample.stamp_ns - warm) / NANOSECONDS / 3600 for sample in samples])
    slope = float(np.polyfit(hours, memory, 1)[0]) if len(set(hours)) > 1 else 0.0
    return {
        "memory_first_mb": float(memory[0]),
        "memory_last_mb": float(memory[-1]),
        "memory_range_mb": float(memory.max() - memory.min()),
        "memory_slope_mb_per_hour": slope,
        "files_first": samples[0].files,
        "files_last": samples[-1].files,
        "files_most": max(sample.files for sample in samples),
    }


def _minutes(
    sent: Sequence[dict[str, Any]],
    certificates: Sequence[dict[str, Any]],
    samples: Sequence[Sample],
    stolen: Sequence[tuple[int, float]],
    start: int,
) -> list[dict[str, Any]]:
    """Return a row for each minute of frames."""

    def minute(stamp: int) -> int:
        return max(0, stamp - start) // (60 * NANOSECONDS)

    frames = Counter(minute(frame["stamp_ns"]) for frame in sent)
    rows = []
    until = {minute(stamp): seconds for stamp, seconds in stolen}  # the last of each minute
    before = stolen[0][1] if stolen else 0.0
    for number in sorted(frames):
        found = [c for c in certificates if minute(c["stamp_ns"]) == number]
        row = {"minute": number, "sent": frames[number]} | _distribution(found)
        # The last sample of the minute for each process.
        last = {s.process: s for s in samples if minute(s.stamp_ns) == number}
        row["memory_mb"] = {name: s.resident / MEGABYTE for name, s in last.items()}
        row["files"] = {name: s.files for name, s in last.items()}
        row["stolen_s"] = until.get(number, before) - before
        before += row["stolen_s"]
        rows.append(row)
    return rows


def soak_text(summary: dict[str, Any]) -> str:
    """Lay the summary out for people."""
    after = summary["after_warm_up"]
    names = list(summary["resources"])
    heads = [f"{name} MB" for name in names] + [f"{name} files" for name in names]
    lines = [
        "minute  sent  certs  missed    n    p50    p99  p99.9    max ms  stolen s  "
        + "  ".join(heads)
    ]
    for row in summary["minutes"]:
        times = row["processing_ms"]
        shown = "  ".join(f"{times.get(k, 0):5.1f}" for k in ("p50", "p99", "p99.9", "max"))
        memory = [f"{row['memory_mb'].get(n, 0):.1f}".rjust(len(n) + 3) for n in names]
        files = [f"{row['files'].get(n, 0)}".rjust(len(n) + 6) for n in names]
        lines.append(
            f"{row['minute']:6d} {row['sent']:5d}  {row['certificates']:5d}  "
            f"{row['deadline_missed']:6d} {row['n_median'] or 0:4.0f}  {shown}     "
            f"{row['stolen_s']:8.2f}  " + "  ".join(memory + files)
        )
    lines += [
        "",
        f"{summary['frames_sent']} frames sent in {summary['seconds']:.0f} s, "
        f"{summary['certificates']} certificates, {summary['superseded']} superseded, "
        f"{summary['lost_in_transport']} lost in transport",
        ", ".join(f"{name.lower()} {count}" for name, count in summary["statuses"].items()),
        f"after {summary['warm_up_s']:g} s of warm-up: {after['deadline_missed']} of "
        f"{after['frames_sent']} deadlines missed ({after['missed_share']:.3%}), "
        f"{after['unanswered_share']:.3%} without a certificate, median n {after['n_median']}",
        _line("reception to certificate", after["processing_ms"]),
        _line("stamp to the listener", after["image_to_certificate_ms"]),
    ]
    for name, found in summary["resources"].items():
        lines.append(
            f"{name}: {found['memory_first_mb']:.1f} MB to {found['memory_last_mb']:.1f} MB, "
            f"range {found['memory_range_mb']:.1f} MB, "
            f"{found['memory_slope_mb_per_hour']:+.1f} MB an "
            f"hour; files {found['files_first']} to {found['files_last']}, most "
            f"{found['files_most']}"
        )
    lines.append("")
    lines += [f"{'yes' if met else 'NO ':3s} {what}" for what, met in summary["verdicts"].items()]
    return "\n".join(lines)


def _line(what: str, times: dict[str, float]) -> str:
    return f"{what}: " + ", ".join(f"{name} {value:.1f} ms" for name, value in times.items())
