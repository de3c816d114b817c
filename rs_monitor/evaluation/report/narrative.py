# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the results say, in sentences (not escaped: the template does it)."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from .curves import average
from .events import Runs, runs
from .latency import Latency
from .results import Results, number
from .words import UNKNOWN, count_text, n_text, share_text, status_text, text


def facts(results: Results) -> list[tuple[str, str]]:
    """Return the head of the report: what was certified, with what."""
    main, model = results.main, results.member()
    name, identity = text(model.get("name")), model.get("model_id")
    rows = [
        ("model", f"{name} ({text(identity)})" if identity else name),
        ("sha256", text(model.get("sha256"))),
        ("sigma", f"{main.sigma:g}"),
        ("alpha", f"{number(results.setting('alpha')):g} a frame"),
        ("n, samples a frame", n_text(main.n).removeprefix("n ")),
        ("procedure", text(results.setting("procedure"))),
        ("resolution", main.resolution),
    ]
    engine = [results.setting("backend"), results.setting("version")]
    rows.append(("backend", " ".join(text(part) for part in engine if part) or UNKNOWN))
    rows += [(key, text(results.setting(key))) for key in ("precision", "device", "mode")]
    machine = results.summary.get("machine")
    if isinstance(machine, dict):
        parts = [machine.get("system"), machine.get("machine")]
        parts += [f"{text(machine['cores'])} cores"] if machine.get("cores") else []
        machine = ", ".join(text(part) for part in parts if part)
    return [*rows, ("machine", text(machine))]


def sentences(results: Results, latency: Latency | None) -> list[str]:
    """Return the summary in plain words."""
    frames, main = results.frames, results.main
    total, certified = len(frames), int(frames.certified.sum())
    bags = len({bag for bag, _ in frames.sources})
    where = f"in {count_text(bags, 'recording')} at sigma {main.sigma:g}, {n_text(main.n)}"
    said = [
        f"{certified:,} of {count_text(total, 'frame')} ({share_text(certified, total)}) were "
        f"certified, {where}"
        + (": no change of the frame smaller than its radius changes its class." * bool(certified))
    ]
    others = Counter(frames.status[~frames.certified].tolist())
    if others:
        kinds = (f"{count:,} {status_text(name)}" for name, count in others.most_common())
        said.append(f"Not certified: {', '.join(kinds)}.")
    mean, error = average(results, main)
    if math.isfinite(mean):
        of = "a frame wrong or not certified" if results.labelled else "a frame not certified"
        spread = f" (standard error {error:.3f})" if math.isfinite(error) else ""
        said.append(f"The average certified radius is {mean:.3f}{spread}; {of} counts as 0.")
    if results.labelled:
        known, wrong = int(frames.labelled.sum()), int(frames.wrong.sum())
        right = int((frames.certified & frames.labelled).sum()) - wrong
        said.append(
            f"Of {count_text(known, 'frame')} with a label {right:,} "
            f"({share_text(right, known)}) were certified as their class and {wrong:,} as another."
        )
    else:
        said.append("No labels were given: nothing here says whether a certified class is right.")
    required = number(results.setting("required_radius", 0))
    if required > 0:
        enough = int((frames.certified & (frames["radius"] >= required)).sum())
        said.append(
            f"{count_text(enough, 'frame')} ({share_text(enough, total)}) reached the required "
            f"radius {required:g}."
        )
    said += _gaps(results)
    if latency is not None and latency.live:
        said.append(
            f"From image to certificate it took {latency.median:.1f} ms in the median and "
            f"{latency.p99:.1f} ms at the 99th percentile; {latency.late:,} of {latency.count:,} "
            f"took longer than the frame period of {latency.period:.3g} ms."
        )
    return said


def _gaps(results: Results) -> list[str]:
    """Say what the longest stretch without a certificate was."""
    frames = results.frames
    longest: tuple[float, int, int, Runs, int] | None = None
    count = 0
    for source in range(len(frames.sources)):
        rows = frames.of(source)
        found = runs(frames.seconds[rows], ~frames.certified[rows])
        count += len(found)
        if len(found):
            at = int(np.lexsort((found.frames, found.end - found.start))[-1])
            gap = float(found.end[at] - found.start[at]), int(found.frames[at]), source, found, at
            longest = gap if longest is None or gap[:2] > longest[:2] else longest
    if longest is None:
        return ["Every frame was certified."]
    if not frames.certified.any():
        return []
    seconds, length, source, found, at = longest
    return [
        f"Certification was interrupted {count_text(count, 'time')}, at most for "
        f"{count_text(length, 'frame')} ({seconds:.2f} s) from {found.start[at]:.2f} s on in "
        f"{frames.title(source)}."
    ]


def warnings(results: Results) -> list[str]:
    """Return the run's warnings."""
    found = results.summary.get("warnings") or []
    return [str(warning) for warning in (found if isinstance(found, list) else [found])]
