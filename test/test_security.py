# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What must not be in the code, because it would let a file or a message run code."""

import ast
import re
from pathlib import Path

import pytest

from rs_monitor.parameters import PARAMETERS
from rs_monitor.safety.parameters import PARAMETERS as SAFETY_PARAMETERS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path for folder in ("rs_monitor", "launch") for path in (ROOT / folder).rglob("*.py")
)
UNPICKLERS = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
# CIFAR-10's python batches are pickles: an Unpickler whose every name stands for inert data.
RESTRICTED_UNPICKLER = "rs_monitor/datasets/inert_pickle.py"
PICKLE_ERRORS = {"PickleError", "UnpicklingError"}  # others raise them: anybody may catch them
DECODER = "rs_monitor/frames/compressed.py"  # headers are checked here before pixels are decoded
FORBIDDEN = {
    "__import__",
    "eval",
    "exec",
    "os.popen",
    "os.system",
    "pandas.read_pickle",
    "tempfile.mktemp",
    "torch.jit.load",
    "torch.package.PackageImporter",
    "yaml.full_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.unsafe_load",
}


def dotted(node):
    """Return `a.b.c` for such an expression, else ""."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def offences(source, name=""):
    """Return what in a module must not be there."""
    tree = ast.parse(source)
    found = []
    inert = PICKLE_ERRORS | ({"Unpickler"} if name == RESTRICTED_UNPICKLER else set())
    real = {}  # local name -> what it was imported as
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            real |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
            modules = {(alias.name.split(".")[0], "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            real |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            modules = {(node.module.split(".")[0], alias.name) for alias in node.names}
        else:
            continue
        for module, member in modules:
            if module in UNPICKLERS and not (module == "pickle" and member in {"", *inert}):
                found.append(f"import of {module}.{member}")

    def full(node):
        first, dot, rest = dotted(node).partition(".")
        return real.get(first, first) + dot + rest

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and full(node).startswith("pickle."):
            if node.attr not in inert:
                found.append(dotted(node))
        if not isinstance(node, ast.Call):
            continue
        called = re.sub("^numpy", "np", full(node.func))
        options = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
        if called in FORBIDDEN or called == "compile":
            found.append(called)
        if options.get("shell"):
            found.append(f"{called}(shell)")
        if called == "torch.load" and options.get("weights_only") is not True:
            found.append("torch.load without weights_only=True")
        if called == "np.load" and options.get("allow_pickle", False) is not False:
            found.append("np.load with allow_pickle")
        if re.fullmatch(r"cv2\.im(read|decode)(multi|animation)?", called) and name != DECODER:
            found.append(f"{called}: decode_compressed bounds what is decoded")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_read_is_run(path):
    name = path.relative_to(ROOT).as_posix()
    assert not offences(path.read_text(encoding="utf-8"), name)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(x)",
        "import pickle as p\np.load(x)",
        "import pickle\nclass U(pickle.Unpickler): ...",
        "import dill",
        "from pickle import loads",
        "import joblib.externals",
        "eval('1')",
        "exec(open('x').read())",
        "compile('1', '', 'eval')",
        "import yaml\nyaml.load(x, Loader=yaml.Loader)",
        "from yaml import unsafe_load as safe\nsafe(x)",
        "import torch\ntorch.load(path)",
        "from torch import load\nload(path, weights_only=False)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy\nnumpy.load(path, allow_pickle=flag)",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import os\nos.system('ls')",
        "import cv2\ncv2.imread(path)",
        "from cv2 import imdecode\nimdecode(data, 1)",
    ],
)
def test_offences_are_found(source):
    assert offences(source)


def test_the_restricted_unpickler_is_only_that():
    assert not offences("import pickle\nclass U(pickle.Unpickler): ...", RESTRICTED_UNPICKLER)
    assert not offences("import pickle\ntry: ...\nexcept pickle.UnpicklingError: ...")
    assert offences("import pickle\npickle.loads(x)", RESTRICTED_UNPICKLER)
    assert offences("from pickle import load", RESTRICTED_UNPICKLER)


def test_parameters_that_name_files_are_marked():
    # Then `security.model_roots` holds for them, see make_configuration.
    names = {p.name for p in PARAMETERS if p.names_file}
    assert names == {
        p.name
        for p in PARAMETERS
        if isinstance(p.default, str)
        and not p.choices
        and p.name != "security.model_roots"
        and re.search(r"path|dir|file|folder|card", f"{p.name} {p.description}")
    }
    assert not any(p.names_file for p in SAFETY_PARAMETERS)
