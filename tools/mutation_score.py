# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Tabulate what `mutmut run` has found so far: `python tools/mutation_score.py [--survivors]`.

Exits with 1 while mutants are unchecked or fewer than 90 % of them are killed.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "mutants" / "rs_monitor"
LEAST_KILLED = 0.9
KINDS = ("killed", "timed out", "survived", "untested", "unchecked")
# Exit statuses as mutmut records them; an interpreter that crashed has been killed, too.
KIND_BY_STATUS = {
    None: "unchecked", 2: "unchecked", 0: "survived", 5: "untested", 33: "untested",
    -24: "timed out", 24: "timed out", 36: "timed out", 152: "timed out", 255: "timed out",
}  # fmt: skip


def read_results():
    """Return {module: {mutant: kind}} of all that was mutated."""
    results = {}
    for path in sorted(RESULTS.rglob("*.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        module = str(path.relative_to(RESULTS)).removesuffix(".meta")
        if codes:
            results[module] = {k: KIND_BY_STATUS.get(v, "killed") for k, v in codes.items()}
    return results


def table(results):
    """Return the rows of the table and the share killed."""
    lines = [f"{'module':36}{'mutants':>9}" + "".join(f"{k:>11}" for k in KINDS) + f"{'score':>9}"]
    total = Counter()
    for module, kinds in (*results.items(), ("all", None)):
        count = total if kinds is None else Counter(kinds.values())
        total += count if kinds else Counter()
        score = (count["killed"] + count["timed out"]) / max(1, count.total())
        numbers = "".join(f"{count[k]:>11}" for k in KINDS)
        lines.append(f"{module:36}{count.total():>9}{numbers}{score:>9.1%}")
    return lines, score


def main():
    """Print the table, and with --survivors what was changed in each mutant that lived."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--survivors", action="store_true", help="show what they changed")
    arguments = parser.parse_args()
    results = read_results()
    if not results:
        sys.exit(f"mutation_score: nothing in {RESULTS}: run `make mutation` first")
    if arguments.survivors:
        for mutants in results.values():
            for name, kind in mutants.items():
                if kind in ("survived", "untested"):
                    show = [sys.executable, "-m", "mutmut", "show", name]
                    print(f"{kind}:", subprocess.check_output(show, text=True, cwd=ROOT))
    lines, score = table(results)
    print("\n".join(lines))
    unchecked = any("unchecked" in mutants.values() for mutants in results.values())
    return 1 if unchecked or score < LEAST_KILLED else 0


if __name__ == "__main__":
    sys.exit(main())
