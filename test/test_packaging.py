# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
"""What is declared agrees with what is there, and all of it is installed."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import rs_monitor

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path
    for folder in ("rs_monitor", "launch", "test", "tools")
    for path in (ROOT / folder).rglob("*.py")
)

# Import name -> (pip name, rosdep key) of what every part of the package may import.
REQUIRED = {
    "cv2": ("opencv-python-headless", "python3-opencv"),
    "numpy": ("numpy", "python3-numpy"),
    "scipy": ("scipy", "python3-scipy"),
    "tqdm": ("tqdm", "python3-tqdm"),
    "yaml": ("PyYAML", "python3-yaml"),
}
# Import name -> extra: from pip only, imported where it is used, never in package.xml.
OPTIONAL = {
    "bokeh": "report",
    "hypothesis": "test",
    "jinja2": "report",
    "matplotlib": "figures",
    "onnx": "torch",
    "onnxruntime": "quantize",
    "openvino": "openvino",
    "psutil": "benchmark",
    "pyarrow": "replay",
    "ray": "ray",
    "rosbags": "bags",
    "torch": "torch",
}
VIA_ROSBAGS = {"backports", "compression", "lz4"}  # its dependencies (zstd: or Python 3.14's own)


def manifest(folder="."):
    return ElementTree.parse(ROOT / folder / "package.xml").getroot()


def imports(folder):
    """Return the packages that the modules in a folder import, and which of them at the top."""
    everywhere, at_top = set(), set()
    for path in (ROOT / folder).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {node.module.split(".")[0]}
            else:
                continue
            everywhere |= names
            if node in tree.body:
                at_top |= names
    own = {"rs_monitor", "__future__", *sys.stdlib_module_names}
    return everywhere - own, at_top - own


def test_one_version():
    assert manifest().findtext("version") == rs_monitor.__version__
    assert manifest("rs_monitor_msgs").findtext("version") == rs_monitor.__version__
    for changelog in (ROOT / "CHANGELOG.rst", ROOT / "rs_monitor_msgs" / "CHANGELOG.rst"):
        latest = re.search(r"^(\d+\.\d+\.\d+) ", changelog.read_text(), re.MULTILINE).group(1)
        assert latest == rs_monitor.__version__


@pytest.mark.parametrize("folder", [".", "rs_monitor_msgs"])
def test_manifest_is_complete(folder):
    root = manifest(folder)
    assert root.get("format") == "3"
    assert root.findtext("license") == "Apache-2.0"
    assert "@" in root.find("maintainer").get("email")
    assert root.findtext("description").strip()
    kind = {".": "ament_python", "rs_monitor_msgs": "ament_cmake"}[folder]
    assert root.findtext("export/build_type") == kind


def test_imports_are_declared_in_the_manifest():
    declared = {element.text for element in manifest().findall("exec_depend")}
    used = (imports("rs_monitor")[0] | imports("launch")[0]) - set(OPTIONAL) - VIA_ROSBAGS
    assert {REQUIRED[name][1] if name in REQUIRED else name for name in used} <= declared


def test_imports_are_declared_for_pip():
    requires = importlib.metadata.requires("rs_monitor") or []
    always = {re.match(r"[\w-]+", line).group(0) for line in requires if "extra ==" not in line}
    assert always == {pip for pip, _ in REQUIRED.values()}
    for name, extra in OPTIONAL.items():
        assert any(line.startswith(name) and f'"{extra}"' in line for line in requires), name


def test_optional_runtimes_are_imported_where_they_are_used():
    # Whoever only certifies votes needs no inference runtime.
    assert not imports("rs_monitor/certification")[0] - {"numpy", "scipy"}
    assert not imports("rs_monitor/ros")[1] & {"openvino", "onnx", "torch"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_licence_header(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    assert lines[:2] == [
        "# SPDX-FileCopyrightText: 2026 The rs_monitor authors",
        "# SPDX-License-Identifier: Apache-2.0",
    ]


def test_the_pages_parts_are_installed(tmp_path):
    command = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib"]
    subprocess.run([*command, tmp_path], cwd=ROOT, check=True)
    folder = Path("rs_monitor", "evaluation", "report", "assets")
    names = sorted(path.name for path in (ROOT / folder).iterdir())
    assert names == sorted(path.name for path in (tmp_path / folder).iterdir())
    assert "report.html.j2" in names


def test_package_data_is_installed(tmp_path):
    command = [sys.executable, "setup.py", "--quiet", "install_data", "--install-dir"]
    subprocess.run([*command, tmp_path], cwd=ROOT, check=True)
    share = tmp_path / "share" / "rs_monitor"
    wanted = [ROOT / "package.xml"]
    for folder in ("config", "launch", "models"):
        found = [p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix != ".pyc"]
        assert found, folder
        wanted += found
    for path in wanted:
        assert (share / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    marker = tmp_path / "share" / "ament_index" / "resource_index" / "packages" / "rs_monitor"
    assert marker.exists()


def test_package_data_is_found_through_the_ament_index():
    packages = pytest.importorskip("ament_index_python.packages", reason="needs ROS 2")
    share = Path(packages.get_package_share_directory("rs_monitor"))
    for path in ("launch/certify.launch.py", "config/certify.yaml", "models"):
        assert (share / path).exists()
    programs = Path(packages.get_package_prefix("rs_monitor"), "lib", "rs_monitor")
    assert {"certify_node", "rs_monitor"} <= {path.name for path in programs.iterdir()}


def test_no_file_is_a_burden_to_clone():
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    large = [p for p in listed if p and (ROOT / p).is_file() and (ROOT / p).stat().st_size > 20e6]
    assert not large


def test_certificate_message():
    msg = pytest.importorskip("rs_monitor_msgs.msg", reason="make setup builds it")
    statuses = (
        "UNKNOWN CERTIFIED ABSTAINED DEADLINE_MISSED STALE_INPUT UNSUPPORTED_ENCODING "
        "ENGINE_ERROR INVALID_INPUT"
    )
    for value, name in enumerate(statuses.split()):
        assert getattr(msg.Certificate, name) == value
    # Recorded bags stay readable: fields may be filled later, but neither renamed nor moved.
    assert list(msg.Certificate.get_fields_and_field_types().items())[:12] == [
        ("header", "std_msgs/Header"),
        ("status", "uint8"),
        ("abstain", "boolean"),
        ("reason", "string"),
        ("class_id", "int32"),
        ("class_name", "string"),
        ("radius", "double"),
        ("radius_sensor", "double"),
        ("radius_cap", "double"),
        ("p_lower", "double"),
        ("votes_top", "uint32"),
        ("votes_runner_up", "uint32"),
    ]
    assert len(msg.Certificate.get_fields_and_field_types()) == 34
    assert msg.Certificate().status == msg.Certificate.UNKNOWN  # a zeroed message is not safe


def test_setup_says_in_one_line_what_is_missing(tmp_path):
    bare = tmp_path / "bin"
    bare.mkdir()
    environment = {**os.environ, "PATH": str(bare)}
    environment.pop("CXX", None)
    environment.pop("ROS_DISTRO", None)
    done = subprocess.run(
        [sys.executable, "tools/setup_venv.py", tmp_path / "venv"],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"setup: .* lacks .*: apt-get install .*cmake .*g\+\+\n", done.stderr)
    assert not (tmp_path / "venv").exists()
