# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What the virtual environment holds: a list for others, and what is known to be wrong with it.

    python tools/audit.py sbom .venv build/sbom.cdx.json     # CycloneDX, by cyclonedx-bom
    python tools/audit.py vulnerabilities .venv              # by pip-audit, against PyPI

Both tools live in an environment of their own, build/audit-venv, made when it is needed.
`vulnerabilities` exits with 1 for a finding that tools/audit_exceptions.txt does not explain.
Where the database cannot be asked it says so in one line, and exits with 0: that is no finding.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = ROOT / "tools" / "audit_exceptions.txt"
_TOOLS = ROOT / "build" / "audit-venv"
_REQUIREMENTS = ("pip-audit>=2.7,<3", "cyclonedx-bom>=7,<8")
# What pip-audit asks for, for one package: a pip with a known vulnerability. Mirrors of PyPI often
# answer for the latest version only, or with an empty list.
_PROBE = "https://pypi.org/pypi/pip/23.0/json"
_PROBE_LIMIT = 5.0  # seconds
_LIMIT = 120.0  # seconds for all of it
_STARTED = time.monotonic()


class NotDone(Exception):
    """Nothing can be said, for a reason outside the environment."""


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=max(0.0, _LIMIT - (time.monotonic() - _STARTED)),
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise NotDone(f"{Path(command[0]).name} took longer than {_LIMIT:g} s") from error
    except OSError as error:
        raise NotDone(f"{Path(command[0]).name}: {error}") from error


def _tool(name: str) -> Path:
    """Return a tool's program, installing both tools where they are missing."""
    program = _TOOLS / "bin" / name
    if not program.exists():
        python = _TOOLS / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", *_REQUIREMENTS]
        for command in ([sys.executable, "-m", "venv", "--clear", _TOOLS], install):
            done = _run(command)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
                raise NotDone(f"{' and '.join(_REQUIREMENTS)} cannot be installed: {last}")
    return program


def read_exceptions(text: str) -> dict[str, str]:
    """Read the findings that are explained: a line each, the identifier and then the reason.

    Raises
    ------
    ValueError
        For a line without a reason.
    """
    explained = {}
    for line in text.splitlines():
        identifier, _, reason = line.partition("#")[0].strip().partition(" ")
        if identifier and not reason.strip():
            raise ValueError(f"{EXCEPTIONS.name}: {identifier} has no reason")
        if identifier:
            explained[identifier] = reason.strip()
    return explained


def judge(report: dict, explained: dict[str, str]) -> tuple[list[str], str]:
    """Return the findings that nobody has explained, and a summary.

    Parameters
    ----------
    report : dict
        What pip-audit writes as JSON.
    explained : dict of str to str
        Identifier to reason.

    Raises
    ------
    NotDone
        When the database knew no package at all: then it is no database.
    """
    packages = report["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        raise NotDone(f"the database knows none of the {len(packages)} packages")
    found, excused = [], set()
    for package in audited:
        for finding in package["vulns"]:
            names = {finding["id"], *finding.get("aliases", ())}
            if names & explained.keys():
                excused |= names & explained.keys()
                continue
            fixed = ", ".join(finding.get("fix_versions", ())) or "no version yet"
            found.append(
                f"{package['name']} {package['version']}: {finding['id']}, fixed in {fixed}"
            )
    summary = f"{len(audited)} of {len(packages)} packages are known to it"
    if excused:
        summary += f"; explained: {', '.join(sorted(excused))}"
    if stale := sorted(explained.keys() - excused):
        summary += f"; explained, but not found any more: {', '.join(stale)}"
    return found, summary


def _ask_database() -> None:
    """Look whether the database answers at all, before anything is installed."""
    try:
        with urllib.request.urlopen(_PROBE, timeout=_PROBE_LIMIT) as answer:
            if not json.load(answer)["vulnerabilities"]:
                raise ValueError("it has forgotten those of pip 23.0")
    except (OSError, ValueError, LookupError, TypeError) as error:
        detail = " ".join(str(error).split())
        raise NotDone(f"no vulnerability database at {_PROBE} ({detail})") from error


def audit(venv: Path) -> int:
    """Print the findings; 1 when there are some."""
    explained = read_exceptions(EXCEPTIONS.read_text(encoding="utf-8"))
    _ask_database()
    folders = list(venv.glob("lib/python*/site-packages"))
    command = [_tool("pip-audit"), "--format", "json", "--progress-spinner", "off"]
    command += ["--timeout", "10", *(word for path in folders for word in ("--path", path))]
    done = _run(command)
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        raise NotDone(f"pip-audit: {last}") from error
    found, summary = judge(report, explained)
    for line in found:
        print(f"audit: {line}")
    print(f"audit: {len(found)} findings; {summary}")
    return 1 if found else 0


def write_sbom(venv: Path, path: Path) -> int:
    """Write the CycloneDX list; 1 when it cannot be had."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    command = [_tool("cyclonedx-py"), "environment", "--output-reproducible", "--validate"]
    done = _run([*command, "--output-file", partial, venv / "bin" / "python"])
    if done.returncode:
        partial.unlink(missing_ok=True)
        raise NotDone(f"cyclonedx-py: {(done.stderr.strip().splitlines() or ['it failed'])[-1]}")
    partial.replace(path)
    count = len(json.loads(path.read_text(encoding="utf-8"))["components"])
    print(f"sbom: {count} packages of {venv} in {path}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run a command; exit status 0, 1 for a finding or a list that cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("sbom", help="write a CycloneDX list")
    listing.add_argument("venv", type=Path)
    listing.add_argument("path", type=Path)
    check = commands.add_parser("vulnerabilities", help="ask PyPI's database")
    check.add_argument("venv", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "sbom":
            return write_sbom(chosen.venv, chosen.path)
        return audit(chosen.venv)
    except NotDone as reason:
        print(f"{chosen.command}: not done: {reason}")
        return 1 if chosen.command == "sbom" else 0


if __name__ == "__main__":
    sys.exit(main())
