# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Bring what is generated from the code up to date: parameter files, and tables in documents.

    make docs

A document has a table where it says `<!-- NAME -->` and `<!-- end of NAME -->`, each on a line of
its own. Needs ROS, for the types of the topics.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
from pathlib import Path
from types import ModuleType

from rs_monitor import parameters
from rs_monitor.families import load_family, shipped_families
from rs_monitor.models import results
from rs_monitor.parameter import markdown_table, yaml_text
from rs_monitor.ros import topics
from rs_monitor.safety import parameters as safety_parameters

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)


def tables() -> dict[str, str]:
    """Return every table by its name."""
    report = _module(ROOT / "benchmarks" / "report.py")
    members = {path.parent.name: load_family(path).members for path in shipped_families()}
    return {
        "models": results.short_markdown_table(sum(members.values(), ())),
        "traffic signs": results.markdown_table(members["traffic_signs"]),
        "ensembles": results.markdown_table(members["traffic_signs_ensemble"]),
        "CIFAR-10": results.markdown_table(members["cifar10"]),
        "parameters": markdown_table(parameters.PARAMETERS),
        "safety parameters": markdown_table(safety_parameters.PARAMETERS),
        "topics": topics.markdown_table(),
        "machines": report.machines_table(ROOT / "benchmarks"),
        "soaks": report.soaks_table(ROOT / "benchmarks"),
    }


def _module(path: Path) -> ModuleType:
    """Import a program that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_tables(text: str) -> tuple[str, set[str]]:
    """Return a document with its tables up to date, and the names of those it has.

    Raises
    ------
    ValueError
        For a table without an end.
    """
    found = set()
    for name, table in tables().items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        if begin not in text:
            continue
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        text, count = pattern.subn(lambda _, new=begin + table + end: new, text)
        if not count:
            raise ValueError(f"<!-- {name} --> has no end")
        found.add(name)
    return text, found


def generated() -> dict[Path, str]:
    """Return the content that every file with generated parts should have.

    Raises
    ------
    ValueError
        When a table is in no document, or in several.
    """
    config = ROOT / "config"
    files = {
        config / f"{name}.yaml": yaml_text(module.PARAMETERS, module.TITLE)
        for name, module in (("certify", parameters), ("safety_monitor", safety_parameters))
    }
    places: dict[str, list[str]] = {name: [] for name in tables()}
    for path in DOCUMENTS:
        text, found = with_tables(path.read_text(encoding="utf-8"))
        if found:
            files[path] = text
        for name in found:
            places[name].append(path.name)
    for name, documents in places.items():
        if len(documents) != 1:
            raise ValueError(f"the table of {name} must be in one document, it is in {documents}")
    return files


def main() -> None:
    """Write the files that are out of date."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for path, text in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
