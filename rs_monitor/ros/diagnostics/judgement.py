# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The diagnostics `Deadline`, `Engine` and `Certification`: from statistics to what they say."""

from __future__ import annotations

from collections.abc import Mapping

from ...certification import Status
from ...engine_state import EngineStage, EngineState
from ..configuration import Configuration
from .report import Finding, Level, Report, make_report, percent
from .statistics import PERCENTILES, Counts, Summary

_STAGE_LEVELS = {
    EngineStage.CLOSED: Level.STALE,
    EngineStage.OPENING: Level.WARN,
    EngineStage.BUILDING: Level.WARN,
    EngineStage.READY: Level.OK,
    EngineStage.HUNG: Level.ERROR,
    EngineStage.REOPENING: Level.ERROR,
    EngineStage.GIVEN_UP: Level.ERROR,
}
_FRAME_PERIODS = 2  # without news that are no silence yet, as for the offered deadline


def judge_deadline(summary: Summary, configuration: Configuration) -> Report:
    """Tell of the time from reception to certificate."""
    window, total = summary.window, summary.total
    milliseconds = [1e3 * latency for latency in summary.latencies]
    names = [f"p{percentile:g}" for percentile in PERCENTILES] + ["largest"]
    latencies = dict(zip(names, milliseconds)) if milliseconds else dict.fromkeys(names)
    budget = 1e3 * configuration.budget
    missed, frames = window.statuses[Status.DEADLINE_MISSED], window.certificates
    values = {f"latency {name} (ms)": rounded(value) for name, value in latencies.items()} | {
        "budget (ms)": round(budget, 3),
        "window (s)": summary.span,
        "certificates in window": frames,
        "certificates": total.certificates,
        "missed in window": missed,
        "missed": total.statuses[Status.DEADLINE_MISSED],
        "late in window": window.late,
        "late": total.late,
    }
    # The watchdog answers for an engine that hangs: this is for all that nobody foresaw.
    if (summary.unanswered or 0.0) > silence(configuration):
        said = f"images come, but no certificate for {summary.unanswered:.1f} s"
        return make_report([Finding(Level.ERROR, said)], "", values)
    if not frames:
        return make_report([_nothing(summary)], "", values)
    late = faults(missed + window.late, frames, "missed the deadline", configuration)
    return make_report([late], f"p99 {latencies['p99']:.1f} ms of {budget:.1f} ms", values)


def judge_engine(
    state: EngineState,
    summary: Summary,
    configuration: Configuration,
    about: Mapping[str, object],
) -> Report:
    """Tell of the engine: what runs where, whether it can be used, and its failures.

    Parameters
    ----------
    state : EngineState
    summary : Summary
    configuration : Configuration
    about : mapping
        What is in force, by key: `backend`, `device`, `precision` and more; empty for nothing.
    """
    window = summary.window
    failed = window.statuses[Status.ENGINE_ERROR]
    shown = ("backend", "version", "device", "precision", "model", "model id", "chunk size")
    values = {"stage": state.stage.value, "detail": state.detail or None}
    values |= {key: about.get(key) for key in shown} | {
        "consecutive failures": state.failures,
        "failures since configured": state.failures_total,
        "window (s)": summary.span,
        "failed frames in window": failed,
        "failed frames": summary.total.statuses[Status.ENGINE_ERROR],
    }
    said = state.stage.value
    if state.failures:
        said += f" after {state.failures} failure(s) in a row"
    if state.detail:
        said += f": {state.detail}"
    findings = []
    level = _STAGE_LEVELS[state.stage]
    if state.failures:  # none is forgotten at once: the next may come soon
        level = Level.WARN if state.stage is EngineStage.READY else Level.ERROR
    if level:
        findings.append(Finding(level, said))
    if failed:  # even one is no matter of course
        some = Finding(Level.WARN, f"{failed} of {window.certificates} frames failed in it")
        many = faults(failed, window.certificates, "failed in it", configuration)
        findings.append(many or some)
    if about:
        said = f"{about['backend']} {about['precision']} on {about['device']}"
    return make_report(findings, said, values)


def judge_certification(summary: Summary, configuration: Configuration) -> Report:
    """Tell of the certificates: how many certify, and how far.

    Never ERROR: abstaining is what the method does where it has no evidence, and what fails is
    told by the other diagnostics.
    """
    window, total, settings = summary.window, summary.total, configuration.settings
    certified, abstained = _share(window, Status.CERTIFIED), _share(window, Status.ABSTAINED)
    required = configuration["certification.required_radius"]
    values = {
        "certified (%)": rounded(100 * certified, 1),
        "abstained (%)": rounded(100 * abstained, 1),
        "failed (%)": rounded(100 * max(0.0, 1 - certified - abstained), 1),
        "window (s)": summary.span,
        "certificates in window": window.certificates,
        "certified": total.statuses[Status.CERTIFIED],
        "abstained": total.statuses[Status.ABSTAINED],
        "certificates": total.certificates,
        "mean radius of the certified": rounded(summary.radius, 4),
        "median n": summary.n_used,
        "median cap of the radius": rounded(summary.radius_cap, 4),
        "required radius": required,
        "sigma": settings.sigma,
        "alpha": settings.alpha,
        "procedure": settings.procedure,
    }
    if not window.certificates:
        nothing = dict.fromkeys(("certified (%)", "abstained (%)", "failed (%)"))
        return make_report([_nothing(summary)], "", values | nothing)
    findings = []
    said = f"{percent(certified)} certified, {percent(abstained)} abstained"
    if certified < configuration["diagnostics.min_certified_fraction"]:
        findings.append(Finding(Level.WARN, said))
    if summary.radius_cap is not None and required > summary.radius_cap:
        findings.append(
            Finding(
                Level.WARN,
                f"certification.required_radius {required:g} is above {summary.radius_cap:.3f}, "
                "the most that this n, sigma and alpha can give",
            )
        )
    if summary.radius is not None:
        said += f", mean radius {summary.radius:.3f}"
    return make_report(findings, said, values)


def silence(configuration: Configuration) -> float:
    """Return the seconds without news that are an error."""
    periods = _FRAME_PERIODS * configuration["timing.frame_period"]
    return max(configuration["diagnostics.silence"], periods)


def faults(count: int, of: int, what: str, configuration: Configuration) -> Finding | None:
    """Return what is to be said of `count` faults among `of` frames."""
    share = count / of if of else 0.0
    if share > configuration["diagnostics.error_fraction"]:
        level = Level.ERROR
    elif share > configuration["diagnostics.max_fault_fraction"]:
        level = Level.WARN
    else:
        return None
    return Finding(level, f"{percent(share)} of the frames {what}")


def _share(counts: Counts, status: Status) -> float:
    return counts.statuses[status] / counts.certificates if counts.certificates else 0.0


def _nothing(summary: Summary) -> Finding:
    return Finding(Level.STALE, f"no certificate in the last {summary.span:g} s")


def rounded(value: float | None, digits: int = 2) -> float | None:
    """Return a value as it is shown."""
    return None if value is None else round(value, digits)
