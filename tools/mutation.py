# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""Mutation testing, by mutmut: change the code that certifies, and see whether its tests notice.

`python tools/mutation.py [MODULE...] [--again] [--survivors]`; all modules without one. Mutants of
a module are shown to the tests of that module alone, which mirror it. Each module has a folder
in build/mutation, where a run that was stopped goes on.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutation"
LEAST_KILLED = 0.9
#: Modules in the order of what depends on them, with tests besides those that mirror them.
MODULES = {
    "certification/bounds": (),
    "certification/pairs": ("certification/test_coverage.py",),
    "certification/single_pass_table": (),
    "certification/procedures": (),
    "certification/joint": (),
    "certification/winner": (),
    "certification/certificate": (),
    "certification/checks": (),
    "certification/curtailment": (),
    "certification/geometry": (),
    "certification/expectation": (),
    "certification/least_n": (),
    "certification/planning": (),
    "certification/approximations": (),
    "certifier": (),
    "frame_certificate": ("certifier",),
    "sampling": (),
    "pacing": (),
    "chunks": (),
    "refitting": (),
    "safety/consumer_rule": (),
    "safety/evidence": (),
}
# Not mutmut's way to fork: a worker would inherit what tests of the original have left in caches.
# A mutant that waits or loops for ever is ended by SIGXCPU, whose default action needs no help of
# the interpreter, after multiplier * (time of its tests + constant): about half a minute. Where
# threads wait for each other many end so: at 20 times, a module looked as if it hung.
SETTINGS = """
[mutmut]
source_paths = rs_monitor
only_mutate = rs_monitor/{module}.py
pytest_add_cli_args_test_selection =
    {tests}
pytest_add_cli_args =
    -m
    not simulation
    --hypothesis-profile=mutation
    -p
    no:cacheprovider
process_isolation = forkserver
timeout_multiplier = 5
timeout_constant = 3
"""
KINDS = ("killed", "timed out", "survived", "untested", "unchecked")
# Exit statuses as mutmut records them; an interpreter that crashed has been killed, too.
KIND_BY_STATUS = {
    None: "unchecked", 2: "unchecked", 255: "unchecked",  # no verdict: pytest itself failed
    0: "survived", 5: "untested", 33: "untested",
    -24: "timed out", 24: "timed out", 36: "timed out", 152: "timed out",
}  # fmt: skip


def folder_of(module):
    """Return where the mutants of a module live."""
    return WORK / module.replace("/", ".")


def results(module):
    """Return {mutant: kind}, empty before the first run."""
    path = folder_of(module) / "mutants" / "rs_monitor" / f"{module}.py.meta"
    if not path.exists():
        return {}
    codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return {mutant: KIND_BY_STATUS.get(code, "killed") for mutant, code in codes.items()}


def mutmut(module, *arguments, **options):
    """Run mutmut on a module."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    # Not from our own folder, as an editable package would be.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder_of(module), env=env, text=True, **options)


def test_mutants(module, children, again):
    """Run what is unchecked; `again`: instead what survived or ran out of time."""
    folder = folder_of(module)
    for part in ("rs_monitor", "test"):  # with the times of the originals: mutmut compares them
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, folder / part, dirs_exist_ok=True, ignore=ignored)
    mirror = Path(module)  # a folder, where they are many
    if not (ROOT / "test" / mirror).is_dir():
        mirror = mirror.parent / f"test_{mirror.name}.py"
    tests = "\n    ".join(f"test/{path}" for path in (mirror, *MODULES[module]))
    settings = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    settings += SETTINGS.format(module=module, tests=tests)
    (folder / "setup.cfg").write_text(settings, encoding="utf-8")
    kinds = ("survived", "timed out", "untested")
    names = [name for name, kind in results(module).items() if again and kind in kinds]
    if names or not again:
        (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # of earlier tests
        log = folder / "log.txt"
        with log.open("w", encoding="utf-8") as output:
            done = mutmut(
                module, "run", f"--max-children={children}", *names,
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        if done.returncode:
            sys.exit(f"mutation: mutmut failed on {module}; what it said is in {log}")


def rows(modules):
    """Return the table's lines, and the share killed of all."""
    lines = [f"{'module':34}{'mutants':>9}" + "".join(f"{k:>11}" for k in KINDS) + f"{'score':>8}"]
    total = Counter()
    counts = {module: Counter(results(module).values()) for module in modules}
    for count in counts.values():
        total += count
    for name, count in (*counts.items(), ("all", total)):
        score = (count["killed"] + count["timed out"]) / max(1, count.total())
        numbers = "".join(f"{count[kind]:>11}" for kind in KINDS)
        lines.append(f"{name:34}{count.total():>9}{numbers}{score:>8.1%}")
    return lines, score


def main():
    """Test mutants and print the table; exits with 1 where too few are killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="certification/bounds")
    parser.add_argument("--again", action="store_true", help="only those not killed before")
    parser.add_argument("--survivors", action="store_true", help="run none; show who lives")
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="processes")
    arguments = parser.parse_args()
    modules = arguments.modules or list(MODULES)
    for module in modules:
        if module not in MODULES:
            parser.error(f"no module {module!r}: it must be one of {', '.join(MODULES)}")
    for module in modules:
        if arguments.survivors:
            for name, kind in results(module).items():
                if kind in ("survived", "untested"):
                    print(f"{kind}:", mutmut(module, "show", name, stdout=subprocess.PIPE).stdout)
        else:
            test_mutants(module, arguments.children, arguments.again)
            print(rows([module])[0][1], flush=True)
    lines, score = rows(modules)
    print("\n".join(lines))
    unchecked = any("unchecked" in results(module).values() for module in modules)
    return 1 if unchecked or score < LEAST_KILLED else 0


if __name__ == "__main__":
    sys.exit(main())
