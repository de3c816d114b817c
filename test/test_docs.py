# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""The documents agree with the code: generated tables, links, and what they point at."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "benchmarks" / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tool():
    pytest.importorskip("rclpy", reason="topics' types need ROS")
    return load("write_tables")


def test_what_is_generated_is_up_to_date(tool):
    for path, text in tool.generated().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: make docs"


def test_a_table_that_differs_is_written_anew(tool):
    old = "a\n<!-- topics -->\n| wrong |\n<!-- end of topics -->\nb\n"
    text, found = tool.with_tables(old)
    assert found == {"topics"}
    assert text == f"a\n<!-- topics -->\n{tool.tables()['topics']}<!-- end of topics -->\nb\n"
    assert tool.with_tables(text)[0] == text
    with pytest.raises(ValueError, match="has no end"):
        tool.with_tables("<!-- topics -->\n")


def anchors(text):
    """Return the anchors that GitHub gives a document's headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path):
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:rs_monitor|test|tools|config|launch)/[\w./]+)`", text):
        assert (ROOT / name).exists(), name


def test_every_part_of_the_architecture_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(names) > 10
    for name in names:
        package = ROOT / "rs_monitor" / name
        assert package.is_dir() or package.with_suffix(".py").is_file(), name


def test_parameters_in_documents_exist(tool):
    known = {p.name for p in (*tool.parameters.PARAMETERS, *tool.safety_parameters.PARAMETERS)}
    groups = {name.partition(".")[0] for name in known if "." in name}
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for name in re.findall(r"`([a-z]+\.[a-z_]+)`", text):
            if name.partition(".")[0] in groups:
                assert name in known, f"{path.name}: {name}"
